/**
 * How often which values occurred, mostly durations in ns: within 0.8 % from 256 on, up to a thousand million.
 *
 * ```
 * cells 0 … 255      one value each
 * cells 256 … 383    256 … 511 in steps of 2
 * cells 384 … 511    512 … 1023 in steps of 4      and so on: 128 cells for each doubling
 * ```
 * These are the cells of an HDR histogram of two significant digits, which Redis keeps too: the same durations give the same percentiles
 * and the same LATENCY HISTOGRAM. What took longer than a second counts as a second.
 *
 * Executions that were measured as one run count as so many executions of the run's average.
 */

const CELLS = 24 * 128;
const NS_MAX = 1_000_000_000;
/** The first line of LATENCY HISTOGRAM counts what took up to the cell of so many ns, each further line up to the double of it. */
const FIRST_LINE_NS = 1024;
const LINES = 21;

export class Histogram {
  /** Executions counted. */
  total = 0;
  private readonly counts = new Float64Array(CELLS);

  /** `count` executions took `ns` each. */
  add(ns: number, count: number): void {
    this.counts[cellOf(ns < 1 ? 1 : ns > NS_MAX ? NS_MAX : Math.round(ns))]! += count;
    this.total += count;
  }

  /** The duration that `percent` of the executions did not exceed, ns: the upper end of its cell, for 0 % the lower one. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.floor((percent / 100) * this.total + 0.5));
    let seen = 0;
    for (let cell = 0; cell < CELLS; cell++) {
      seen += this.counts[cell]!;
      if (seen >= wanted) return percent === 0 ? lowestOf(cell) : highestOf(cell);
    }
    return 0;
  }

  /** Pairs of a bound in µs and the executions that took up to it, each line of a doubling that has any of its own. */
  lines(): [microseconds: number, executions: number][] {
    const found: [number, number][] = [];
    let seen = 0;
    let cell = 0;
    for (let line = 0; line < LINES && seen < this.total; line++) {
      const before = seen;
      const last = line === LINES - 1 ? CELLS - 1 : cellOf(FIRST_LINE_NS * 2 ** line);
      for (; cell <= last; cell++) seen += this.counts[cell]!;
      if (seen > before) found.push([Math.floor(highestOf(last) / 1000), seen]);
    }
    return found;
  }
}

function cellOf(ns: number): number {
  const doublings = 24 - Math.clz32(ns | 255);
  return (doublings << 7) + (ns >>> doublings);
}

function lowestOf(cell: number): number {
  if (cell < 256) return cell;
  return ((cell & 127) + 128) * 2 ** ((cell >> 7) - 1);
}

function highestOf(cell: number): number {
  return lowestOf(cell) + (cell < 256 ? 1 : 2 ** ((cell >> 7) - 1)) - 1;
}
