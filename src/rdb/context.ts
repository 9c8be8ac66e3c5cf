/** What the readers of values share: where the bytes come from, whose value it is, and memory that is used again and again. */
import type { Dataset } from "../dataset/dataset.ts";
import { Draft } from "../dataset/hash/draft.ts";
import { ListBuilder } from "../dataset/list/build.ts";
import { newPacked, openPack, Pack } from "../dataset/packed.ts";
import { Collected } from "../dataset/sorted_set/collected.ts";
import { NIL } from "../memory/layout.ts";
import { isCanonicalListpack, LISTPACK_HEADER_BYTES, validateListpack } from "../structure/listpack.ts";
import { hasDuplicates } from "./duplicates.ts";
import { RdbInput, Text } from "./input.ts";
import { PackBuilder } from "./pack_builder.ts";
import { RdbError } from "./rdb_error.ts";

const pack = new Pack();

export class ReadContext {
  readonly dataset: Dataset;
  input = new RdbInput();
  /** The key of the entry that is made, and whether it gets room for an expiry. */
  key: Uint8Array = new Uint8Array(0);
  keyStart = 0;
  keyBytes = 0;
  expires = false;
  readonly text = new Text();
  readonly second = new Text();
  readonly builder = new PackBuilder();
  readonly draft = new Draft();
  readonly collected = new Collected();
  readonly list: ListBuilder;
  /** The listpack that `openListpack` has found: where it lies, and its elements. */
  pack: Uint8Array = new Uint8Array(0);
  packBase = 0;
  packBytes = 0;

  constructor(dataset: Dataset) {
    this.dataset = dataset;
    this.list = new ListBuilder(dataset);
  }

  damaged(message: string, at: number): RdbError {
    return new RdbError("damaged", message, at);
  }

  empty(at: number): RdbError {
    return new RdbError("empty", "a collection without elements", at);
  }

  /**
   * Looks at the listpack that `text` is from end to end and makes `pack` stand for it, or for a copy in canonical form. Throws where it is
   * damaged or empty.
   */
  openListpack(at: number): void {
    const { text, builder } = this;
    if (!validateListpack(text.bytes, text.start, text.length)) throw this.damaged("a damaged listpack", at);
    if (isCanonicalListpack(text.bytes, text.start)) {
      this.pack = text.bytes;
      this.packBase = text.start;
      this.packBytes = text.length;
    } else {
      builder.clear();
      builder.elements(text.bytes, text.start);
      this.takeBuilder();
    }
    if (this.packBytes === LISTPACK_HEADER_BYTES + 1) throw this.empty(at);
  }

  /** Makes `pack` stand for what was built. */
  takeBuilder(): void {
    const { builder } = this;
    builder.finish();
    this.pack = builder.bytes;
    this.packBase = 0;
    this.packBytes = builder.length;
  }

  /** Throws where one of every `stride`-th elements stands twice. */
  refuseDuplicates(count: number, stride: number, at: number): void {
    const { seed0, seed1 } = this.dataset;
    if (hasDuplicates(this.pack, this.packBase, count, stride, seed0, seed1)) {
      throw this.damaged("an element that stands twice", at);
    }
  }

  /** An entry with a copy of bytes as its packed value, in no table. NIL: the address space is full. */
  storePacked(type: number, encoding: number, bytes: Uint8Array, start: number, length: number): number {
    const { dataset, key, keyStart, keyBytes, expires } = this;
    const entry = newPacked(dataset, type, encoding, key, keyStart, keyBytes, length, expires);
    if (entry === NIL) return NIL;
    openPack(dataset.arena, entry, pack);
    const { bytes: target, offset } = pack;
    if (length <= 96) for (let i = 0; i < length; i++) target[offset + i] = bytes[start + i]!;
    else target.set(bytes.subarray(start, start + length), offset);
    return entry;
  }
}
