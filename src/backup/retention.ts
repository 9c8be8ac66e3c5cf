/**
 * How long a backup is kept, and in what detail: `7d daily 14 weekly 8 monthly 12`.
 *
 * First the window: each command of that time can be restored. Then how many images of what lies before it are kept, as points without
 * the commands between them: one for each of so many days, weeks (from Monday) and months, UTC, counted back over those that have one. A full image goes before
 * one that needs others, of several the last. A word that is left out is 0.
 */
import { EmberlogError } from "../base/errors.ts";

export interface Retention {
  readonly windowMs: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const DAY_MS = 86_400_000;
/** 1970-01-05 was a Monday. */
const MONDAY_MS = 4 * DAY_MS;
const KEPT_MAX = 100_000;

/** Throws CONFIG_INVALID. */
export function parseRetention(text: string): Retention {
  const bad = (why: string): EmberlogError =>
    new EmberlogError(
      "CONFIG_INVALID",
      `not a retention: ${JSON.stringify(text)}: ${why} (one is "7d daily 14 weekly 8 monthly 12")`,
    );
  const [window = "", ...words] = text.trim().toLowerCase().split(/\s+/);
  const match = /^(\d{1,7})([smhdw])$/.exec(window);
  if (match === null) throw bad("it begins with a time in which each command can be restored, like 7d or 36h");
  const kept = new Map<string, number>();
  for (let i = 0; i < words.length; i += 2) {
    const [word, count] = [words[i]!, words[i + 1]];
    if (!["daily", "weekly", "monthly"].includes(word)) throw bad(`${word} is none of daily, weekly and monthly`);
    if (kept.has(word)) throw bad(`${word} stands there twice`);
    if (count === undefined || !/^\d{1,6}$/.test(count) || Number(count) > KEPT_MAX)
      throw bad(`${word} needs a number`);
    kept.set(word, Number(count));
  }
  return {
    windowMs: Number(match[1]) * UNITS[match[2]!]!,
    daily: kept.get("daily") ?? 0,
    weekly: kept.get("weekly") ?? 0,
    monthly: kept.get("monthly") ?? 0,
  };
}

/** A state that can be kept. */
export interface Point {
  readonly name: string;
  readonly ms: number;
  /** It needs no other image. */
  readonly full: boolean;
}

/** Names of the points that the calendar keeps; `points` stand from old to new. */
export function keptByCalendar(points: readonly Point[], { daily, weekly, monthly }: Retention): Set<string> {
  const kept = new Set<string>();
  const keep = (count: number, periodOf: (ms: number) => number): void => {
    const best = new Map<number, Point>();
    for (const point of points) {
      const period = periodOf(point.ms);
      const known = best.get(period);
      if (known === undefined || point.full || !known.full) best.set(period, point);
    }
    const newest = [...best].sort(([a], [b]) => b - a).slice(0, count);
    for (const [, { name }] of newest) kept.add(name);
  };
  keep(daily, (ms) => Math.floor(ms / DAY_MS));
  keep(weekly, (ms) => Math.floor((ms - MONDAY_MS) / (7 * DAY_MS)));
  keep(monthly, monthOf);
  return kept;
}

function monthOf(ms: number): number {
  const date = new Date(ms);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
