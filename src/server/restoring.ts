/** A plan carried out on this machine's disk: what restore, history and drill have in common. */
import type { FetchOptions } from "../backup/fetch.ts";
import { decodeGeneration, type Generation } from "../backup/generation.ts";
import type { ObjectStore } from "../backup/object_store.ts";
import { type Restored, restore } from "../backup/restore.ts";
import type { RestorePlan } from "../backup/restore_plan.ts";
import { systemClock } from "../base/clock.ts";
import type { Keys } from "../base/key_ring.ts";
import { LOG_SEGMENT_BYTES_DEFAULT } from "../base/limits.ts";
import { systemRandom } from "../base/random.ts";
import { NodeDisk, nodeFiles } from "../disk/node_disk.ts";
import { beginRestored } from "../engine/restored_directory.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { PortableLogIo } from "../platform/log_io.ts";

/** The images that a plan begins with; null: none. */
export async function generationOf(plan: RestorePlan, store: ObjectStore): Promise<Generation | null> {
  if (plan.generation === null) return null;
  const { name } = plan.generation;
  return decodeGeneration(name, await store.read(name), crc32c);
}

/** Makes a data directory of a plan. Throws what `restore` throws. */
export function restoreInto(
  directory: string,
  keys: Keys,
  fetching: FetchOptions,
  plan: RestorePlan,
  generation: Generation | null,
): Promise<Restored> {
  const disk = new NodeDisk(nativeFileCalls());
  const options = {
    disk,
    directory,
    logIo: new PortableLogIo(nodeFiles, () => systemClock.monotonicUs()),
    clock: systemClock,
    random: systemRandom(),
    crc32c,
    policy: "always",
    segmentBytesMax: LOG_SEGMENT_BYTES_DEFAULT,
    keys,
  } as const;
  return restore(
    { disk, directory, crc32c, keys, begin: (kept) => beginRestored(options, kept) },
    fetching,
    plan,
    generation,
  );
}
