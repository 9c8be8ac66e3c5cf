/**
 * The patterns of BY and GET: a key, or a field of a hash, that an element names.
 *
 * ```
 * #                   the element itself
 * weight_*            the string under the key "weight_<element>"
 * object_*->price     the field "price" of the hash under the key "object_<element>"
 * ```
 * Only the first star stands for the element, and an arrow counts behind it only. As in Redis a pattern is looked through up to its first
 * zero byte, but all its bytes are part of the key or field.
 */
import { hashGet } from "../../dataset/hash/field.ts";
import { EVENT_KEY_MISS } from "../../dataset/key_events.ts";
import { valuePiece } from "../../dataset/members.ts";
import type { Piece } from "../../dataset/piece.ts";
import { TYPE_HASH, TYPE_STRING } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import { entryType } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { starOf } from "./options.ts";
import type { TextList } from "./texts.ts";

const HASH_SIGN = 35;
const MINUS = 45;
const GREATER = 62;

export class Pattern {
  private itself = false;
  /** Length of what stands before the star; -1: there is none, and every lookup fails. */
  private prefix = -1;
  private start = 0;
  private postfixStart = 0;
  private postfix = 0;
  private fieldStart = 0;
  private field = 0;
  private key = new Uint8Array(256);

  /** Reads argument i. */
  read(call: Call, i: number): void {
    const { input } = call;
    const start = call.start(i);
    const length = call.length(i);
    this.start = start;
    this.itself = length > 0 && input[start] === HASH_SIGN && (length === 1 || input[start + 1] === 0);
    this.prefix = starOf(call, i);
    this.postfixStart = start + this.prefix + 1;
    this.field = 0;
    const end = start + length;
    const arrow = this.prefix < 0 ? -1 : arrowIn(input, this.postfixStart, end);
    if (arrow >= 0) {
      this.fieldStart = arrow + 2;
      this.field = end - this.fieldStart;
    }
    this.postfix = (arrow >= 0 ? arrow : end) - this.postfixStart;
  }

  /** Lets `piece` stand for what the pattern means for text i; false: there is no such string or field. */
  lookup(call: Call, texts: TextList, i: number, piece: Piece): boolean {
    if (this.itself) {
      texts.piece(i, piece);
      return true;
    }
    if (this.prefix < 0) return false;
    const { dataset, db, input, session } = call;
    const length = this.writeKey(input, texts, i);
    const entry = db.lookup(this.key, 0, length, db.hash(this.key, 0, length), session.noTouch);
    if (entry === NIL) {
      call.misses++;
      dataset.events.emit(EVENT_KEY_MISS, "keymiss", db.index, this.key, 0, length);
      return false;
    }
    call.hits++;
    const type = entryType(dataset.arena, entry);
    if (this.field > 0) return type === TYPE_HASH && hashGet(dataset, entry, input, this.fieldStart, this.field, piece);
    if (type !== TYPE_STRING) return false;
    valuePiece(dataset.arena, entry, piece);
    return true;
  }

  /** Writes the key that text i names, returns its length. */
  private writeKey(input: Uint8Array, texts: TextList, i: number): number {
    const element = texts.length(i);
    const length = this.prefix + element + this.postfix;
    if (length > this.key.length) this.key = new Uint8Array(length * 2);
    const { key } = this;
    key.set(input.subarray(this.start, this.start + this.prefix), 0);
    key.set(texts.bytes.subarray(texts.start(i), texts.start(i) + element), this.prefix);
    key.set(input.subarray(this.postfixStart, this.postfixStart + this.postfix), this.prefix + element);
    return length;
  }
}

/** Where an arrow with something behind it stands; -1: nowhere before the end or a zero byte. */
function arrowIn(input: Uint8Array, from: number, end: number): number {
  for (let at = from; at + 1 < end && input[at] !== 0; at++) {
    if (input[at] !== MINUS || input[at + 1] !== GREATER) continue;
    // Of a field that begins with a zero byte C sees nothing.
    return at + 2 < end && input[at + 2] !== 0 ? at : -1;
  }
  return -1;
}
