/** A plan carried out on this machine's disk: what restore, history and drill have in common. */
import type { FetchOptions } from "../backup/fetch.ts";
import { decodeGeneration, type Generation } from "../backup/generation.ts";
import type { ObjectStore } from "../backup/object_store.ts";
import { bytesToFetch, type Restored, requireEmpty, requireSpace, restore } from "../backup/restore.ts";
import type { RestorePlan } from "../backup/restore_plan.ts";
import { systemClock } from "../base/clock.ts";
import type { Keys } from "../base/key_ring.ts";
import { LOG_SEGMENT_BYTES_DEFAULT } from "../base/limits.ts";
import { systemRandom } from "../base/random.ts";
import { joinPath, RESTORING_NAME } from "../disk/file_names.ts";
import { NodeDisk, nodeFiles } from "../disk/node_disk.ts";
import { beginRestored } from "../engine/restored_directory.ts";
import { shiftExpiries } from "../engine/shift_expiries.ts";
import { clearUnfinishedRestore, finishRestore } from "../engine/unfinished_restore.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { PortableLogIo } from "../platform/log_io.ts";

/** The images that a plan begins with; null: none. */
export async function generationOf(plan: RestorePlan, store: ObjectStore): Promise<Generation | null> {
  if (plan.generation === null) return null;
  const { name } = plan.generation;
  return decodeGeneration(name, await store.read(name), crc32c);
}

/** What becomes of expiries: they stay the times that they are, or keys live as long from now on as they had left. */
export type TtlMode = "keep" | "shift";

export interface RestoredDirectory extends Restored {
  /** Expiries that were moved. */
  readonly shifted: number;
}

/**
 * Makes a data directory of a plan; what an unfinished restore has left there goes. Until all is done no start takes the directory for data
 * (engine/unfinished_restore.ts). Throws what `restore` throws.
 */
export async function restoreInto(
  directory: string,
  keys: Keys,
  fetching: FetchOptions,
  plan: RestorePlan,
  generation: Generation | null,
  ttl: TtlMode = "keep",
): Promise<RestoredDirectory> {
  const disk = new NodeDisk(nativeFileCalls());
  await clearUnfinishedRestore(disk, directory);
  requireEmpty(disk, directory);
  const restoring = joinPath(directory, RESTORING_NAME);
  disk.makeDirectory(directory);
  requireSpace(disk, directory, bytesToFetch(plan, generation));
  const random = systemRandom();
  const options = {
    disk,
    directory: restoring,
    logIo: new PortableLogIo(nodeFiles, () => systemClock.monotonicUs()),
    clock: systemClock,
    random,
    crc32c,
    policy: "always",
    segmentBytesMax: LOG_SEGMENT_BYTES_DEFAULT,
    keys,
  } as const;
  const restored = await restore(
    { disk, directory: restoring, crc32c, keys, begin: (kept) => beginRestored(options, kept) },
    fetching,
    plan,
    generation,
  );
  const atMs = momentOf(plan, restored);
  const byMs = Math.max(0, systemClock.wallMs() - atMs);
  const shifted = ttl === "keep" ? 0 : await shiftExpiries({ directory: restoring, keys, random, atMs, byMs });
  await finishRestore(disk, directory);
  return { ...restored, shifted };
}

/** When the state was current, ms: as late as it is known to have been. */
function momentOf({ target, generation }: RestorePlan, { commitMs }: Restored): number {
  if (target.kind === "time") return target.ms;
  return Math.max(commitMs, generation?.object.lastMs ?? 0);
}
