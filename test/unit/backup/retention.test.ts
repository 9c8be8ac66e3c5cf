/** What a retention keeps, by the calendar alone. */
import { expect, test } from "vitest";
import { keptByCalendar, type Point, parseRetention } from "../../../src/backup/retention.ts";

const DAY_MS = 86_400_000;

test("a retention is read as it is written, and what is none is refused with the reason", () => {
  expect(parseRetention("7d daily 14 weekly 8 monthly 12")).toEqual({
    windowMs: 7 * DAY_MS,
    daily: 14,
    weekly: 8,
    monthly: 12,
  });
  expect(parseRetention(" 36H  Monthly 3 ")).toEqual({ windowMs: 36 * 3_600_000, daily: 0, weekly: 0, monthly: 3 });
  for (const [text, why] of [
    ["", "begins with a time"],
    ["daily 3", "begins with a time"],
    ["7", "begins with a time"],
    ["7d yearly 3", "none of daily"],
    ["7d daily", "needs a number"],
    ["7d daily x", "needs a number"],
    ["7d daily 1 daily 2", "twice"],
  ] as const)
    expect(() => parseRetention(text), text).toThrow(why);
});

function kept(points: readonly Point[], text: string): string[] {
  return [...keptByCalendar(points, parseRetention(text))].sort();
}

test("days, weeks from Monday and months are counted back over those that have an image", () => {
  const days = ["2026-01-31", "2026-02-01", "2026-02-02", "2026-02-08", "2026-03-01", "2026-05-31"];
  const points = days.map((name) => ({ name, ms: Date.parse(`${name}T12:00:00Z`), full: true }));
  expect(kept(points, "0d daily 2")).toEqual(["2026-03-01", "2026-05-31"]);
  // 2026-02-02 was a Monday, 2026-02-08 the Sunday behind it.
  expect(kept(points, "0d weekly 4")).toEqual(["2026-02-01", "2026-02-08", "2026-03-01", "2026-05-31"]);
  expect(kept(points, "0d monthly 9")).toEqual(["2026-01-31", "2026-02-08", "2026-03-01", "2026-05-31"]);
  expect(kept(points, "0d")).toEqual([]);
});

test("of one day the last full image is kept, and one that needs others only where there is none", () => {
  const at = (hour: number, full: boolean): Point => ({ name: `${hour}`, ms: hour * 3_600_000, full });
  expect(kept([at(1, true), at(2, true), at(3, false)], "0d daily 1")).toEqual(["2"]);
  expect(kept([at(1, false), at(3, false)], "0d daily 1")).toEqual(["3"]);
});
