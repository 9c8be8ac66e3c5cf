/**
 * A small hash being changed outside of the arena: a listpack in ordinary memory, as in expiring.ts. Several changes are made to it at no
 * risk, and only then is the result stored, or given up.
 */
import { copyBytes } from "../../base/bytes.ts";
import {
  EMPTY_LISTPACK_BYTES,
  elementBytes,
  encodedBytes,
  encodedIntegerBytes,
  encodeElement,
  encodeInteger,
  endPosition,
  findElement,
  firstElement,
  LISTPACK_HEADER_BYTES,
  listpackBytes,
  listpackCount,
  writeEmptyListpack,
} from "../../structure/listpack.ts";
import { writeWord } from "../../structure/listpack_encoding.ts";
import type { Pack } from "../packed.ts";
import { expiryAt } from "./field.ts";

const COUNT_AT = 4;
const COUNT_UNKNOWN = 65535;

export class Draft {
  bytes = new Uint8Array(4096);
  /** Bytes of the listpack. */
  length = 0;
  /** Fields carry an expiry. */
  expiring = false;
  private moved = new Uint8Array(256);

  /** An empty hash. */
  clear(expiring: boolean): void {
    writeEmptyListpack(this.bytes, 0);
    this.length = EMPTY_LISTPACK_BYTES;
    this.expiring = expiring;
  }

  /** What a small hash holds. */
  load(pack: Pack, expiring: boolean): void {
    const length = listpackBytes(pack.bytes, pack.offset);
    this.length = 0;
    this.reserve(length);
    copyBytes(this.bytes, 0, pack.bytes, pack.offset, length);
    this.length = length;
    this.expiring = expiring;
  }

  get fields(): number {
    return listpackCount(this.bytes, 0) / (this.expiring ? 3 : 2);
  }

  /** Position of the field with this name, -1 for none. */
  find(name: Uint8Array, start: number, length: number): number {
    return findElement(this.bytes, 0, firstElement(this.bytes, 0), name, start, length, this.expiring ? 2 : 1);
  }

  /** Adds a field that isn't there yet, without an expiry. */
  add(
    name: Uint8Array,
    nameStart: number,
    nameLength: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
  ): void {
    const nameBytes = encodedBytes(name, nameStart, nameLength);
    const at = endPosition(this.bytes, 0);
    const added =
      nameBytes + encodedBytes(value, valueStart, valueLength) + (this.expiring ? encodedIntegerBytes(0) : 0);
    this.splice(at, 0, added, this.expiring ? 3 : 2);
    encodeElement(this.bytes, at, name, nameStart, nameLength);
    const end = at + nameBytes + encodeElement(this.bytes, at + nameBytes, value, valueStart, valueLength);
    if (this.expiring) encodeInteger(this.bytes, end, 0);
  }

  /** Gives the field at `position` another value. Its expiry stays. */
  setValue(position: number, value: Uint8Array, start: number, length: number): void {
    const at = position + elementBytes(this.bytes, position);
    this.splice(at, elementBytes(this.bytes, at), encodedBytes(value, start, length), 0);
    encodeElement(this.bytes, at, value, start, length);
  }

  /** Gives every field room for an expiry. */
  becomeExpiring(): void {
    if (this.expiring) return;
    this.expiring = true;
    let at = LISTPACK_HEADER_BYTES;
    while (at < endPosition(this.bytes, 0)) {
      at += elementBytes(this.bytes, at);
      at += elementBytes(this.bytes, at);
      this.splice(at, 0, encodedIntegerBytes(0), 1);
      at += encodeInteger(this.bytes, at, 0);
    }
  }

  /** When the field at `position` expires, -1 for never. */
  expiryOf(position: number): number {
    return this.expiring ? expiryAt(this.bytes, position) : -1;
  }

  /** Lets the field at `position` expire at a time, or never (-1): it moves to where that puts it. */
  setExpiry(position: number, expiryMs: number): void {
    const ms = expiryMs === -1 ? 0 : expiryMs;
    const value = position + elementBytes(this.bytes, position);
    const expiry = value + elementBytes(this.bytes, value);
    const kept = expiry - position;
    if (this.moved.length < kept) this.moved = new Uint8Array(kept * 2);
    copyBytes(this.moved, 0, this.bytes, position, kept);
    this.splice(position, kept + elementBytes(this.bytes, expiry), 0, -3);
    const at = this.placeOf(ms);
    this.splice(at, 0, kept + encodedIntegerBytes(ms), 3);
    copyBytes(this.bytes, at, this.moved, 0, kept);
    encodeInteger(this.bytes, at + kept, ms);
  }

  /** Takes the field at `position` out. */
  remove(position: number): void {
    const elements = this.expiring ? 3 : 2;
    let end = position;
    for (let i = 0; i < elements; i++) end += elementBytes(this.bytes, end);
    this.splice(position, end - position, 0, -elements);
  }

  /** Where a field with this expiry (0: never) belongs: behind those that expire no later. */
  private placeOf(ms: number): number {
    const end = endPosition(this.bytes, 0);
    if (ms === 0) return end;
    let at = LISTPACK_HEADER_BYTES;
    while (at < end) {
      const expiry = expiryAt(this.bytes, at);
      if (expiry === -1 || expiry > ms) return at;
      for (let i = 0; i < 3; i++) at += elementBytes(this.bytes, at);
    }
    return end;
  }

  private splice(at: number, removed: number, added: number, countDelta: number): void {
    const delta = added - removed;
    this.reserve(this.length + delta);
    const { bytes } = this;
    if (delta !== 0) bytes.copyWithin(at + added, at + removed, this.length);
    this.length += delta;
    writeWord(bytes, 0, this.length);
    const count = bytes[COUNT_AT]! | (bytes[COUNT_AT + 1]! << 8);
    if (countDelta === 0 || count === COUNT_UNKNOWN) return;
    const next = Math.min(count + countDelta, COUNT_UNKNOWN);
    bytes[COUNT_AT] = next & 0xff;
    bytes[COUNT_AT + 1] = next >>> 8;
  }

  private reserve(length: number): void {
    if (length <= this.bytes.length) return;
    const larger = new Uint8Array(length * 2);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
