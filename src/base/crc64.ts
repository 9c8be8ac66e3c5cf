/**
 * CRC-64 (Jones, as Redis's RDB and DUMP have it), in plain TypeScript: the reference, and what runs where there is no addon.
 * Reflected polynomial 0xad93d23594c935a9, nothing inverted; "123456789" gives e9c6d914c4b8d9ca.
 *
 * A sum is two signed 32-bit words, low first, because a bigint would be allocated for every byte.
 */
const POLYNOMIAL_LOW = 0xac4bc9b5 | 0;
const POLYNOMIAL_HIGH = 0x95ac9329 | 0;

function makeTable(): Int32Array {
  const table = new Int32Array(8 * 256 * 2);
  for (let i = 0; i < 256; i++) {
    let low = i;
    let high = 0;
    for (let bit = 0; bit < 8; bit++) {
      const odd = (low & 1) !== 0;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (odd) {
        low ^= POLYNOMIAL_LOW;
        high ^= POLYNOMIAL_HIGH;
      }
    }
    table[2 * i] = low;
    table[2 * i + 1] = high;
  }
  for (let i = 256; i < 8 * 256; i++) {
    const low = table[2 * i - 512]!;
    const high = table[2 * i - 511]!;
    const first = 2 * (low & 255);
    table[2 * i] = ((low >>> 8) | (high << 24)) ^ table[first]!;
    table[2 * i + 1] = (high >>> 8) ^ table[first + 1]!;
  }
  return table;
}

const TABLE = makeTable();

/** Continues the sum in `sum[0]` (low word) and `sum[1]` (high word), both 0 at the beginning. */
export function crc64Reference(bytes: Uint8Array, offset: number, length: number, sum: Int32Array): void {
  const table = TABLE;
  const end = offset + length;
  const wordsEnd = offset + (length & ~7);
  let low = sum[0]!;
  let high = sum[1]!;
  let i = offset;
  for (; i < wordsEnd; i += 8) {
    low ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    high ^= bytes[i + 4]! | (bytes[i + 5]! << 8) | (bytes[i + 6]! << 16) | (bytes[i + 7]! << 24);
    const a = 3584 + ((low & 255) << 1);
    const b = 3072 + (((low >>> 8) & 255) << 1);
    const c = 2560 + (((low >>> 16) & 255) << 1);
    const d = 2048 + ((low >>> 24) << 1);
    const e = 1536 + ((high & 255) << 1);
    const f = 1024 + (((high >>> 8) & 255) << 1);
    const g = 512 + (((high >>> 16) & 255) << 1);
    const h = (high >>> 24) << 1;
    low = table[a]! ^ table[b]! ^ table[c]! ^ table[d]! ^ table[e]! ^ table[f]! ^ table[g]! ^ table[h]!;
    high =
      table[a + 1]! ^
      table[b + 1]! ^
      table[c + 1]! ^
      table[d + 1]! ^
      table[e + 1]! ^
      table[f + 1]! ^
      table[g + 1]! ^
      table[h + 1]!;
  }
  for (; i < end; i++) {
    const at = ((low ^ bytes[i]!) & 255) << 1;
    low = ((low >>> 8) | (high << 24)) ^ table[at]!;
    high = (high >>> 8) ^ table[at + 1]!;
  }
  sum[0] = low;
  sum[1] = high;
}
