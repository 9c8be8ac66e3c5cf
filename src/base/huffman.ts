/**
 * Huffman coding of bytes, for what LZF finds nothing in: random identifiers, hexadecimal digits, base64. They repeat nothing and are still
 * written with few different bytes, each of which needs fewer than eight bits.
 * ```
 *  0  u24  bytes before
 *  3  u8   the least byte that occurs           the greatest one
 *  5       code lengths of all bytes between them, four bits each, the lower half first; 0: does not occur
 *          the codes, first bit lowest, the last byte filled up with zeros
 * ```
 * Codes are canonical: by length, then by byte, so that the lengths say everything. None is longer than `BITS_MAX`, so that one or
 * two bytes are decoded with one look into a table of 2048 entries, which stays in the processor's first cache.
 *
 * Lists keep it in memory, and so do their images: a stored format, do not change it.
 */
const BITS_MAX = 11;
const TABLE = 1 << BITS_MAX;
const SYMBOLS = 256;
const HEAD_BYTES = 5;
const LENGTH_MAX = 0x7fffff;

const counts = new Int32Array(SYMBOLS);
/** Bits of each byte's code; 0: it does not occur. */
const lengths = new Uint8Array(SYMBOLS);
/** The codes, their first bit lowest. */
const codes = new Uint16Array(SYMBOLS);
/** By length: how many codes there are, and the next one. */
const ofLength = new Int32Array(16);
const nextCode = new Int32Array(16);
/** What the next BITS_MAX bits begin with: the byte, and in the lowest four bits how many of them are its code; 0: nothing. */
const table = new Uint16Array(TABLE);
/**
 * The same of two bytes, where both codes lie in these bits: bits 4–7 how many of them are used, 8–15 the first byte, 16–23 the second; 24 is set
 * where there is a second one. 0: nothing.
 */
const pairs = new Int32Array(TABLE);
const SECOND = 1 << 24;

/** The tree while it is made: leaves by count (count × 256 + byte), then the inner nodes, each after those it is made of. */
const leaves = new Int32Array(SYMBOLS);
const weights = new Float64Array(2 * SYMBOLS);
const parents = new Int16Array(2 * SYMBOLS);
const depths = new Uint8Array(2 * SYMBOLS);

/**
 * Compresses source[start, start + length) into target[at, at + room). Returns the bytes written, 0 when they would be more than `room`; that
 * is known before the first one is.
 */
export function huffmanCompress(
  source: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
  room: number,
): number {
  if (length === 0 || length > LENGTH_MAX) return 0;
  const end = start + length;
  counts.fill(0);
  for (let i = start; i < end; i++) counts[source[i]!]!++;
  let least = 0;
  let greatest = SYMBOLS - 1;
  while (counts[least] === 0) least++;
  while (counts[greatest] === 0) greatest--;
  measure();
  let bits = 0;
  for (let symbol = least; symbol <= greatest; symbol++) bits += counts[symbol]! * lengths[symbol]!;
  const headEnd = at + HEAD_BYTES + ((greatest - least + 2) >>> 1);
  const size = headEnd - at + ((bits + 7) >>> 3);
  if (size > room) return 0;
  assignCodes();
  target[at] = length;
  target[at + 1] = length >>> 8;
  target[at + 2] = length >>> 16;
  target[at + 3] = least;
  target[at + 4] = greatest;
  let out = at + HEAD_BYTES;
  for (let symbol = least; symbol <= greatest; symbol += 2) {
    target[out++] = lengths[symbol]! | (symbol < greatest ? lengths[symbol + 1]! << 4 : 0);
  }
  let pending = 0;
  let have = 0;
  for (let i = start; i < end; i++) {
    const symbol = source[i]!;
    pending |= codes[symbol]! << have;
    have += lengths[symbol]!;
    while (have >= 8) {
      target[out++] = pending;
      pending >>>= 8;
      have -= 8;
    }
  }
  if (have > 0) target[out++] = pending;
  return out - at;
}

/** `lengths` for `counts`: the best ones of which none is longer than BITS_MAX, or nearly. */
function measure(): void {
  lengths.fill(0);
  let leafCount = 0;
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    if (counts[symbol]! > 0) leaves[leafCount++] = counts[symbol]! * SYMBOLS + symbol;
  }
  if (leafCount === 1) {
    lengths[leaves[0]! % SYMBOLS] = 1;
    return;
  }
  const ordered = leaves.subarray(0, leafCount).sort();
  for (let i = 0; i < leafCount; i++) weights[i] = Math.floor(ordered[i]! / SYMBOLS);
  // Weights that are nearer to each other make a flatter tree; that the byte counts differ a little from the best costs nearly nothing.
  while (!growTree(leafCount)) for (let i = 0; i < leafCount; i++) weights[i] = Math.ceil(weights[i]! / 2);
  for (let i = 0; i < leafCount; i++) lengths[ordered[i]! % SYMBOLS] = depths[i]!;
}

/** Joins the two lightest nodes until one is left, and fills `depths`. False: one is deeper than BITS_MAX. */
function growTree(leafCount: number): boolean {
  const root = 2 * leafCount - 2;
  let leaf = 0;
  let inner = leafCount;
  for (let node = leafCount; node <= root; node++) {
    let weight = 0;
    for (let side = 0; side < 2; side++) {
      // Inner nodes are made in the order of their weights, so that the lightest of all is one of two.
      const lightest = leaf < leafCount && (inner >= node || weights[leaf]! <= weights[inner]!) ? leaf++ : inner++;
      weight += weights[lightest]!;
      parents[lightest] = node;
    }
    weights[node] = weight;
  }
  depths[root] = 0;
  for (let node = root - 1; node >= 0; node--) {
    const depth = depths[parents[node]!]! + 1;
    if (depth > BITS_MAX) return false;
    depths[node] = depth;
  }
  return true;
}

/** `codes` of `lengths`. False: there are no codes of these lengths. */
function assignCodes(): boolean {
  ofLength.fill(0);
  for (let symbol = 0; symbol < SYMBOLS; symbol++) ofLength[lengths[symbol]!]!++;
  let code = 0;
  for (let bits = 1; bits <= BITS_MAX; bits++) {
    code <<= 1;
    nextCode[bits] = code;
    code += ofLength[bits]!;
    if (code > 1 << bits) return false;
  }
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const bits = lengths[symbol]!;
    if (bits > 0) codes[symbol] = reversed(nextCode[bits]!++, bits);
  }
  return true;
}

function reversed(code: number, bits: number): number {
  let turned = 0;
  for (let i = 0; i < bits; i++) turned |= ((code >>> i) & 1) << (bits - 1 - i);
  return turned;
}

/**
 * Decompresses source[start, start + length) into target[at, at + room). Returns the bytes written, -1 when the source is damaged or more
 * would be written than there is room for. Reads and writes nothing outside of both.
 */
export function huffmanDecompress(
  source: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
  room: number,
): number {
  if (length < HEAD_BYTES) return -1;
  const total = source[start]! | (source[start + 1]! << 8) | (source[start + 2]! << 16);
  const least = source[start + 3]!;
  const greatest = source[start + 4]!;
  const end = start + length;
  let position = start + HEAD_BYTES + ((greatest - least + 2) >>> 1);
  if (least > greatest || position > end || total > room) return -1;
  lengths.fill(0);
  for (let symbol = least; symbol <= greatest; symbol++) {
    const pair = source[start + HEAD_BYTES + ((symbol - least) >>> 1)]!;
    lengths[symbol] = ((symbol - least) & 1) === 0 ? pair & 15 : pair >>> 4;
  }
  if (!fillTable()) return -1;
  const limit = at + total;
  let pending = 0;
  let have = 0;
  let out = at;
  // Two bytes at a time while there are two, and bits enough for any two.
  while (out + 1 < limit && position + 1 < end) {
    if (have < BITS_MAX) {
      pending |= (source[position]! | (source[position + 1]! << 8)) << have;
      position += 2;
      have += 16;
    }
    const pair = pairs[pending & (TABLE - 1)]!;
    if (pair === 0) return -1;
    target[out] = pair >>> 8;
    target[out + 1] = pair >>> 16;
    out += 1 + (pair >>> 24);
    const bits = (pair >>> 4) & 15;
    pending >>>= bits;
    have -= bits;
  }
  while (out < limit) {
    while (have <= 16 && position < end) {
      pending |= source[position++]! << have;
      have += 8;
    }
    const found = table[pending & (TABLE - 1)]!;
    const bits = found & 15;
    if (bits === 0 || bits > have) return -1;
    target[out++] = found >>> 4;
    pending >>>= bits;
    have -= bits;
  }
  return total;
}

/** `table` of `lengths`. False: there are no such codes. */
function fillTable(): boolean {
  for (let symbol = 0; symbol < SYMBOLS; symbol++) if (lengths[symbol]! > BITS_MAX) return false;
  if (!assignCodes()) return false;
  table.fill(0);
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const bits = lengths[symbol]!;
    if (bits === 0) continue;
    const entry = (symbol << 4) | bits;
    for (let at = codes[symbol]!; at < TABLE; at += 1 << bits) table[at] = entry;
  }
  for (let at = 0; at < TABLE; at++) {
    const first = table[at]!;
    const bits = first & 15;
    // What stands above the known bits is nothing: a code found with them may be another one.
    const second = table[at >>> bits]!;
    const both = bits + (second & 15);
    if (bits === 0) pairs[at] = 0;
    else if (second === 0 || both > BITS_MAX) pairs[at] = (bits << 4) | ((first >>> 4) << 8);
    else pairs[at] = (both << 4) | ((first >>> 4) << 8) | ((second >>> 4) << 16) | SECOND;
  }
  return true;
}
