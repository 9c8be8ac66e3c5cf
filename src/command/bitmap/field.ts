/**
 * Integers of 1 to 64 bits at any bit offset, and what becomes of values that don't fit: the arithmetic of BITFIELD.
 *
 * Values are bigints, those of unsigned fields within 0 … 2^63 - 1, those of signed ones within 64 bits.
 */

export const WRAP = 0;
export const SATURATE = 1;
export const FAIL = 2;

/** The longest run of bytes that a field touches: 64 bits that don't begin at a byte. */
export const FIELD_BYTES_MAX = 9;

/** The field at bit `offset` of `bytes`. */
export function readField(bytes: Uint8Array, offset: number, bits: number, signed: boolean): bigint {
  let value = 0n;
  const last = (offset + bits - 1) >>> 3;
  for (let i = offset >>> 3; i <= last; i++) value = (value << 8n) | BigInt(bytes[i]!);
  value = BigInt.asUintN(bits, value >> BigInt((last + 1) * 8 - offset - bits));
  return signed ? BigInt.asIntN(bits, value) : value;
}

/** Writes the lowest `bits` bits of `value` at bit `offset` of `bytes`. */
export function writeField(bytes: Uint8Array, offset: number, bits: number, value: bigint): void {
  const first = offset >>> 3;
  const last = (offset + bits - 1) >>> 3;
  const shift = BigInt((last + 1) * 8 - offset - bits);
  const mask = ((1n << BigInt(bits)) - 1n) << shift;
  let merged = 0n;
  for (let i = first; i <= last; i++) merged = (merged << 8n) | BigInt(bytes[i]!);
  merged = (merged & ~mask) | (BigInt.asUintN(bits, value) << shift);
  for (let i = last; i >= first; i--) {
    bytes[i] = Number(merged & 255n);
    merged >>= 8n;
  }
}

/**
 * `value` + `increment` as a field of `bits` bits holds it; undefined when it doesn't fit and `overflow` is FAIL. To fit a value that is
 * given, the increment is 0. Both are signed 64-bit numbers; a value given for an unsigned field counts as its 64 bits without a sign.
 */
export function fitTo(
  value: bigint,
  increment: bigint,
  bits: number,
  signed: boolean,
  overflow: number,
): bigint | undefined {
  const max = (1n << BigInt(signed ? bits - 1 : bits)) - 1n;
  const min = signed ? -max - 1n : 0n;
  const sum = (signed ? value : BigInt.asUintN(64, value)) + increment;
  if (sum >= min && sum <= max) return sum;
  if (overflow === FAIL) return undefined;
  if (overflow === SATURATE) {
    // Redis's distance to the maximum leaves 64 bits for very low values, which it therefore takes for high ones.
    const above = sum > max || (signed && bits < 64 && BigInt.asIntN(64, max - value) < increment);
    return above ? max : min;
  }
  return signed ? BigInt.asIntN(bits, sum) : BigInt.asUintN(bits, sum);
}
