/** Decimal integers in bytes, read as strictly as Redis's string2ll: no "+", no spaces, no leading zeros, "-0" is none. */

const MAX_64 = 9223372036854775807n;
const MIN_64 = -9223372036854775808n;

/** A whole number within ±(2^53 - 1); NaN for anything else, larger numbers included. */
export function parseIntegerSafe(bytes: Uint8Array, offset: number, length: number): number {
  if (length === 0 || length > 17) return Number.NaN;
  let at = offset;
  const end = offset + length;
  const negative = bytes[at] === 45;
  if (negative && ++at === end) return Number.NaN;
  const leading = bytes[at]!;
  if (leading === 48) return length === 1 ? 0 : Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  return negative ? -value : value;
}

/** A signed 64-bit number; undefined for anything else. */
export function parseInteger64(bytes: Uint8Array, offset: number, length: number): bigint | undefined {
  const safe = parseIntegerSafe(bytes, offset, length);
  if (safe === safe) return BigInt(safe);
  if (length < 16 || length > 20) return undefined;
  let at = offset;
  const end = offset + length;
  const negative = bytes[at] === 45;
  if (negative) at++;
  if (bytes[at] === 48) return undefined;
  let high = 0;
  let low = 0;
  const half = at + ((end - at) >> 1);
  let scale = 1n;
  for (let i = at; i < end; i++) {
    const digit = bytes[i]! - 48;
    if (digit < 0 || digit > 9) return undefined;
    if (i < half) high = high * 10 + digit;
    else {
      low = low * 10 + digit;
      scale *= 10n;
    }
  }
  const magnitude = BigInt(high) * scale + BigInt(low);
  const value = negative ? -magnitude : magnitude;
  return value > MAX_64 || value < MIN_64 ? undefined : value;
}

/** Would Redis store these bytes as an integer? The canonical decimal form of a signed 64-bit number. */
export function isInteger64(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length === 0 || length > 20) return false;
  const first = bytes[offset]!;
  if (first !== 45 && (first < 48 || first > 57)) return false;
  if (length <= 15) {
    const value = parseIntegerSafe(bytes, offset, length);
    return value === value;
  }
  return parseInteger64(bytes, offset, length) !== undefined;
}
