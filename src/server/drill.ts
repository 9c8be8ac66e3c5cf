/**
 * A drill: is what the store holds a working database? Restored for real, into scratch folders, by the path that a restore and a start take.
 *
 * 1. The newest image, and what it is a delta on, are opened: what comes out must be byte for byte what was frozen when each of them was taken. That was
 *    digested before it was compressed, encrypted, written and shipped. (An image of a version before that digest: this can't be said.)
 * 2. The image alone gives a state of as many keys as there were at that moment, whose digest (every key, value and expiry) is compared with what an earlier
 *    drill found in the same image.
 * 3. The same state comes about a second way: from the beginning before that image, by executing the log up to its last command. Image
 *    and log were written by different code at different times, so that both agree is what proves them.
 * 4. The latest state is restored and loaded.
 *
 * It needs the identity, the disk space of the data once more, and its memory.
 */

import { type ImageDigest, recordedDigests } from "../backup/checks.ts";
import type { FetchOptions } from "../backup/fetch.ts";
import type { Generation, GenerationImage, RecordedContent } from "../backup/generation.ts";
import { type History, type Reach, reaches, readHistory } from "../backup/history.ts";
import { planRestore, type RestorePlan } from "../backup/restore_plan.ts";
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { digestState } from "../dataset/digest.ts";
import { joinPath } from "../disk/file_names.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { withScratchFolder } from "../disk/object_files.ts";
import type { Engine } from "../engine/engine.ts";
import { readDataDirectory } from "../engine/read_only.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { readImageContent } from "../snapshot/image_content.ts";
import { generationOf, restoreInto } from "./restoring.ts";

export interface DrillReport {
  readonly ok: boolean;
  /** The oldest state that can be restored. */
  readonly first: number;
  /** The latest state: its last command, keys, and what restoring and loading it took. */
  readonly sequence: number;
  readonly keys: number;
  readonly bytes: number;
  readonly restoreMs: number;
  readonly loadMs: number;
  /** The image that was compared; null: there is none. */
  readonly image: ImageDigest | null;
  /** What was recorded of that image when it was taken; null: nothing, by an early version. */
  readonly recorded: RecordedContent | null;
  /** What the image was compared with. */
  readonly compared: readonly ("the digest recorded when it was taken" | "an earlier drill" | "the log")[];
  /** What is wrong, a line each. */
  readonly wrong: readonly string[];
}

export interface DrillOptions {
  readonly fetching: FetchOptions;
  readonly keys: Keys;
  readonly clock: Clock;
  /** An empty one. */
  readonly makeEngine: () => Engine;
  /** Where scratch folders are made; undefined: where the system has them. */
  readonly scratch?: string;
}

/** Throws DATA_MISSING where nothing can be restored, and what the store throws when it is away. */
export async function drill(options: DrillOptions): Promise<DrillReport> {
  const { store } = options.fetching;
  const history = await readHistory(store);
  const latest = planRestore(history, { kind: "latest" }, store.place);
  const wrong: string[] = [];
  const compared: DrillReport["compared"][number][] = [];
  const generation = history.generations.at(-1);
  const image =
    generation === undefined
      ? null
      : await attempt(wrong, () => compareImage(options, history, generation, compared, wrong));
  const state = await attempt(wrong, () => load(options, latest));
  return {
    ok: wrong.length === 0,
    first: reaches(history)[0]?.first ?? 0,
    sequence: state?.sequence ?? latest.last,
    keys: state?.keys ?? 0,
    bytes: latest.segments.reduce((sum, { size }) => sum + size, 0),
    restoreMs: state?.restoreMs ?? 0,
    loadMs: state?.loadMs ?? 0,
    image: image?.found ?? null,
    recorded: image?.recorded ?? null,
    compared,
    wrong,
  };
}

/** A store that is away is no finding. */
async function attempt<T>(wrong: string[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError) || thrown.code.startsWith("STORE_")) throw thrown;
    if (thrown.code === "KEY_MISSING" || thrown.code.startsWith("DISK_")) throw thrown;
    wrong.push(thrown.message);
    return undefined;
  }
}

interface ComparedImage {
  readonly found: ImageDigest;
  readonly recorded: RecordedContent | null;
}

async function compareImage(
  options: DrillOptions,
  history: History,
  generation: NonNullable<Reach["generation"]>,
  compared: DrillReport["compared"][number][],
  wrong: string[],
): Promise<ComparedImage> {
  const { sequence, chain } = generation.object;
  const plan = pointOf(history, { generation, segments: [], first: sequence, last: sequence });
  let images: readonly GenerationImage[] = [];
  const { digest, walked } = await load(options, plan, (directory, loading) => {
    images = loading?.images ?? [];
    wrong.push(...images.flatMap((image) => contentProblem(directory, image, options.keys)));
  });
  const found = { sequence, chain, digest };
  const content = images.at(-1)?.content ?? null;
  if (content !== null && content.keys !== walked)
    wrong.push(
      `the image of command ${sequence} holds ${walked} keys, and there were ${content.keys} when it was taken`,
    );
  if (images.every((image) => image.content !== null)) compared.push("the digest recorded when it was taken");
  const recorded = await recordedDigests(options.fetching.store, sequence, chain);
  for (const earlier of recorded) {
    if (earlier !== digest)
      wrong.push(`the image of command ${sequence} holds ${digest}, and held ${earlier} in an earlier drill`);
  }
  if (recorded.length > 0) compared.push("an earlier drill");
  const before = reaches(history).findLast(({ first, last }) => first < sequence && last >= sequence);
  if (before !== undefined) {
    const segments = before.segments.filter(({ object }) => object.firstSequence <= sequence);
    const replay = {
      ...pointOf(history, { ...before, segments, last: sequence }),
      target: { kind: "sequence", sequence },
    } as const;
    const replayed = await load(options, replay);
    if (replayed.digest !== digest)
      wrong.push(`the image of command ${sequence} holds ${digest}, and the log gives ${replayed.digest}`);
    compared.push("the log");
  }
  return { found, recorded: content };
}

/** What is wrong with the content of one restored image. */
function contentProblem(directory: string, { image, content }: GenerationImage, keys: Keys): string[] {
  if (content === null) return [];
  const { sequence, name } = image;
  const read = readImageContent(new NodeDisk(nativeFileCalls()), joinPath(directory, name), crc32c, keys);
  if (read.kind === "damaged") return [`the image of command ${sequence} can't be opened: ${read.reason}`];
  if (read.digest === content.digest) return [];
  return [`the image of command ${sequence} holds ${read.digest}, and ${content.digest} was frozen when it was taken`];
}

function pointOf({ origin }: History, { generation, segments, first, last }: Reach): RestorePlan {
  return { generation, segments, origin, first, last, target: { kind: "latest" } };
}

interface Loaded {
  readonly digest: string;
  readonly sequence: number;
  readonly keys: number;
  /** Keys that were found one by one. */
  readonly walked: number;
  readonly restoreMs: number;
  readonly loadMs: number;
}

/** Restores and loads one state; nothing of it is left. `look` sees the directory before it is loaded. */
function load(
  { fetching, keys, clock, makeEngine, scratch }: DrillOptions,
  plan: RestorePlan,
  look?: (directory: string, generation: Generation | null) => void,
): Promise<Loaded> {
  return withScratchFolder(async (folder) => {
    const directory = `${folder}/data`;
    const beganUs = clock.monotonicUs();
    const generation = await generationOf(plan, fetching.store);
    const { sequence } = await restoreInto(directory, keys, fetching, plan, generation);
    const restoredUs = clock.monotonicUs();
    look?.(directory, generation);
    const readingUs = clock.monotonicUs();
    const engine = readDataDirectory(new NodeDisk(nativeFileCalls()), directory, crc32c, makeEngine, keys);
    const loadedUs = clock.monotonicUs();
    const { dataset } = engine;
    const { digest, keys: walked } = digestState(dataset);
    return {
      digest,
      walked,
      sequence,
      keys: dataset.keyCount,
      restoreMs: Math.round((restoredUs - beganUs) / 1000),
      loadMs: Math.round((loadedUs - readingUs) / 1000),
    };
  }, scratch);
}
