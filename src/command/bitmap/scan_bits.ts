/**
 * Counting and finding bits in stretches of the arena, a word at a time where words are aligned.
 *
 * Bit 0 of a string is the highest bit of its first byte. Offsets are bytes in a segment.
 */

/** Set bits in `bytes[offset, offset + length)`; `words` is the same memory. */
export function countBits(bytes: Uint8Array, words: Int32Array, offset: number, length: number): number {
  let at = offset;
  const end = offset + length;
  let count = 0;
  while (at < end && (at & 3) !== 0) count += countWord(bytes[at++]!);
  const wordsEnd = at + ((end - at) & ~3);
  if (at < wordsEnd) count += countWords(words, at >>> 2, wordsEnd >>> 2);
  for (at = Math.max(at, wordsEnd); at < end; at++) count += countWord(bytes[at]!);
  return count;
}

/** Offset of the first byte in `bytes[offset, offset + length)` that isn't `skipped` (0 or 255), -1 when all are. */
export function findOtherByte(
  bytes: Uint8Array,
  words: Int32Array,
  offset: number,
  length: number,
  skipped: number,
): number {
  let at = offset;
  const end = offset + length;
  while (at < end && (at & 3) !== 0) {
    if (bytes[at] !== skipped) return at;
    at++;
  }
  const word = skipped === 0 ? 0 : -1;
  let index = at >>> 2;
  const indexEnd = end >>> 2;
  while (index < indexEnd && words[index] === word) index++;
  for (at = Math.max(at, index << 2); at < end; at++) if (bytes[at] !== skipped) return at;
  return -1;
}

/** Position of the highest bit of a byte that equals `bit`, 0 to 7 from the left; 8 when there is none. */
export function firstBitOf(byte: number, bit: number): number {
  return Math.clz32(bit === 1 ? byte : byte ^ 0xff) - 24;
}

function countWord(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  x = (x + (x >>> 4)) & 0x0f0f0f0f;
  return Math.imul(x, 0x01010101) >>> 24;
}

/**
 * Harley and Seal's method: carry-save adders sum eight words bit by bit into ones, twos, fours and eights, and only the eights need counting
 * each time, which halves the work of counting each word.
 */
function countWords(words: Int32Array, first: number, end: number): number {
  let total = 0;
  let ones = 0;
  let twos = 0;
  let fours = 0;
  let i = first;
  for (; i + 8 <= end; i += 8) {
    let a = words[i]!;
    let b = words[i + 1]!;
    let u = ones ^ a;
    const twosA = (ones & a) | (u & b);
    ones = u ^ b;
    a = words[i + 2]!;
    b = words[i + 3]!;
    u = ones ^ a;
    const twosB = (ones & a) | (u & b);
    ones = u ^ b;
    u = twos ^ twosA;
    const foursA = (twos & twosA) | (u & twosB);
    twos = u ^ twosB;
    a = words[i + 4]!;
    b = words[i + 5]!;
    u = ones ^ a;
    const twosC = (ones & a) | (u & b);
    ones = u ^ b;
    a = words[i + 6]!;
    b = words[i + 7]!;
    u = ones ^ a;
    const twosD = (ones & a) | (u & b);
    ones = u ^ b;
    u = twos ^ twosC;
    const foursB = (twos & twosC) | (u & twosD);
    twos = u ^ twosD;
    u = fours ^ foursA;
    const eights = (fours & foursA) | (u & foursB);
    fours = u ^ foursB;
    total += countWord(eights);
  }
  total = total * 8 + countWord(fours) * 4 + countWord(twos) * 2 + countWord(ones);
  for (; i < end; i++) total += countWord(words[i]!);
  return total;
}
