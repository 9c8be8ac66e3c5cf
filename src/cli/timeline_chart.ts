/**
 * A timeline as a terminal shows it: a line for each stretch of time, a bar for its commands, and words for what stands out.
 * ```
 * 2026-11-21 10:01    12,345  ##########
 * 2026-11-21 10:02    13,001  ###########  FLUSHALL
 *                 …
 * 2026-11-21 11:30        17  #            image
 * ```
 */
import { MINUTE_MS } from "../backup/counts.ts";
import type { Timeline } from "../backup/timeline.ts";

const ROWS_MAX = 48;
const BAR_CHARS = 40;
/** Stretches, minutes: those that a clock knows. */
const STRETCHES = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 10_080, 43_200];
/** Keys removed in one stretch that are worth a word. */
const DELETED_TOLD = 1000;
/** Dangerous commands in the words of one line. */
const TOLD_MAX = 3;

interface Row {
  readonly stretch: number;
  commands: number;
  deleted: number;
  images: number;
  readonly dangerous: string[];
}

/** Lines without their ends, UTC. */
export function chartLines(timeline: Timeline): string[] {
  const { minutes, images, dangerous } = timeline;
  const all = [...minutes.map(({ minute }) => minute), ...images.map(({ ms }) => Math.floor(ms / MINUTE_MS))];
  if (all.length === 0) return [];
  const first = all.reduce((a, b) => Math.min(a, b));
  const last = all.reduce((a, b) => Math.max(a, b));
  // Empty stretches take no line, so that the length of the whole does not coarsen what is busy.
  const length =
    STRETCHES.find((each) => new Set(all.map((minute) => Math.floor(minute / each))).size <= ROWS_MAX) ??
    Math.ceil((last - first + 1) / ROWS_MAX);
  const rows = new Map<number, Row>();
  const rowOf = (minute: number): Row => {
    const stretch = Math.floor(minute / length);
    const row = rows.get(stretch) ?? { stretch, commands: 0, deleted: 0, images: 0, dangerous: [] };
    rows.set(stretch, row);
    return row;
  };
  for (const { minute, commands, deleted } of minutes) {
    const row = rowOf(minute);
    row.commands += commands;
    row.deleted += deleted;
  }
  for (const { ms } of images) rowOf(Math.floor(ms / MINUTE_MS)).images++;
  for (const { ms, name, keys } of dangerous)
    rowOf(Math.floor(ms / MINUTE_MS)).dangerous.push(keys > 0 ? `${name} of ${keys} keys` : name);
  const most = [...rows.values()].reduce((a, { commands }) => Math.max(a, commands), 1);
  const lines = [`time (UTC)          commands  ${stretchText(length)} a line`];
  let next: number | undefined;
  for (const row of [...rows.values()].sort((a, b) => a.stretch - b.stretch)) {
    if (next !== undefined && row.stretch > next) lines.push("               …");
    lines.push(rowText(row, length, most));
    next = row.stretch + 1;
  }
  return lines;
}

function rowText(row: Row, length: number, most: number): string {
  const time = new Date(row.stretch * length * MINUTE_MS).toISOString().slice(0, 16).replace("T", " ");
  const bar = "#".repeat(Math.ceil((row.commands / most) * BAR_CHARS));
  const words: string[] = row.dangerous.slice(0, TOLD_MAX);
  if (row.dangerous.length > TOLD_MAX) words.push(`${row.dangerous.length - TOLD_MAX} more like that`);
  if (row.deleted >= DELETED_TOLD) words.push(`${row.deleted.toLocaleString("en-US")} keys removed`);
  if (row.images > 0) words.push(row.images === 1 ? "image" : `${row.images} images`);
  const count = row.commands.toLocaleString("en-US").padStart(12);
  return `${time}${count}  ${bar.padEnd(BAR_CHARS)}  ${words.join(", ")}`.trimEnd();
}

function stretchText(minutes: number): string {
  if (minutes % 1440 === 0) return minutes === 1440 ? "a day" : `${minutes / 1440} days`;
  if (minutes % 60 === 0) return minutes === 60 ? "an hour" : `${minutes / 60} hours`;
  return minutes === 1 ? "a minute" : `${minutes} minutes`;
}
