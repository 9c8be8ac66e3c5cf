/**
 * Doubles as bytes, without a JS string in between: what replies with scores are made of. The text is that of formatDouble (double.ts),
 * byte for byte; what is out of reach here is left to it.
 *
 * A number v that isn't whole, of 1e-30 or more, is scaled to 17 digits before the point: N = v × 10^k. The factors are a double and a
 * sum of two, and N is one, too: without an error up to k = 22, else with one of 2^-45 at most. What reads back as v lies within half a
 * step between doubles around N, which is 0.5 to 11.2 here: so there is one multiple of 100 at most among these numbers, whose zeros
 * are dropped, else one of 10, nearest to N, else the whole number nearest to N.
 * ```
 *          N − h              N          N + h
 *   ────────[──────────┬──────│───┬────────]────────
 *                  …0 of 16 digits  whole numbers: 17 digits
 * ```
 * What is too near to an edge to be sure is left to formatDouble.
 */
import { writeInteger } from "./decimal.ts";
import { formatDouble } from "./double.ts";

/** Bytes of the longest text. */
export const DOUBLE_TEXT_BYTES_MAX = 32;

const EXPONENT_MIN = -30;
const MAGNITUDE_MIN = 1e-30;
/** Above this there are whole numbers only. */
const MAGNITUDE_MAX = 2 ** 52;
/** Digits before the point of N. */
const DIGITS = 17;
/** 10^e at index e − EXPONENT_MIN; those below zero are rounded, which N of 16 digits or 18 makes up for. */
const MAGNITUDES = Float64Array.from({ length: 17 - EXPONENT_MIN }, (_, i) => Number(`1e${EXPONENT_MIN + i}`));
/** 10^k, and what it lacks. */
const SCALES = Float64Array.from({ length: DIGITS - EXPONENT_MIN }, (_, k) => Number(`1e${k}`));
const SCALE_RESTS = SCALES.map((scale, k) => Number(10n ** BigInt(k) - BigInt(scale)));
const HALF = 100_000_000;
const HALF_DIGITS = 8;
/** Far above all errors here, and far below what numbers meet by chance. */
const UNSURE = 2 ** -40;
/** Splits a double of 53 bits into two of 26 (Veltkamp). */
const SPLITTER = 2 ** 27 + 1;
/** A number whose exponent is below this, or with more digits behind the point, has an exponent in its text (double.ts). */
const PLAIN_EXPONENT_MIN = -3;
const PLAIN_EXPONENT_MAX = 3;
const PLAIN_DECIMALS_MAX = 6;

const POINT = 46;
const ZERO = 48;

const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);
const digits = new Uint8Array(DIGITS + 1);

/** The digits of the numbers below 100. */
const PAIRS = Uint8Array.from({ length: 200 }, (_, i) => ZERO + ((i & 1) === 0 ? Math.floor(i / 20) : (i >>> 1) % 10));

/** Writes the text of a number, returns the offset behind it; DOUBLE_TEXT_BYTES_MAX bytes must be free. */
export function writeDouble(target: Uint8Array, at: number, value: number): number {
  if (Number.isSafeInteger(value) && (value !== 0 || 1 / value > 0)) return writeInteger(target, at, value);
  const magnitude = value < 0 ? -value : value;
  if (!(magnitude >= MAGNITUDE_MIN && magnitude < MAGNITUDE_MAX)) return writeText(target, at, formatDouble(value));
  double[0] = magnitude;
  const high = doubleWords[1]!;
  // The logarithm of 2, times 2^20: the estimate is right or one too low.
  let index = ((((high >>> 20) - 1023) * 315653) >> 20) - EXPONENT_MIN;
  if (magnitude >= MAGNITUDES[index + 1]!) index++;
  const count = shortestDigits(magnitude, DIGITS - 1 - EXPONENT_MIN - index);
  if (count === 0) return writeText(target, at, formatDouble(value));
  if (value < 0) target[at++] = 45;
  return layOut(target, at, count, index + EXPONENT_MIN + (written - DIGITS));
}

/** Digits that `shortestDigits` began with: DIGITS, or one less or more where a power of ten is rounded to. */
let written = 0;

/** Writes the fewest digits that read back as `magnitude` to `digits`, and says how many they are; 0: that isn't sure. */
function shortestDigits(magnitude: number, scaling: number): number {
  const scale = SCALES[scaling]!;
  // N = product + error (Dekker).
  const product = magnitude * scale;
  const split0 = SPLITTER * magnitude;
  const high0 = split0 - (split0 - magnitude);
  const low0 = magnitude - high0;
  const split1 = SPLITTER * scale;
  const high1 = split1 - (split1 - scale);
  const low1 = scale - high1;
  const exact = low0 * low1 - (product - high0 * high1 - low0 * high1 - high0 * low1);
  const error = exact + magnitude * SCALE_RESTS[scaling]!;

  // N = upper × 10^8 + lower + fraction.
  let upper = Math.floor(product / HALF);
  const whole = Math.floor(error);
  const fraction = error - whole;
  let lower = product - upper * HALF + whole;
  if (lower < 0) {
    upper--;
    lower += HALF;
  } else if (lower >= HALF) {
    upper++;
    lower -= HALF;
  }

  // Half a step up, and down, where the steps are half as long below a power of two.
  const low = doubleWords[0]!;
  const high = doubleWords[1]!;
  doubleWords[0] = 0;
  doubleWords[1] = (high & 0x7ff00000) - (53 << 20);
  const halfUp = double[0]! * scale;
  const halfDown = low === 0 && (high & 0xfffff) === 0 ? halfUp / 2 : halfUp;

  let rounded = lower | 0;
  const last2 = rounded % 100;
  const below100 = last2 + fraction;
  const above100 = 100 - below100;
  if (below100 < halfDown - UNSURE) rounded -= last2;
  else if (above100 < halfUp - UNSURE) rounded += 100 - last2;
  else {
    if (below100 < halfDown + UNSURE || above100 < halfUp + UNSURE) return 0;
    const last = last2 % 10;
    const below10 = last + fraction;
    const above10 = 10 - below10;
    if (Math.abs(below10 - above10) < UNSURE) return 0;
    if (Math.abs(below10 - halfDown) < UNSURE || Math.abs(above10 - halfUp) < UNSURE) return 0;
    const downFits = below10 < halfDown;
    const upFits = above10 < halfUp;
    if (downFits && (below10 < above10 || !upFits)) rounded -= last;
    else if (upFits) rounded += 10 - last;
    else if (Math.abs(fraction - 0.5) < UNSURE) return 0;
    else if (fraction > 0.5) rounded++;
  }
  if (rounded >= HALF) {
    upper++;
    rounded -= HALF;
  }
  return writeHalves(upper, rounded);
}

/** Writes the digits of upper × 10^8 + lower without the zeros at their end. */
function writeHalves(upper: number, lower: number): number {
  let count = writeInteger(digits, 0, upper);
  written = count + HALF_DIGITS;
  if (lower !== 0) {
    const high = (lower / 10000) | 0;
    writeFour(count, high);
    writeFour(count + 4, lower - high * 10000);
    count += HALF_DIGITS;
  }
  while (digits[count - 1] === ZERO) count--;
  return count;
}

function writeFour(at: number, value: number): void {
  const high = (value / 100) | 0;
  const low = value - high * 100;
  digits[at] = PAIRS[high << 1]!;
  digits[at + 1] = PAIRS[(high << 1) + 1]!;
  digits[at + 2] = PAIRS[low << 1]!;
  digits[at + 3] = PAIRS[(low << 1) + 1]!;
}

/** Writes `count` digits, of which the first stands for a multiple of 10^exponent, with a point and perhaps an exponent. */
function layOut(target: Uint8Array, at: number, count: number, exponent: number): number {
  const decimals = count - 1 - exponent;
  if (decimals > PLAIN_DECIMALS_MAX && (exponent < PLAIN_EXPONENT_MIN || exponent > PLAIN_EXPONENT_MAX)) {
    return withExponent(target, at, count, exponent);
  }
  if (exponent < 0) {
    target[at] = ZERO;
    target[at + 1] = POINT;
    at += 2;
    for (let i = exponent + 1; i < 0; i++) target[at++] = ZERO;
    for (let i = 0; i < count; i++) target[at + i] = digits[i]!;
    return at + count;
  }
  const whole = exponent + 1;
  for (let i = 0; i < whole; i++) target[at + i] = digits[i]!;
  at += whole;
  if (decimals <= 0) return at;
  target[at++] = POINT;
  for (let i = whole; i < count; i++) target[at++] = digits[i]!;
  return at;
}

function withExponent(target: Uint8Array, at: number, count: number, exponent: number): number {
  target[at++] = digits[0]!;
  if (count > 1) target[at++] = POINT;
  for (let i = 1; i < count; i++) target[at++] = digits[i]!;
  target[at] = 101;
  target[at + 1] = exponent < 0 ? 45 : 43;
  return writeInteger(target, at + 2, exponent < 0 ? -exponent : exponent);
}

function writeText(target: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
  return at + text.length;
}
