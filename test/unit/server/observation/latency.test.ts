/** The latency monitor's samples, and the graph of them. */
import { expect, test } from "vitest";
import { LatencyEvents } from "../../../../src/server/observation/latency_events.ts";
import { latencyGraph } from "../../../../src/server/observation/latency_graph.ts";

function events(): { latency: LatencyEvents; at(ms: number): void } {
  let nowMs = 1_000_000;
  const latency = new LatencyEvents(() => nowMs);
  return {
    latency,
    at(ms) {
      nowMs = ms;
    },
  };
}

test("off, nothing is kept; on, what reaches the threshold is", () => {
  const { latency } = events();
  latency.sample("command", 1e9);
  expect([latency.on, latency.series.size]).toEqual([false, 0]);
  latency.thresholdMs = 10;
  latency.sample("command", 9_999);
  expect(latency.series.size).toBe(0);
  latency.sample("command", 10_000);
  expect(latency.series.get("command")!.samples).toEqual([{ time: 1000, milliseconds: 10 }]);
});

test("of each second the worst is kept, of all seconds the last 160", () => {
  const { latency, at } = events();
  latency.thresholdMs = 1;
  for (const ms of [5, 9, 7]) latency.sample("fast-command", ms * 1000);
  expect(latency.series.get("fast-command")!.samples).toEqual([{ time: 1000, milliseconds: 9 }]);
  for (let second = 1; second <= 200; second++) {
    at(1_000_000 + second * 1000);
    latency.sample("fast-command", second * 1000);
  }
  const series = latency.series.get("fast-command")!;
  expect([series.samples.length, series.max]).toEqual([160, 200]);
  expect(series.samples[0]).toEqual({ time: 1041, milliseconds: 41 });
  expect(series.samples.at(-1)).toEqual({ time: 1200, milliseconds: 200 });
});

test("reset forgets what is named, and says how many there were", () => {
  const { latency } = events();
  latency.thresholdMs = 1;
  for (const name of ["command", "fast-command", "expire-cycle"] as const) latency.sample(name, 5000);
  expect(latency.reset(["nosuch", "command", "command"])).toBe(1);
  expect(latency.reset([])).toBe(2);
  expect(latency.series.size).toBe(0);
});

test("the graph draws the least value lowest, the greatest highest, and ages downwards", () => {
  const { latency, at } = events();
  latency.thresholdMs = 1;
  const values = [10, 21, 15, 200, 10];
  values.forEach((value, i) => {
    at(1_000_000 + i * 1000);
    latency.sample("command", value * 1000);
  });
  const graph = latencyGraph("command", latency.series.get("command")!, 1_063_000);
  expect(graph.split("\n")).toEqual([
    "command - high 200 ms, low 10 ms (all time high 200 ms)",
    "-".repeat(80),
    "   # ",
    "   | ",
    "   | ",
    "___|_",
    "     ",
    "11115",
    "mmmm9",
    "    s",
    "",
  ]);
});
