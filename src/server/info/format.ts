/** How INFO writes numbers. */

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
