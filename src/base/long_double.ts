/**
 * The long double of x86: 64 bits of mantissa, 15 of exponent. Redis computes INCRBYFLOAT in it, so to give the same digits the same
 * arithmetic has to be done: read as strtold does, add, print as "%.17Lf" does, each rounded once, to the nearest, ties to even.
 *
 * A finite number is mantissa × 2^exponent, exactly, the mantissa a bigint with the sign and at most 64 bits. Zero has one sign: the
 * minus of "-0" is never printed. No number is NaN: what would be one is undefined.
 */

export interface LongDouble {
  readonly mantissa: bigint;
  /** Infinity for the two infinities, whose mantissa is ±1. */
  readonly exponent: number;
}

const MANTISSA_BITS = 64;
/** The least power of two of all: what the smallest denormal is. */
const EXPONENT_MIN = -16445;
/** Numbers lie below two to this power. */
const EXPONENT_END = 16384;
/** Longer texts are no numbers to Redis, bytes. */
const TEXT_BYTES_MAX = 5 * 1024 - 1;
/** A number of at least 10^4933 overflows, one below 10^-4951 is less than half the smallest denormal. */
const DECIMAL_DIGITS_MAX = 4933;
const DECIMAL_DIGITS_MIN = -4951;
/** Where exponents are cut off: farther out than any mantissa that fits a text could make up for. */
const EXPONENT_CAP = 1_000_000;
const FRACTION_DIGITS = 17;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** Powers of ten that common numbers need, by exponent. */
const POWERS_KEPT = 64;
const POWERS: bigint[] = [];
const NUMBER_MAX = 2 ** 1000;
const DOUBLE = new Float64Array(1);
const DOUBLE_WORDS = new Int32Array(DOUBLE.buffer);

const ZERO: LongDouble = { mantissa: 0n, exponent: 0 };
const SCALE = 10n ** BigInt(FRACTION_DIGITS);

/**
 * Reads a whole text as Redis's string2ld does: decimal, hexadecimal or infinite. Undefined for anything else, for NaN, and for numbers that
 * overflow or vanish.
 */
export function parseLongDouble(text: string): LongDouble | undefined {
  if (text.length === 0 || text.length > TEXT_BYTES_MAX) return undefined;
  const decimal = DECIMAL.exec(text);
  if (decimal !== null) return parseDecimal(decimal[1] === "-", decimal[2]!, decimal[3] ?? "", decimal[4]);
  const hexadecimal = HEXADECIMAL.exec(text);
  if (hexadecimal !== null) {
    return parseHexadecimal(hexadecimal[1] === "-", hexadecimal[2]!, hexadecimal[3] ?? "", hexadecimal[4]);
  }
  const infinite = INFINITE.exec(text);
  if (infinite === null) return undefined;
  return { mantissa: infinite[1] === "-" ? -1n : 1n, exponent: Number.POSITIVE_INFINITY };
}

/** The sum; undefined where it is infinite or no number. */
export function addLongDouble(a: LongDouble, b: LongDouble): LongDouble | undefined {
  if (a.exponent === Number.POSITIVE_INFINITY || b.exponent === Number.POSITIVE_INFINITY) return undefined;
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  const rounded = sum < 0n ? round(-sum, exponent, true) : round(sum, exponent, false);
  return rounded.exponent === Number.POSITIVE_INFINITY ? undefined : rounded;
}

/** A finite number as "%.17Lf" prints it, without the zeros at the end. */
export function formatLongDouble(value: LongDouble): string {
  const negative = value.mantissa < 0n;
  const magnitude = negative ? -value.mantissa : value.mantissa;
  const scaled = magnitude * SCALE;
  const units = value.exponent >= 0 ? scaled << BigInt(value.exponent) : shiftRound(scaled, -value.exponent);
  const digits = units.toString().padStart(FRACTION_DIGITS + 1, "0");
  const point = digits.length - FRACTION_DIGITS;
  let end = digits.length;
  while (end > point && digits.charCodeAt(end - 1) === 48) end--;
  const text = end === point ? digits.slice(0, point) : `${digits.slice(0, point)}.${digits.slice(point, end)}`;
  return negative && text !== "0" ? `-${text}` : text;
}

function parseDecimal(
  negative: boolean,
  whole: string,
  fraction: string,
  exponentText: string | undefined,
): LongDouble | undefined {
  if (whole === "" && fraction === "") return undefined;
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return ZERO;
  const exponent = exponentOf(exponentText) - fraction.length;
  const magnitude = digits.length + exponent;
  if (magnitude > DECIMAL_DIGITS_MAX || magnitude < DECIMAL_DIGITS_MIN) return undefined;
  const number = BigInt(digits);
  if (exponent >= 0) return representable(round(number * powerOfTen(exponent), 0, negative));
  // A quotient of two bits more than the mantissa has, and one bit for whatever remains: enough to round once, rightly.
  const divisor = powerOfTen(-exponent);
  const shift = Math.max(0, MANTISSA_BITS + 2 + bitLength(divisor) - bitLength(number));
  const dividend = number << BigInt(shift);
  const quotient = dividend / divisor;
  const sticky = dividend % divisor === 0n ? 0n : 1n;
  return representable(round((quotient << 1n) | sticky, -shift - 1, negative));
}

function parseHexadecimal(
  negative: boolean,
  whole: string,
  fraction: string,
  exponentText: string | undefined,
): LongDouble | undefined {
  if (whole === "" && fraction === "") return undefined;
  const mantissa = BigInt(`0x${whole}${fraction}`);
  if (mantissa === 0n) return ZERO;
  return representable(round(mantissa, exponentOf(exponentText) - fraction.length * 4, negative));
}

function exponentOf(text: string | undefined): number {
  if (text === undefined) return 0;
  return Math.max(-EXPONENT_CAP, Math.min(EXPONENT_CAP, Number(text)));
}

/** A number read: strtold's ERANGE with an infinity or a zero makes it none. */
function representable(value: LongDouble): LongDouble | undefined {
  return value.exponent === Number.POSITIVE_INFINITY || value.mantissa === 0n ? undefined : value;
}

/** Rounds magnitude × 2^exponent to the nearest long double, ties to even. */
function round(magnitude: bigint, exponent: number, negative: boolean): LongDouble {
  if (magnitude === 0n) return ZERO;
  const excess = Math.max(bitLength(magnitude) - MANTISSA_BITS, EXPONENT_MIN - exponent);
  let mantissa = magnitude;
  if (excess > 0) {
    mantissa = shiftRound(magnitude, excess);
    exponent += excess;
    if (mantissa === 0n) return ZERO;
  }
  if (bitLength(mantissa) + exponent > EXPONENT_END) {
    return { mantissa: negative ? -1n : 1n, exponent: Number.POSITIVE_INFINITY };
  }
  return { mantissa: negative ? -mantissa : mantissa, exponent };
}

/** value / 2^bits, to the nearest whole number, ties to even. */
function shiftRound(value: bigint, bits: number): bigint {
  const shift = BigInt(bits);
  const quotient = value >> shift;
  const twice = (value - (quotient << shift)) << 1n;
  const unit = 1n << shift;
  return twice > unit || (twice === unit && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}

function bitLength(value: bigint): number {
  const near = Number(value);
  if (near < NUMBER_MAX) {
    // The double's exponent, one too high where rounding carried it to the next power of two.
    DOUBLE[0] = near;
    const high = (DOUBLE_WORDS[1]! >>> 20) - 1023;
    return value >> BigInt(high) === 0n ? high : high + 1;
  }
  const text = value.toString(16);
  return (text.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(text[0]!, 16)));
}

function powerOfTen(exponent: number): bigint {
  if (exponent >= POWERS_KEPT) return 10n ** BigInt(exponent);
  POWERS[exponent] ??= 10n ** BigInt(exponent);
  return POWERS[exponent];
}
