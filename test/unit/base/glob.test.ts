import { describe, expect, it } from "vitest";
import { latin1Bytes } from "../../../src/base/bytes.ts";
import { globMatches } from "../../../src/base/glob.ts";

/** Checks a match with other bytes around pattern and text, which must not count. */
function check(pattern: string, text: string, expected: boolean, noCase = false): void {
  const p = latin1Bytes(`*]${pattern}*]`);
  const t = latin1Bytes(`*]${text}*]`);
  expect(globMatches(p, 2, pattern.length, t, 2, text.length, noCase), `${pattern} on ${JSON.stringify(text)}`).toBe(
    expected,
  );
}

describe("globMatches", () => {
  it("stars and question marks", () => {
    for (const [pattern, text, expected] of [
      ["", "", true],
      ["", "a", false],
      ["a", "", false],
      ["*", "a", true],
      ["*", "", false], // KEYS takes a lone star for itself, before it asks.
      ["a*", "a", true],
      ["a*", "abc", true],
      ["*c", "abc", true],
      ["*c", "abcd", false],
      ["a*b*c", "a-b-b-c", true],
      ["a*b*c", "a-b-c-", false],
      ["***", "x", true],
      ["a***b", "aXb", true],
      ["a?c", "abc", true],
      ["a?", "a", false],
      ["?*", "a", true],
      ["*?", "a", true],
      ["*a", "aaab", false],
      ["*ab", "aaab", true],
      ["*a*?b", "xaab", true],
    ] as const) {
      check(pattern, text, expected);
    }
  });

  it("sets, ranges, escapes, and sets without an end", () => {
    for (const [pattern, text, expected] of [
      ["h[ae]llo", "hallo", true],
      ["h[ae]llo", "hillo", false],
      ["h[^e]llo", "hallo", true],
      ["h[^e]llo", "hello", false],
      ["h[a-c]llo", "hbllo", true],
      ["h[c-a]llo", "hbllo", true],
      ["[]", "a", false],
      ["[", "[", false],
      ["[^", "x", true],
      ["[a", "a", true],
      ["[a-", "-", true],
      ["[\\]]", "]", true],
      ["[a\\-z]", "m", false],
      ["[a\\-z]", "-", true],
      ["\\*", "*", true],
      ["\\*", "a", false],
      ["\\", "\\", true],
      ["a\\", "a\\", true],
      ["[\x01-\xff]", "\x00", true], // Bytes are signed: the range runs from -1 to 1.
      ["[\x01-\xff]", "a", false],
      ["[\x80-\xff]", "\x90", true],
    ] as const) {
      check(pattern, text, expected);
    }
  });

  it("letters in either case", () => {
    check("HeL?o", "hEllO", true, true);
    check("[A-C]", "b", true, true);
    check("[^B]", "b", false, true);
    check("[\\B]", "b", false, true);
    check("HeL?o", "hEllO", false);
  });

  it("a pattern made to explode does not, nor does a deep one", () => {
    check(`${"a*".repeat(5000)}b`, "a".repeat(20000), false);
    check("*a".repeat(50000), "a".repeat(50000), true);
  });
});
