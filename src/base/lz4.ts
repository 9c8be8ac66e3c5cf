/**
 * Decodes an LZ4 block: what images are compressed with, read where the compressor's package can't be installed.
 * ```
 * token      high four bits: literals, low four: match length - 4; 15 continues in bytes that are added up to the first below 255
 * literals   as they are; the last sequence of a block ends here
 * offset     u16, how far back the match begins; it may overlap what it writes
 * ```
 */

/** Decodes source[start, end) into `target`; true when that fills it exactly. Damaged input gives false, whatever it is. */
export function lz4Decode(source: Uint8Array, start: number, end: number, target: Uint8Array): boolean {
  let from = start;
  let to = 0;
  while (from < end) {
    const token = source[from++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (from >= end) return false;
        more = source[from++]!;
        literals += more;
      }
    }
    if (literals > end - from || literals > target.length - to) return false;
    target.set(source.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === end) return to === target.length;
    if (end - from < 2) return false;
    const distance = source[from]! | (source[from + 1]! << 8);
    from += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let more = 255;
      while (more === 255) {
        if (from >= end) return false;
        more = source[from++]!;
        length += more;
      }
    }
    if (distance === 0 || distance > to || length > target.length - to) return false;
    for (const last = to + length; to < last; to++) target[to] = target[to - distance]!;
  }
  return false;
}
