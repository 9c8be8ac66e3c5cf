/** The histogram of a command's durations: its cells are HDR's of two digits, its percentiles those of the durations themselves within a cell. */
import { expect, test } from "vitest";
import { Histogram } from "../../../src/base/histogram.ts";
import { seededRandom, uniform } from "../../../src/base/random.ts";

test("percentiles as redis-server prints them for the same durations", () => {
  // From `INFO latencystats` of redis-server 7.0.15: 4 µs show as 4.015, 6 as 6.015, 14 as 14.015, 90 as 90.111, 1 as 1.003.
  for (const [us, shown] of [
    [1, 1003],
    [2, 2007],
    [4, 4015],
    [6, 6015],
    [14, 14015],
    [90, 90111],
  ] as const) {
    const histogram = new Histogram();
    histogram.add(us * 1000, 1);
    expect([us, histogram.percentile(50), histogram.percentile(100)]).toEqual([us, shown, shown]);
  }
});

test("a percentile is the upper end of the cell that holds it, the zeroth the lower end of the first", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 20; round++) {
    const histogram = new Histogram();
    const durations: number[] = [];
    for (let i = 0; i < 500; i++) {
      const ns = 1 + uniform(random, 10 ** (1 + uniform(random, 9)));
      durations.push(Math.min(ns, 1_000_000_000));
      histogram.add(ns, 1);
    }
    durations.sort((a, b) => a - b);
    for (const percent of [1, 25, 50, 75, 90, 99, 99.9, 100]) {
      const exact = durations[Math.max(1, Math.floor((percent / 100) * 500 + 0.5)) - 1]!;
      const got = histogram.percentile(percent);
      expect(got).toBeGreaterThanOrEqual(exact);
      expect(got).toBeLessThanOrEqual(exact * 1.0079 + 1);
    }
    expect(histogram.percentile(0)).toBeLessThanOrEqual(durations[0]!);
    expect(histogram.total).toBe(500);
  }
});

test("lines double, are cumulative, and end when all are counted", () => {
  const histogram = new Histogram();
  histogram.add(900, 3);
  histogram.add(3000, 2);
  histogram.add(3_500_000_000, 1);
  const lines = histogram.lines();
  expect(lines[0]).toEqual([1, 3]);
  expect(lines[1]).toEqual([4, 5]);
  expect(lines.at(-1)![1]).toBe(6);
  expect(lines).toHaveLength(3);
  expect(new Histogram().lines()).toEqual([]);
});

test("a run counts as so many executions of its average", () => {
  const histogram = new Histogram();
  histogram.add(1500.4, 100);
  expect(histogram.total).toBe(100);
  expect(histogram.lines()).toEqual([[2, 100]]);
});
