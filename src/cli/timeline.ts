/**
 * `emberlog timeline --from URL | --dir DIR [--since TIME] [--until TIME] [--json]`: what was written when, what can be restored, and which commands
 * emptied much, with the words that restore to right before each. A store is asked without an identity: the counts lie beside the log.
 *
 * Exit codes: 0 told; 2 the store or the directory can't be read.
 */
import { countsOfSegments } from "../backup/catalogued_counts.ts";
import type { SegmentCounts } from "../backup/counts.ts";
import { type Period, type Timeline, timelineOfDirectory, timelineOfStore } from "../backup/timeline.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import type { Manifest } from "../manifest/format.ts";
import { crc32c } from "../platform/checksum.ts";
import { SqliteFault } from "../platform/sqlite.ts";
import { historyFor, manifestOf, openBackupStore, parseTime, timeText, withErrors } from "./backup_options.ts";
import { catalogueIfAny } from "./catalogue_options.ts";
import { chartLines } from "./timeline_chart.ts";

export interface TimelineOptions {
  readonly from?: string;
  readonly dir?: string;
  readonly claim?: string;
  readonly since?: string;
  readonly until?: string;
  readonly json?: boolean;
}

/** Dangerous commands that the text tells one by one: the newest. */
const TOLD_MAX = 20;

export function runTimeline(options: TimelineOptions, keys: Keys, out: (text: string) => void): Promise<number> {
  const { from, dir, claim, since, until, json = false } = options;
  return withErrors(json, out, async () => {
    if ((from === undefined) === (dir === undefined))
      throw new EmberlogError("CONFIG_INVALID", "one of --from URL and --dir DIRECTORY says where to look");
    const period: Period = {
      sinceMs: since === undefined ? 0 : parseTime(since),
      untilMs: until === undefined ? Number.MAX_SAFE_INTEGER : parseTime(until),
    };
    if (dir !== undefined) {
      const disk = new NodeDisk();
      const manifest = manifestOf(disk, dir);
      const known = await knownCounts(dir, manifest);
      show(dir, "", timelineOfDirectory(disk, dir, manifest, crc32c, keys, period, known), json, out, known?.size);
      return 0;
    }
    const store = await openBackupStore(from!);
    try {
      show(store.place, from!, await timelineOfStore(store, await historyFor(store, claim), crc32c, period), json, out);
      return 0;
    } finally {
      store.close();
    }
  });
}

/** What of the log need not be read, because it was counted when it was shipped. A catalogue that is of no use is none. */
async function knownCounts(
  directory: string,
  { segments }: Manifest,
): Promise<Map<string, SegmentCounts[]> | undefined> {
  const catalogue = catalogueIfAny(directory);
  try {
    return catalogue && (await countsOfSegments(catalogue.store, segments, crc32c));
  } catch (thrown) {
    if (!(thrown instanceof SqliteFault)) throw thrown;
    return undefined;
  } finally {
    catalogue?.store.close();
  }
}

/** `catalogued`: segments whose counts a catalogue has told. */
function show(
  place: string,
  url: string,
  timeline: Timeline,
  json: boolean,
  out: (text: string) => void,
  catalogued?: number,
): void {
  if (json) {
    out(`${JSON.stringify({ place, ...timeline, catalogued })}\n`);
    return;
  }
  const { ranges, gaps, dangerous, omitted, unopened, segments, wrong } = timeline;
  const lines = [...chartLines(timeline)];
  if (lines.length === 0) lines.push(`${place} tells of no commands`);
  for (const { first, last } of ranges) lines.push(`restore    commands ${first} to ${last}`);
  for (const { after, before } of gaps) lines.push(`gap        no commands between ${after} and ${before}`);
  const told = dangerous.slice(-TOLD_MAX);
  const untold = dangerous.length - told.length + omitted;
  if (untold > 0) lines.push(`careful    ${untold} more before these (--json tells them)`);
  for (const { sequence, ms, name, keys } of told) {
    const what = keys > 0 ? `${name} of ${keys} keys` : name;
    lines.push(`careful    ${what}, command ${sequence}, ${timeText(ms)}`);
  }
  if (told.length > 0 && url !== "")
    lines.push(`next       emberlog restore --from ${url} --dir NEW --to-sequence ${told.at(-1)!.sequence - 1}`);
  if (unopened > 0)
    lines.push(`unopened   ${unopened} of ${segments} segments: encrypted, so what was dangerous in them is not known`);
  for (const line of wrong) lines.push(`damaged    ${line}`);
  if (catalogued !== undefined)
    lines.push(`catalogue  has told what ${catalogued} of ${segments} segments hold; the others were read`);
  out(`${lines.join("\n")}\n`);
}
