/**
 * LATENCY GRAPH: the samples of an event as bars of four lines, three steps a line, with their ages written downwards below.
 *
 * ```
 *     #          the value of a column fills whole lines with |, and ends with one of _ o #
 *     |
 *   # |
 * __|o|
 *
 * 64321          63 seconds ago, 4 seconds ago, …
 * sssss
 * ```
 * The least value is drawn as the lowest step, the greatest as the highest.
 */
import type { LatencySeries } from "./latency_events.ts";

const COLUMNS = 80;
const ROWS = 4;
const STEPS = "_o#";

export function latencyGraph(event: string, series: LatencySeries, nowMs: number): string {
  const values = series.samples.map((sample) => sample.milliseconds);
  const high = Math.max(...values);
  const low = Math.min(...values);
  const nowSeconds = Math.floor(nowMs / 1000);
  const labels = series.samples.map((sample) => age(nowSeconds - sample.time));
  const head = `${event} - high ${high} ms, low ${low} ms (all time high ${series.max} ms)\n`;
  const blocks: string[] = [];
  for (let at = 0; at < values.length; at += COLUMNS) {
    blocks.push(block(values.slice(at, at + COLUMNS), labels.slice(at, at + COLUMNS), low, high));
  }
  return `${head}${"-".repeat(COLUMNS)}\n${blocks.join("\n")}`;
}

function block(values: readonly number[], labels: readonly string[], low: number, high: number): string {
  const span = high > low ? high - low : 1;
  const steps = values.map((value) =>
    Math.min(ROWS * STEPS.length - 1, Math.floor(((value - low) * ROWS * STEPS.length) / span)),
  );
  let text = "";
  for (let row = ROWS - 1; row >= 0; row--) {
    for (const step of steps) text += mark(step - row * STEPS.length);
    text += "\n";
  }
  text += `${" ".repeat(values.length)}\n`;
  const deepest = Math.max(...labels.map((label) => label.length));
  for (let i = 0; i < deepest; i++) text += `${labels.map((label) => label[i] ?? " ").join("")}\n`;
  return text;
}

/** What a column shows in a line above whose foot it rises by so many steps. */
function mark(steps: number): string {
  if (steps < 0) return " ";
  return STEPS[steps] ?? "|";
}

function age(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}
