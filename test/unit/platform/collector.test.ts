/** How V8 collects: seen in its own traces, in a process of its own for each setting, since that counts for a whole process. */
import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { projectRoot } from "../../support/emberlog_server.ts";

const COLLECTOR = `${projectRoot}src/platform/collector.ts`;

/** What V8 tells of its collections while the program in `body` runs, which knows the subject as `collector`. */
function traceOf(body: string): string {
  const program = `import(${JSON.stringify(COLLECTOR)}).then((collector) => { ${body} });`;
  const args = ["--import", "tsx", "--trace-gc", "--trace-fragmentation", "--eval", program];
  return execFileSync(process.execPath, args, { cwd: projectRoot, encoding: "utf8" });
}

/** Grows the heap a slice at a time, a fifth of it staying alive here and there, until V8 has collected all of it between two slices. */
const GROW = `
  const { PerformanceObserver, constants } = require("node:perf_hooks");
  const kept = [];
  let collected = false;
  new PerformanceObserver((list) => {
    if (list.getEntries().some((entry) => entry.detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR)) collected = true;
  }).observe({ entryTypes: ["gc"] });
  const slice = (left) => {
    for (let i = 0; i < 20_000; i++) {
      const made = { i, text: "text" + i };
      if (i % 5 === 0) kept.push(made);
    }
    if (kept.length > 100_000) kept.splice(0, 50_000);
    if (left > 0 && !collected) setTimeout(slice, 1, left - 1);
  };
  slice(1000);`;

describe("collector", () => {
  test("in place: full collections choose nothing to be moved", () => {
    const usual = traceOf(GROW);
    expect(usual).toMatch(/Mark-Compact/);
    expect(usual).toMatch(/compaction-selection/);
    const inPlace = traceOf(`collector.collectInPlace(); ${GROW}`);
    expect(inPlace).toMatch(/Mark-Compact/);
    expect(inPlace).not.toMatch(/compaction-selection/);
  });

  test("collecting now is a full collection", () => {
    expect(traceOf("")).not.toMatch(/Mark-Compact/);
    expect(traceOf("collector.collectGarbage(); console.log(typeof gc);")).toMatch(/Mark-Compact.*\nundefined\n/);
  });
});
