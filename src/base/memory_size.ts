/** Sizes as people write them in directives and commands (100, 64mb, 1g), and as they read them (16.00G). */

const UINT64_MAX = 18446744073709551615n;

/** Bytes of each unit. */
export const MEMORY_UNITS: Readonly<Record<string, bigint>> = {
  "": 1n,
  b: 1n,
  k: 1000n,
  kb: 1024n,
  m: 1000_000n,
  mb: 1024n ** 2n,
  g: 1000_000_000n,
  gb: 1024n ** 3n,
};

/** A size in bytes; undefined when the text isn't one. */
export function memoryBytes(text: string): bigint | undefined {
  const match = /^([0-9]*)([a-z]*)$/i.exec(text);
  const unit = match === null ? undefined : MEMORY_UNITS[match[2]!.toLowerCase()];
  if (match === null || unit === undefined) return undefined;
  const count = BigInt(match[1]!);
  // As in C: the number stops at 64 bits, its product with the unit wraps. No digit is 0.
  return ((count > UINT64_MAX ? UINT64_MAX : count) * unit) & UINT64_MAX;
}

const HUMAN_UNITS = ["B", "K", "M", "G", "T", "P"];

/** 894.87K, 16.00G; whole bytes below 1024. */
export function humanBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < HUMAN_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)}B` : `${value.toFixed(2)}${HUMAN_UNITS[unit]}`;
}
