/** Bit offsets in arguments: whole numbers from zero to what the longest string has. */

import { parseInteger64, parseIntegerSafe } from "../../base/integer.ts";
import type { Call } from "../call.ts";
import { lengthMax } from "../string/store.ts";

const HASH = 35;

/**
 * Argument i as a bit offset, -1 when it is none and that has been replied. With `bits` > 0 "#n" means n times as many bits.
 */
export function readBitOffset(call: Call, i: number, bits: number): number {
  let start = call.start(i);
  let length = call.length(i);
  const multiplied = bits > 0 && length > 0 && call.input[start] === HASH;
  if (multiplied) {
    start++;
    length--;
  }
  let offset = parseIntegerSafe(call.input, start, length);
  if (multiplied) {
    offset *= bits;
    // The product wraps around at 64 bits, as Redis's does.
    if (!(Math.abs(offset) <= Number.MAX_SAFE_INTEGER)) {
      const factor = parseInteger64(call.input, start, length);
      offset = factor === undefined ? Number.NaN : Number(BigInt.asIntN(64, factor * BigInt(bits)));
    }
  }
  if (offset >= 0 && offset / 8 < lengthMax(call)) return offset;
  call.reply.error("ERR bit offset is not an integer or out of range");
  return -1;
}
