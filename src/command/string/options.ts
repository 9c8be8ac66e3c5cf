/**
 * The options behind SET's value and GETEX's key. Both read them with the same rules: an option may be repeated, the last one counts, and
 * those that contradict each other are a syntax error.
 */
import type { Call } from "../call.ts";
import { MILLISECONDS, MILLISECONDS_ABSOLUTE, SECONDS, SECONDS_ABSOLUTE } from "../expiry.ts";

/** SET's condition. */
export const ALWAYS = 0;
export const IF_MISSING = 1;
export const IF_PRESENT = 2;
export const IF_EQUAL = 3;

/** What becomes of the expiry when no time is given: SET drops it and GETEX leaves it, unless KEEPTTL or PERSIST says otherwise. */
export const UNSAID = 0;
export const KEEP = 1;
export const PERSIST = 2;

/** What `readOptions` found; there is one, filled in anew. */
export const options = {
  condition: ALWAYS,
  /** Argument that IFEQ compares with. */
  comparison: 0,
  get: false,
  /** The unit of the time given, 0 for none, and its argument. */
  unit: 0,
  time: 0,
  expiry: UNSAID,
};

/** Reads the options from argument `first` on into `options`; false: a syntax error. `set`: SET's, otherwise GETEX's. */
export function readOptions(call: Call, first: number, set: boolean): boolean {
  options.condition = ALWAYS;
  options.get = false;
  options.unit = 0;
  options.expiry = UNSAID;
  for (let i = first; i < call.argc; i++) {
    if (set && readSetOption(call, i)) continue;
    const more = i + 1 < call.argc;
    if (set && more && options.condition === ALWAYS && call.is(i, "IFEQ")) {
      options.condition = IF_EQUAL;
      options.comparison = ++i;
    } else if (set && options.unit === 0 && call.is(i, "KEEPTTL")) {
      options.expiry = KEEP;
    } else if (!set && options.unit === 0 && call.is(i, "PERSIST")) {
      options.expiry = PERSIST;
    } else {
      const unit = more && options.expiry === UNSAID ? unitOf(call, i) : 0;
      if (unit === 0 || (options.unit !== 0 && options.unit !== unit)) return false;
      options.unit = unit;
      options.time = ++i;
    }
  }
  return true;
}

/** NX, XX and GET. */
function readSetOption(call: Call, i: number): boolean {
  const { condition } = options;
  if ((condition === ALWAYS || condition === IF_MISSING) && call.is(i, "NX")) options.condition = IF_MISSING;
  else if ((condition === ALWAYS || condition === IF_PRESENT) && call.is(i, "XX")) options.condition = IF_PRESENT;
  else if (call.is(i, "GET")) options.get = true;
  else return false;
  return true;
}

/** The unit that an option keyword names, 0 for none. */
function unitOf(call: Call, i: number): number {
  if (call.is(i, "EX")) return SECONDS;
  if (call.is(i, "PX")) return MILLISECONDS;
  if (call.is(i, "EXAT")) return SECONDS_ABSOLUTE;
  if (call.is(i, "PXAT")) return MILLISECONDS_ABSOLUTE;
  return 0;
}
