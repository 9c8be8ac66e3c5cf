/** When clients are not read from because the log can't keep up: counted, and told now and then. */
import { expect, it } from "vitest";
import { BackPressure } from "../../../src/server/back_pressure.ts";

it("counts how often and how long, and tells the news once in ten seconds", () => {
  let nowUs = 1_000_000;
  const pressure = new BackPressure(() => nowUs);
  expect(pressure.news(0)).toBe(undefined);
  pressure.begin();
  pressure.begin();
  nowUs += 2_000_000;
  expect([pressure.active, pressure.count, pressure.totalUs]).toEqual([true, 1, 2_000_000]);
  expect(pressure.news(64 * 1024 * 1024)).toBe(
    "The disk can't keep up with the log: clients were not read from for a while, 2000 ms in all since start; 64 MiB wait to be written",
  );
  pressure.end();
  pressure.end();
  for (let i = 0; i < 3; i++) {
    pressure.begin();
    nowUs += 1_000_000;
    pressure.end();
  }
  expect([pressure.active, pressure.count, pressure.totalUs]).toEqual([false, 4, 5_000_000]);
  nowUs += 6_999_999;
  expect(pressure.news(0)).toBe(undefined);
  nowUs++;
  expect(pressure.news(0)).toMatch(/were not read from 3 times, 5000 ms in all since start; 0 MiB/);
  expect(pressure.news(0)).toBe(undefined);
});
