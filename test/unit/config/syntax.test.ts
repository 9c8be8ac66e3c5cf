/** Words of a configuration line: what Redis's splitting gives, and that quoting is its inverse. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { quoteArgument, splitArguments } from "../../../src/server/config/syntax.ts";

function check(line: string, words: string[] | undefined): void {
  expect(splitArguments(line)).toEqual(words);
}

test("words, quotes and escapes", () => {
  check("", []);
  check("  \t ", []);
  check("save 900 1", ["save", "900", "1"]);
  check("a\tb  c ", ["a", "b", "c"]);
  check('requirepass "a \\"b\\" \\x41\\xff \\n\\r\\t\\b\\a\\\\ \\q"', ["requirepass", 'a "b" A\xff \n\r\t\b\x07\\ q']);
  check("logfile 'it\\'s \\n'", ["logfile", "it's \\n"]);
  check('save ""', ["save", ""]);
  check('pre"fix"', ["prefix"]);
  check('"\\xzz"', ["xzz"]);
});

test("unbalanced quotes and text after a closing quote are refused", () => {
  for (const line of ['a "b', "a 'b", 'a "b"c', "a 'b'c", 'a "b\\"', '"']) check(line, undefined);
});

test("any bytes survive quoting and splitting", () => {
  const bytes = fc.array(fc.integer({ min: 0, max: 255 })).map((codes) => String.fromCharCode(...codes));
  fc.assert(
    fc.property(fc.array(bytes), (words) => {
      expect(splitArguments(words.map(quoteArgument).join(" "))).toEqual(words);
    }),
  );
});
