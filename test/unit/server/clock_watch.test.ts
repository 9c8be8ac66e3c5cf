/** A clock that is set while the server runs, or between two runs: said once, with what it means. */
import { expect, test } from "vitest";
import { ClockWatch } from "../../../src/server/clock_watch.ts";
import { Logger } from "../../../src/server/logger.ts";
import { TestClock } from "../log/support.ts";

function watched() {
  const clock = new TestClock();
  const lines: string[] = [];
  return { clock, lines, watch: new ClockWatch(clock, new Logger("notice", clock, (line) => lines.push(line))) };
}

test("steps in both directions are told, drift and time that passes are not", () => {
  const { clock, lines, watch } = watched();
  for (let i = 0; i < 100; i++) {
    clock.advance(100);
    clock.nowMs += i % 2 === 0 ? 20 : -30;
    watch.look();
  }
  clock.advance(3_600_000);
  watch.look();
  expect(lines).toEqual([]);
  clock.nowMs -= 90_000;
  watch.look();
  watch.look();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/# The clock went back by 90 seconds: keys with an expiry live that much longer/);
  expect(watch).toMatchObject({ stepsBack: 1, lastStepMs: -90_000, lastStepAtMs: clock.nowMs });
  clock.nowMs += 90_000;
  watch.look();
  expect(lines[1]).toMatch(/\* The clock went forward by 90 seconds/);
  expect(watch).toMatchObject({ stepsBack: 1, lastStepMs: 90_000 });
});

test("a start on a log of the future says so", () => {
  const { clock, lines, watch } = watched();
  watch.compareWithLog(0);
  watch.compareWithLog(clock.nowMs + 500);
  expect(lines).toEqual([]);
  watch.compareWithLog(clock.nowMs + 3_600_000);
  expect(lines[0]).toMatch(/The clock is 3600 seconds behind the last write in the log/);
});
