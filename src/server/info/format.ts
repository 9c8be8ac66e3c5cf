/** How INFO writes numbers. */

const UNITS = ["B", "K", "M", "G", "T", "P"];

/** 894.87K, 16.00G; whole bytes below 1024. */
export function humanBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)}B` : `${value.toFixed(2)}${UNITS[unit]}`;
}

/** A share as "99.50%". */
export function percent(part: number, whole: number): string {
  return `${(whole > 0 ? (part / whole) * 100 : 0).toFixed(2)}%`;
}

/** A ratio with two digits; 0.00 where there is nothing to divide by. */
export function ratio(part: number, whole: number): string {
  return (whole > 0 ? part / whole : 0).toFixed(2);
}

export function yesNo(value: boolean): string {
  return value ? "yes" : "no";
}
