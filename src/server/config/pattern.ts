/**
 * Glob patterns over short names, as Redis matches them: `*`, `?`, `[a-z]`, `[^x]`, and `\` before a literal.
 *
 * A failed match goes back only to the last `*`, so the time is at most the product of the two lengths.
 */

/** A pattern with none of these characters is a plain name. */
export function isPattern(text: string): boolean {
  return /[*?[]/.test(text);
}

export function matchesPattern(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let starPattern = -1;
  let starText = 0;
  while (t < text.length || p < pattern.length) {
    if (pattern[p] === "*") {
      starPattern = ++p;
      starText = t;
      continue;
    }
    const next = t < text.length && p < pattern.length ? matchOne(pattern, p, text[t]!) : -1;
    if (next >= 0) {
      p = next;
      t++;
      continue;
    }
    if (starPattern < 0 || starText >= text.length) return false;
    p = starPattern;
    t = ++starText;
  }
  return true;
}

/** The index after the element at `p` when it matches `character`, else -1. */
function matchOne(pattern: string, p: number, character: string): number {
  const element = pattern[p]!;
  if (element === "?") return p + 1;
  if (element === "\\" && p + 1 < pattern.length) return pattern[p + 1] === character ? p + 2 : -1;
  if (element !== "[") return element === character ? p + 1 : -1;
  return matchClass(pattern, p + 1, character);
}

function matchClass(pattern: string, start: number, character: string): number {
  const negated = pattern[start] === "^";
  let found = false;
  let p = negated ? start + 1 : start;
  for (; p < pattern.length && pattern[p] !== "]"; p++) {
    if (pattern[p] === "\\" && p + 1 < pattern.length) p++;
    let [low, high] = [pattern[p]!, pattern[p]!];
    if (pattern[p + 1] === "-" && p + 2 < pattern.length) {
      high = pattern[p + 2]!;
      if (low > high) [low, high] = [high, low];
      p += 2;
    }
    if (character >= low && character <= high) found = true;
  }
  return found === negated ? -1 : Math.min(p + 1, pattern.length);
}
