/** Where a measurement worth keeping is kept: bench/results, as the table that one reads and as JSON with every sample. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../test/support/emberlog_server.ts";
import type { Machine } from "./versus_machine.ts";

/** Writes `what`-DATE-COMMIT.txt and .json, and says so. */
export function keep(what: string, date: string, machine: Machine, text: string, data: object): void {
  const folder = join(projectRoot, "bench", "results");
  mkdirSync(folder, { recursive: true });
  const name = `${what}-${date.slice(0, 19).replaceAll(":", "")}-${machine.commit}`;
  writeFileSync(join(folder, `${name}.txt`), `${text}\n`);
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ date, machine, ...data }, null, 1)}\n`);
  console.log(`\nwritten: bench/results/${name}.txt and .json`);
}
