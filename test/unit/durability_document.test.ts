/** docs/durability.md names files that prove what it says: they must be there, and cite the rules. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { projectRoot } from "../support/emberlog_server.ts";

const text = readFileSync(`${projectRoot}docs/durability.md`, "utf8");

test("every file that docs/durability.md names exists", () => {
  const named = [...text.matchAll(/`((?:src|test|fuzz)\/[a-z0-9_./]+\.ts)`/g)].map((match) => match[1]!);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((file) => !existsSync(projectRoot + file))).toEqual([]);
});

test("it cites rules D1 to D18, and no others", () => {
  const cited = new Set([...text.matchAll(/\bD(\d+)\b/g)].map((match) => Number(match[1])));
  expect(Math.max(...cited)).toBe(18);
  expect(Math.min(...cited)).toBe(1);
  for (const rule of [1, 2, 3, 5, 6, 7, 8, 9, 11, 12, 13, 15, 17, 18]) expect(cited).toContain(rule);
});
