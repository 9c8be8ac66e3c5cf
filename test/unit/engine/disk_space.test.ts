/** The watermarks of a disk: when it is low, when writes stop, and that neither flaps. */
import { describe, expect, test } from "vitest";
import { DiskSpaceWatch, watermarkBytes } from "../../../src/engine/disk_space.ts";

const MB = 1024 * 1024;

describe("a watermark is", () => {
  test.each([
    ["0", 0],
    ["1048576", MB],
    ["5%", 50 * MB],
    ["auto", 20 * MB],
  ])("%s of 1000 MiB", (text, bytes) => {
    expect(watermarkBytes(text, 1000 * MB, 64 * MB)).toBe(bytes);
  });

  test("auto: a segment on a large disk", () => {
    expect(watermarkBytes("auto", 1e12, 64 * MB)).toBe(64 * MB);
  });
});

/** Free MiB of 1000 at one look a second; the state after each. */
function states(watch: DiskSpaceWatch, free: readonly number[]): string[] {
  return free.map((mb, i) => {
    watch.look({ freeBytes: mb * MB, totalBytes: 1000 * MB }, 0, i * 1_000_000);
    return watch.state;
  });
}

test("states change at the lines, and back only above them", () => {
  const watch = new DiskSpaceWatch(64 * MB, { low: "10%", stop: "20971520" });
  expect(watch.spareBytes({ freeBytes: 5, totalBytes: 10 })).toBe(Number.POSITIVE_INFINITY);
  expect(states(watch, [500, 101, 99, 105, 111, 99])).toEqual(["ok", "ok", "low", "low", "ok", "low"]);
  expect(states(watch, [22, 20.5, 22, 23, 105, 111])).toEqual(["low", "stop", "stop", "low", "low", "ok"]);
  expect(watch.spareBytes({ freeBytes: 30_971_520, totalBytes: 1000 * MB })).toBe(10_000_000);
});

test("without watermarks, and where nobody can say how full it is, all is well", () => {
  const watch = new DiskSpaceWatch(64 * MB);
  expect(states(watch, [1, 0])).toEqual(["ok", "ok"]);
  watch.watermarks = { low: "50%", stop: "50%" };
  expect(states(watch, [100])).toEqual(["stop"]);
  watch.look(undefined, 0, 5_000_000);
  expect(watch).toMatchObject({ state: "ok", freeBytes: -1, totalBytes: -1, secondsLeft: -1 });
  expect(watch.spareBytes(undefined)).toBe(Number.POSITIVE_INFINITY);
});

test("how long it will last is told by the last two minutes", () => {
  const watch = new DiskSpaceWatch(64 * MB, { low: "0", stop: String(100 * MB) });
  const look = (second: number, mb: number, reserved = 0): number => {
    watch.look({ freeBytes: mb * MB, totalBytes: 1000 * MB }, reserved * MB, second * 1_000_000);
    return watch.secondsLeft;
  };
  expect(look(0, 500)).toBe(-1);
  expect(look(10, 490)).toBe(390);
  // What the log has set aside for itself is not used up yet.
  expect(look(20, 420, 60)).toBe(380);
  for (let second = 30; second <= 200; second += 10) look(second, 480);
  expect(look(210, 480)).toBe(-1);
  expect(look(220, 490)).toBe(-1);
});
