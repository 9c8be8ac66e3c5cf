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
  let digits = 1;
  for (let bound = 10; digits < 10 && value >= bound; bound *= 10) digits++;
  return digits;
}

function writeDigits(target: Uint8Array, at: number, value: number, digits: number): number {
  let rest = value | 0;
  for (let i = at + digits - 1; i >= at; i--) {
    const quotient = (rest / 10) | 0;
    target[i] = 48 + rest - quotient * 10;
    rest = quotient;
  }
  return at + digits;
}
