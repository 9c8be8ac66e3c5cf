/** Glob patterns against a naive matcher that tries everything. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { isPattern, matchesPattern } from "../../../src/server/config/pattern.ts";

function check(pattern: string, yes: string[], no: string[]): void {
  for (const text of yes) expect(`${pattern} ${text} ${matchesPattern(pattern, text)}`).toBe(`${pattern} ${text} true`);
  for (const text of no) expect(`${pattern} ${text} ${matchesPattern(pattern, text)}`).toBe(`${pattern} ${text} false`);
}

test("each element", () => {
  check("*", ["", "a", "abc"], []);
  check("a*c", ["ac", "abc", "aacc"], ["a", "ab", "cab"]);
  check("a?c", ["abc"], ["ac", "abbc"]);
  check("[a-c]x", ["ax", "cx"], ["dx", "x"]);
  check("[c-a]", ["b"], ["d"]);
  check("[^a]", ["b"], ["a", ""]);
  check("h\\*o", ["h*o"], ["hello"]);
  check("**a**", ["a", "bab"], ["b"]);
  check("", [""], ["a"]);
  check("[ab", ["a"], ["c"]);
});

test("a name is a pattern only with one of * ? [", () => {
  expect(["maxmemory", "a*", "a?", "[a]", "a]"].map(isPattern)).toEqual([false, true, true, true, false]);
});

test("stars agree with trying every split", () => {
  const naive = (pattern: string, text: string): boolean => {
    if (pattern === "") return text === "";
    if (pattern[0] === "*") return naive(pattern.slice(1), text) || (text !== "" && naive(pattern, text.slice(1)));
    return text !== "" && (pattern[0] === "?" || pattern[0] === text[0]) && naive(pattern.slice(1), text.slice(1));
  };
  const letters = (alphabet: string): fc.Arbitrary<string> =>
    fc.array(fc.constantFrom(...alphabet), { maxLength: 8 }).map((all) => all.join(""));
  fc.assert(
    fc.property(letters("ab*?"), letters("ab"), (pattern, text) => {
      expect(matchesPattern(pattern, text)).toBe(naive(pattern, text));
    }),
  );
});

test("many stars take no exponential time", () => {
  expect(matchesPattern(`${"*a".repeat(200)}b`, "a".repeat(2000))).toBe(false);
});
