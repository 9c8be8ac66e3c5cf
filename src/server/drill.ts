/**
 * A drill: is what the store holds a working database? Restored for real, into scratch folders, by the path that a restore and a start take.
 *
 * 1. The newest image alone gives a state, whose digest (every key, value and expiry) is compared with what an earlier drill found in the same image.
 * 2. The same state comes about a second way: from the beginning before that image, by executing the log up to its last command. Image
 *    and log were written by different code at different times, so that both agree is what proves them.
 * 3. The latest state is restored and loaded.
 *
 * It needs the identity, the disk space of the data once more, and its memory.
 */

import { type ImageDigest, recordedDigests } from "../backup/checks.ts";
import type { FetchOptions } from "../backup/fetch.ts";
import { type History, type Reach, reaches, readHistory } from "../backup/history.ts";
import { planRestore, type RestorePlan } from "../backup/restore_plan.ts";
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { stateDigest } from "../dataset/digest.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { withScratchFolder } from "../disk/object_files.ts";
import type { Engine } from "../engine/engine.ts";
import { readDataDirectory } from "../engine/read_only.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
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
  /** The ways in which its digest was confirmed. */
  readonly compared: readonly ("an earlier drill" | "the log")[];
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
  const image = await attempt(wrong, () => compareImage(options, history, compared, wrong));
  const state = await attempt(wrong, () => load(options, latest));
  return {
    ok: wrong.length === 0,
    first: reaches(history)[0]?.first ?? 0,
    sequence: state?.sequence ?? latest.last,
    keys: state?.keys ?? 0,
    bytes: latest.segments.reduce((sum, { size }) => sum + size, 0),
    restoreMs: state?.restoreMs ?? 0,
    loadMs: state?.loadMs ?? 0,
    image: image ?? null,
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

async function compareImage(
  options: DrillOptions,
  history: History,
  compared: DrillReport["compared"][number][],
  wrong: string[],
): Promise<ImageDigest | null> {
  const generation = history.generations.at(-1);
  if (generation === undefined) return null;
  const { sequence, chain } = generation.object;
  const { digest } = await load(
    options,
    pointOf(history, { generation, segments: [], first: sequence, last: sequence }),
  );
  const image = { sequence, chain, digest };
  const recorded = await recordedDigests(options.fetching.store, sequence, chain);
  for (const earlier of recorded) {
    if (earlier !== digest)
      wrong.push(`the image of command ${sequence} holds ${digest}, and held ${earlier} in an earlier drill`);
  }
  if (recorded.length > 0) compared.push("an earlier drill");
  const before = reaches(history).findLast(({ first, last }) => first < sequence && last >= sequence);
  if (before !== undefined) {
    const segments = before.segments.filter(({ object }) => object.firstSequence <= sequence);
    const plan = {
      ...pointOf(history, { ...before, segments, last: sequence }),
      target: { kind: "sequence", sequence },
    } as const;
    const replayed = await load(options, plan);
    if (replayed.digest !== digest)
      wrong.push(`the image of command ${sequence} holds ${digest}, and the log gives ${replayed.digest}`);
    compared.push("the log");
  }
  return image;
}

function pointOf({ origin }: History, { generation, segments, first, last }: Reach): RestorePlan {
  return { generation, segments, origin, first, last, target: { kind: "latest" } };
}

interface Loaded {
  readonly digest: string;
  readonly sequence: number;
  readonly keys: number;
  readonly restoreMs: number;
  readonly loadMs: number;
}

/** Restores and loads one state; nothing of it is left. */
function load({ fetching, keys, clock, makeEngine, scratch }: DrillOptions, plan: RestorePlan): Promise<Loaded> {
  return withScratchFolder(async (folder) => {
    const directory = `${folder}/data`;
    const beganUs = clock.monotonicUs();
    const { sequence } = await restoreInto(directory, keys, fetching, plan, await generationOf(plan, fetching.store));
    const restoredUs = clock.monotonicUs();
    const engine = readDataDirectory(new NodeDisk(nativeFileCalls()), directory, crc32c, makeEngine, keys);
    const loadedUs = clock.monotonicUs();
    const { dataset } = engine;
    return {
      digest: stateDigest(dataset),
      sequence,
      keys: dataset.keyCount,
      restoreMs: Math.round((restoredUs - beganUs) / 1000),
      loadMs: Math.round((loadedUs - restoredUs) / 1000),
    };
  }, scratch);
}
