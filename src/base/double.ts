/**
 * Doubles as Redis 7.2 and Valkey read and print them: scores, INCRBYFLOAT's increments, time-outs.
 *
 * Reading is strtod over the whole text: decimal, hexadecimal, infinite; no space before or behind, no NaN, and nothing that overflows or
 * vanishes. Printing gives the fewest digits that read back as the same number; whole numbers up to 2^62 are printed as integers.
 */
import { latin1 } from "./bytes.ts";
import { parseIntegerSafe } from "./integer.ts";
import { parseLongDouble } from "./long_double.ts";

/** Whole numbers up to here are printed as integers, all digits, as those of a 64-bit number. */
const INTEGER_MAX = 2 ** 62;
/** Longer texts are no numbers. */
const TEXT_BYTES_MAX = 256;
const SIGNIFICANT_DIGITS_MAX = 18;
/** Decimals up to which a number is printed without an exponent. */
const DECIMALS_MAX = 6;

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NONZERO_DIGIT = /^[^eE]*[1-9]/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;
const HEXADECIMAL = /^[+-]?0[xX]/;

/** The number that bytes[start, start + length) are, whole; NaN for anything that Redis doesn't take for a double. */
export function parseDouble(bytes: Uint8Array, start: number, length: number): number {
  const small = parseIntegerSafe(bytes, start, length);
  if (small === small) return small;
  if (length === 0 || length > TEXT_BYTES_MAX) return Number.NaN;
  return parseDoubleText(latin1(bytes, start, start + length));
}

/** As `parseDouble`, of a text. */
export function parseDoubleText(text: string): number {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) return Number.NaN;
    return value === 0 && NONZERO_DIGIT.test(text) ? Number.NaN : value;
  }
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (!HEXADECIMAL.test(text)) return Number.NaN;
  const exact = parseLongDouble(text);
  if (exact === undefined) return Number.NaN;
  const value = Number(exact.mantissa) * 2 ** exact.exponent;
  return Number.isFinite(value) ? value : Number.NaN;
}

/** The shortest text that reads back as the same number, in Redis's form. */
export function formatDouble(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  if (value !== value) return "nan";
  if (Number.isInteger(value) && value >= -INTEGER_MAX && value <= INTEGER_MAX) {
    return Number.isSafeInteger(value) ? String(value) : BigInt(value).toString();
  }
  // Where the engine's own shortest form has no exponent it is Redis's, too, up to six decimals, or with a few digits before the point.
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-6 && magnitude < 1e15) {
    const text = String(value);
    if ((magnitude >= 1e-3 && magnitude < 1e4) || text.length - text.indexOf(".") <= DECIMALS_MAX + 1) return text;
  }
  const negative = value < 0;
  const [mantissa, exponentText] = Math.abs(value).toExponential().split("e") as [string, string];
  let digits = mantissa.replace(".", "");
  const exponent = Number(exponentText);
  const scale = exponent - digits.length + 1;
  return (negative ? "-" : "") + layOut();

  function layOut(): string {
    const count = digits.length;
    if (scale >= 0 && Math.abs(exponent) < count + 7) return digits + "0".repeat(scale);
    if (scale < 0 && (scale > -7 || Math.abs(exponent) < 4)) {
      const whole = count + scale;
      if (whole <= 0) return `0.${"0".repeat(-whole)}${digits}`;
      return `${digits.slice(0, whole)}.${digits.slice(whole)}`;
    }
    digits = digits.slice(0, SIGNIFICANT_DIGITS_MAX - (negative ? 1 : 0));
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    return `${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
  }
}

/** As C's "%.17g": what DEBUG DIGEST is made of. */
export function formatDouble17(value: number): string {
  if (!Number.isFinite(value) || value === 0) return formatDouble(value);
  const [mantissa, exponentText] = value.toExponential(16).split("e") as [string, string];
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 17) {
    const plain = value.toFixed(Math.max(0, Math.min(100, 16 - exponent)));
    return plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain;
  }
  const digits = mantissa.replace(/\.?0+$/, "");
  return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
