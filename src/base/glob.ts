/**
 * Glob patterns as Redis matches them: `*`, `?`, `[a-z]`, `[^a]`, `\` before a special character. On bytes, without allocation.
 *
 * Redis goes on recursively at each `*`, and since 7.2 gives up all earlier stars once a later one has run out of text. That is the same as
 * remembering only the last star, which is what happens here: no recursion, at most pattern × text steps whatever the pattern.
 *
 * Its oddities are kept: bytes in a range are signed and a range may be written backwards; a set that is not closed ends with the pattern; an
 * escape inside a set compares exactly even where letters match in either case; `*` alone stands for at least one byte of what is left.
 */

const STAR = 42;
const MINUS = 45;
const QUESTION = 63;
const OPEN = 91;
const BACKSLASH = 92;
const CLOSE = 93;
const CARET = 94;

/** Where the set just compared ends in the pattern: the index of its last byte. */
let setEnd = 0;

/** Does `text[textStart, +textLength)` match the pattern? With `noCase` ASCII letters match in either case. */
export function globMatches(
  pattern: Uint8Array,
  patternStart: number,
  patternLength: number,
  text: Uint8Array,
  textStart: number,
  textLength: number,
  noCase: boolean,
): boolean {
  const patternEnd = patternStart + patternLength;
  const textEnd = textStart + textLength;
  let p = patternStart;
  let t = textStart;
  // Behind the last star, and the text it must still be tried from; -1: there was none.
  let starPattern = -1;
  let starText = 0;
  while (true) {
    let matched = true;
    if (p < patternEnd && t < textEnd) {
      const symbol = pattern[p]!;
      if (symbol === STAR) {
        while (p + 1 < patternEnd && pattern[p + 1] === STAR) p++;
        if (p + 1 === patternEnd) return true;
        starPattern = ++p;
        starText = t;
        continue;
      }
      if (symbol === OPEN) {
        matched = matchesSet(pattern, p + 1, patternEnd, text[t]!, noCase);
        p = setEnd;
      } else if (symbol !== QUESTION) {
        if (symbol === BACKSLASH && p + 1 < patternEnd) p++;
        const wanted = pattern[p]!;
        const byte = text[t]!;
        matched = wanted === byte || (noCase && lower(wanted) === lower(byte));
      }
      if (matched) {
        p++;
        t++;
        if (t === textEnd) while (p < patternEnd && pattern[p] === STAR) p++;
        else continue;
      }
    }
    if (matched && p >= patternEnd && t === textEnd) return true;
    if (starPattern < 0 || starText + 1 >= textEnd) return false;
    starText++;
    p = starPattern;
    t = starText;
  }
}

/** Is a byte in the set that begins at `p`, behind its "["? Leaves in `setEnd` the index of the set's last byte. */
function matchesSet(pattern: Uint8Array, p: number, end: number, byte: number, noCase: boolean): boolean {
  const negated = p < end && pattern[p] === CARET;
  if (negated) p++;
  let found = false;
  for (; ; p++) {
    if (p + 1 < end && pattern[p] === BACKSLASH) {
      p++;
      if (pattern[p] === byte) found = true;
    } else if (p >= end) {
      p--;
      break;
    } else if (pattern[p] === CLOSE) break;
    else if (p + 2 < end && pattern[p + 1] === MINUS) {
      if (inRange(pattern[p]!, pattern[p + 2]!, byte, noCase)) found = true;
      p += 2;
    } else if (pattern[p] === byte || (noCase && lower(pattern[p]!) === lower(byte))) found = true;
  }
  setEnd = p;
  return found !== negated;
}

/** The bounds are put in order before case is dropped, and compared as signed bytes: both as Redis does it. */
function inRange(first: number, last: number, byte: number, noCase: boolean): boolean {
  let low = (first << 24) >> 24;
  let high = (last << 24) >> 24;
  let value = (byte << 24) >> 24;
  if (low > high) {
    const swapped = low;
    low = high;
    high = swapped;
  }
  if (noCase) {
    low = lower(low);
    high = lower(high);
    value = lower(value);
  }
  return value >= low && value <= high;
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}
