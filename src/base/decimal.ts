/** Whole numbers as decimal digits in bytes, without a JS string in between: what INCR stores. */

/** The longest decimal of a signed 64-bit number, bytes. */
export const INTEGER64_DIGITS_MAX = 20;

const BILLION = 1_000_000_000;

/** Writes a whole number within ±(2^53 - 1), returns the offset behind it. */
export function writeInteger(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  if (rest < 0) {
    target[at++] = 45;
    rest = -rest;
  }
  if (rest < BILLION) return writeDigits(target, at, rest | 0, digitsOf(rest | 0));
  // Divisions of 32-bit integers are several times faster: the digits go in two halves.
  const high = Math.floor(rest / BILLION);
  const end = writeDigits(target, at, high, digitsOf(high));
  return writeDigits(target, end, rest - high * BILLION, 9);
}

function digitsOf(value: number): number {
  if (value < 100_000) {
    if (value < 100) return value < 10 ? 1 : 2;
    return value < 1000 ? 3 : value < 10_000 ? 4 : 5;
  }
  if (value < 10_000_000) return value < 1_000_000 ? 6 : 7;
  return value < 100_000_000 ? 8 : value < BILLION ? 9 : 10;
}

function writeDigits(target: Uint8Array, at: number, value: number, digits: number): number {
  let rest = value | 0;
  let i = at + digits;
  // Two digits a division.
  for (; rest >= 10; i -= 2) {
    const quotient = (rest / 100) | 0;
    const pair = rest - quotient * 100;
    const tens = (pair * 205) >>> 11;
    target[i - 2] = 48 + tens;
    target[i - 1] = 48 + pair - tens * 10;
    rest = quotient;
  }
  if (i > at) target[--i] = 48 + rest;
  while (i > at) target[--i] = 48;
  return at + digits;
}
