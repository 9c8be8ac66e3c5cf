/** What SCAN, HSCAN, SSCAN and ZSCAN have in common: reading the cursor and the options behind it. */
import type { Call } from "./call.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "./messages.ts";

const COUNT_DEFAULT = 10;
/** Buckets visited for each element asked for: a sparse table must not make one call endless. */
export const BUCKETS_AN_ELEMENT = 10;
const MAX_64_UNSIGNED = 18446744073709551615n;

/** The options read last. */
export const scanOptions = {
  /** Elements to look at. */
  count: COUNT_DEFAULT,
  /** Arguments that hold the pattern and the type, 0 where not given. */
  pattern: 0,
  type: 0,
  /** NOVALUES of HSCAN, NOSCORES of ZSCAN. */
  noValues: false,
};

/** Reads the options from argument `at` on into `scanOptions`; false: they are wrong, and the error has been replied. */
export function readScanOptions(
  call: Call,
  at: number,
  allowed: { readonly type: boolean; readonly noValues: boolean; readonly noScores?: boolean },
): boolean {
  scanOptions.count = COUNT_DEFAULT;
  scanOptions.pattern = 0;
  scanOptions.type = 0;
  scanOptions.noValues = false;
  for (let i = at; i < call.argc; i++) {
    if ((allowed.noValues && call.is(i, "NOVALUES")) || (allowed.noScores === true && call.is(i, "NOSCORES"))) {
      scanOptions.noValues = true;
      continue;
    }
    const error = readPair(call, i++, allowed.type);
    if (error === undefined) continue;
    call.reply.error(error);
    return false;
  }
  return true;
}

/** An option with its value; the error, if it is wrong. */
function readPair(call: Call, i: number, typeAllowed: boolean): string | undefined {
  if (i + 1 === call.argc) return SYNTAX_ERROR;
  if (call.is(i, "COUNT")) {
    const wanted = call.integer64(i + 1);
    if (wanted === undefined) return NOT_AN_INTEGER;
    if (wanted < 1) return SYNTAX_ERROR;
    scanOptions.count = Number(wanted);
  } else if (call.is(i, "MATCH")) scanOptions.pattern = i + 1;
  else if (typeAllowed && call.is(i, "TYPE")) scanOptions.type = i + 1;
  else return SYNTAX_ERROR;
  return undefined;
}

/**
 * A cursor as C's strtoul reads it, since Redis does: a sign is allowed, "" is zero, and what follows a zero byte does not count. The low 32 bits;
 * undefined when it is none, and the
 * error has been replied.
 */
export function readCursor(call: Call, i: number): number | undefined {
  const cursor = cursorOf(call, i);
  if (cursor === undefined) call.reply.error("ERR invalid cursor");
  return cursor;
}

function cursorOf(call: Call, i: number): number | undefined {
  const match = /^([+-]?)(\d+)$/.exec(call.text(i).replace(/\0.*$/s, ""));
  if (match === null) return call.length(i) === 0 || call.input[call.start(i)] === 0 ? 0 : undefined;
  const digits = match[2]!.replace(/^0+/, "");
  if (digits.length > 20) return undefined;
  const value = BigInt(digits === "" ? 0 : digits);
  if (value > MAX_64_UNSIGNED) return undefined;
  return Number(BigInt.asIntN(32, match[1] === "-" ? -value : value));
}
