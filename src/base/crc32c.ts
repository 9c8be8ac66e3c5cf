/**
 * CRC-32C (Castagnoli), in plain TypeScript: the reference, and what runs where there is no addon. Reflected, inverted before
 * and after; slicing by eight. Sums are signed 32-bit integers.
 *
 * `TABLE[256 * k + b]` is the sum of byte b followed by k zero bytes, so that eight bytes are one round of eight lookups.
 */
const POLYNOMIAL = 0x82f63b78 | 0;

function makeTable(): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[i] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const before = table[i - 256]!;
    table[i] = (before >>> 8) ^ table[before & 255]!;
  }
  return table;
}

const TABLE = makeTable();

/** Continues `seed`, the sum of what came before (0 at the beginning). */
export function crc32cReference(bytes: Uint8Array, offset: number, length: number, seed: number): number {
  const table = TABLE;
  const end = offset + length;
  const wordsEnd = offset + (length & ~7);
  let crc = ~seed;
  let i = offset;
  for (; i < wordsEnd; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      table[1792 + (crc & 255)]! ^
      table[1536 + ((crc >>> 8) & 255)]! ^
      table[1280 + ((crc >>> 16) & 255)]! ^
      table[1024 + (crc >>> 24)]! ^
      table[768 + bytes[i + 4]!]! ^
      table[512 + bytes[i + 5]!]! ^
      table[256 + bytes[i + 6]!]! ^
      table[bytes[i + 7]!]!;
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 255]!;
  return ~crc;
}
