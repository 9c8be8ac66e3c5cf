/**
 * When what happened, and what of it can be restored: out of a store, whose counts need no identity, or out of a data directory, whose log is read.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import type { Disk } from "../disk/disk.ts";
import { joinPath } from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import { readSegment } from "../log/segment_reader.ts";
import type { Manifest } from "../manifest/format.ts";
import { readImageIndex } from "../snapshot/image_reading.ts";
import {
  countsByName,
  type DangerousCommand,
  decodeCounts,
  MINUTE_MS,
  type MinuteCount,
  SegmentCounter,
  type SegmentCounts,
} from "./counts.ts";
import { forAll } from "./for_all.ts";
import { type Gap, gapsOf, type History, joinedRanges, reaches } from "./history.ts";
import { COUNTS, countsName } from "./layout.ts";
import type { ObjectStore } from "./object_store.ts";

const COUNTS_AT_ONCE = 16;

/** Times, ms since 1970: what lies outside is left out. */
export interface Period {
  readonly sinceMs: number;
  readonly untilMs: number;
}

export interface Timeline {
  /** In order, those with commands only. */
  readonly minutes: readonly MinuteCount[];
  /** In the order of their sequences. */
  readonly dangerous: readonly DangerousCommand[];
  /** Dangerous ones that are not told one by one. */
  readonly omitted: number;
  readonly images: readonly { readonly sequence: number; readonly ms: number }[];
  readonly segments: number;
  /** Of them: encrypted at rest, and looked at without the key, so that nothing dangerous in them shows. */
  readonly unopened: number;
  /** Each state between these can be restored. */
  readonly ranges: readonly { readonly first: number; readonly last: number }[];
  readonly gaps: readonly Gap[];
  /** Counts that can't be read, one line each; those of the names stand in for them. */
  readonly wrong: readonly string[];
}

class Sum {
  private readonly minutes = new Map<number, { commands: number; deleted: number }>();
  private readonly dangerous: DangerousCommand[] = [];
  private readonly period: Period;
  private omitted = 0;
  segments = 0;
  unopened = 0;

  constructor(period: Period) {
    this.period = period;
  }

  add(counts: SegmentCounts): void {
    this.addAll([counts]);
  }

  /** Of the pieces of one segment. */
  addAll(pieces: readonly SegmentCounts[]): void {
    this.segments++;
    if (pieces.some(({ opened }) => !opened)) this.unopened++;
    for (const piece of pieces) this.addPiece(piece);
  }

  private addPiece({ minutes, dangerous, omitted }: SegmentCounts): void {
    for (const { minute, commands, deleted } of minutes) this.addMinute(minute, commands, deleted);
    const { sinceMs, untilMs } = this.period;
    this.dangerous.push(...dangerous.filter(({ ms }) => ms >= sinceMs && ms < untilMs));
    this.omitted += omitted;
  }

  addMinute(minute: number, commands: number, deleted: number): void {
    if ((minute + 1) * MINUTE_MS <= this.period.sinceMs || minute * MINUTE_MS >= this.period.untilMs) return;
    const count = this.minutes.get(minute) ?? { commands: 0, deleted: 0 };
    this.minutes.set(minute, count);
    count.commands += commands;
    count.deleted += deleted;
  }

  sum(): Pick<Timeline, "minutes" | "dangerous" | "omitted" | "segments" | "unopened"> {
    const minutes = [...this.minutes].map(([minute, count]) => ({ minute, ...count }));
    return {
      minutes: minutes.sort((a, b) => a.minute - b.minute),
      dangerous: this.dangerous.sort((a, b) => a.sequence - b.sequence),
      omitted: this.omitted,
      segments: this.segments,
      unopened: this.unopened,
    };
  }
}

function within({ sinceMs, untilMs }: Period, ms: number): boolean {
  return ms >= sinceMs && ms < untilMs;
}

export async function timelineOfStore(
  store: ObjectStore,
  history: History,
  crc32c: Crc32c,
  period: Period,
): Promise<Timeline> {
  const counted = new Set<string>();
  for await (const { name } of store.list(COUNTS)) counted.add(name);
  const sum = new Sum(period);
  const wrong: string[] = [];
  let beforeMs = 0;
  const pieces = history.segments.flatMap((segment) => segment.pieces);
  const wanted = pieces.filter(({ object }) => {
    const ends = object.lastMs >= period.sinceMs && beforeMs < period.untilMs;
    beforeMs = object.lastMs;
    return ends;
  });
  await forAll(wanted, COUNTS_AT_ONCE, async ({ object }) => {
    const name = countsName(object);
    let counts = countsByName(object);
    if (counted.has(name)) {
      try {
        counts = decodeCounts(name, await store.read(name), crc32c);
      } catch (thrown) {
        if (!(thrown instanceof EmberlogError) || thrown.code !== "BACKUP_UNREADABLE") throw thrown;
        wrong.push(thrown.message);
      }
    }
    sum.add(counts);
  });
  const covered = reaches(history);
  return {
    ...sum.sum(),
    images: history.generations
      .filter(({ object }) => within(period, object.lastMs))
      .map(({ object }) => ({ sequence: object.sequence, ms: object.lastMs })),
    ranges: joinedRanges(covered),
    gaps: gapsOf(history, covered),
    wrong: wrong.sort(),
  };
}

/**
 * `manifest` is that of `directory`; its open segment is read as far as it goes, and sealed ones whose counts are not `known`, by their names. Throws what
 * the disk throws.
 */
export function timelineOfDirectory(
  disk: Disk,
  directory: string,
  manifest: Manifest,
  crc32c: Crc32c,
  keys: Keys,
  period: Period,
  known: ReadonlyMap<string, readonly SegmentCounts[]> = new Map(),
): Timeline {
  const sum = new Sum(period);
  const wrong: string[] = [];
  let last = manifest.segments[0]?.firstSequence ?? 1;
  const first = last - 1;
  for (const { name, sealed } of manifest.segments) {
    const counts = known.get(name);
    if (counts !== undefined && sealed !== null) {
      sum.addAll(counts);
      last = sealed.lastSequence;
      continue;
    }
    const counter = new SegmentCounter();
    const read = readSegment(disk, joinPath(directory, name), crc32c, counter, sealed?.lengthBytes, keys);
    if (read.kind !== "scan" || (sealed !== null && read.scan.damage !== null)) {
      wrong.push(`${name} is no whole segment of a log: emberlog check ${directory}`);
      continue;
    }
    if (read.scan.commands > 0) sum.add(counter.counts());
    last = read.scan.lastSequence;
  }
  const images = manifest.images.map(({ name, sequence }) => {
    const read = readImageIndex(disk, joinPath(directory, name), crc32c);
    return { sequence, ms: read.kind === "index" ? read.index.header.frozenMs : 0 };
  });
  const oldest = first === manifest.origin ? first : (images[0]?.sequence ?? first);
  return {
    ...sum.sum(),
    images: images.filter(({ ms }) => within(period, ms)),
    ranges: [{ first: oldest, last }],
    gaps: [],
    wrong,
  };
}
