/** Mutants of the crash harness fit the sources as they are; whether they are noticed is shown by `npm run fuzz -- --mutants`. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MUTANTS } from "../../../fuzz/mutation/mutants.ts";

test("what each mutant takes away stands in its file exactly once", () => {
  const wrong: string[] = [];
  for (const { name, edits } of MUTANTS) {
    for (const { file, find } of edits) {
      const times = readFileSync(file, "utf8").split(find).length - 1;
      if (times !== 1) wrong.push(`${name}: ${file} holds ${times} times: ${find}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});
