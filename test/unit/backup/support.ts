/** What the tests of backups have in common: looks into an engine, and a restore as the command makes it. */
import type { FetchOptions } from "../../../src/backup/fetch.ts";
import { decodeGeneration } from "../../../src/backup/generation.ts";
import { readHistory } from "../../../src/backup/history.ts";
import type { ObjectStore } from "../../../src/backup/object_store.ts";
import { restore } from "../../../src/backup/restore.ts";
import { planRestore, type RestoreTarget } from "../../../src/backup/restore_plan.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { NO_KEYS } from "../../../src/base/key_ring.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { datasetDigest } from "../../../src/dataset/digest.ts";
import { NodeDisk, nodeFiles } from "../../../src/disk/node_disk.ts";
import type { DataDirectoryOptions } from "../../../src/engine/data_directory.ts";
import { type Embedded, open } from "../../../src/engine/embedded.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { beginRestored } from "../../../src/engine/restored_directory.ts";
import type { LogWriter } from "../../../src/log/writer.ts";
import type { Manifest } from "../../../src/manifest/format.ts";
import { readManifest } from "../../../src/manifest/store.ts";
import { crc32c } from "../../../src/platform/checksum.ts";
import { PortableLogIo } from "../../../src/platform/log_io.ts";

const disk = new NodeDisk();

/** The engine is nobody's business but a test's. */
function engineOf(database: Embedded): Engine {
  return (database as unknown as { readonly engine: Engine }).engine;
}

export function writerOf(database: Embedded): LogWriter {
  return engineOf(database).log as LogWriter;
}

export function digestIn(database: Embedded): string {
  return datasetDigest(engineOf(database).dataset);
}

export async function digestOf(directory: string): Promise<string> {
  const database = await open({ dir: directory });
  const digest = digestIn(database);
  await database.close();
  return digest;
}

export function manifestOf(directory: string): Manifest {
  const read = readManifest(disk, directory, crc32c);
  if (read.kind !== "sound") throw new Error(`no manifest in ${directory}`);
  return read.manifest;
}

/** Throws what a restore throws. */
export async function restoreFrom(
  store: ObjectStore,
  target: RestoreTarget,
  directory: string,
  identities: FetchOptions["identities"] = null,
): Promise<void> {
  const plan = planRestore(await readHistory(store), target, store.place);
  const { generation } = plan;
  const options: DataDirectoryOptions = {
    disk,
    directory,
    logIo: new PortableLogIo(nodeFiles, () => systemClock.monotonicUs()),
    clock: systemClock,
    random: systemRandom(),
    crc32c,
    policy: "always",
    segmentBytesMax: 64 * 1024,
  };
  await restore(
    { disk, directory, crc32c, keys: NO_KEYS, begin: (kept) => beginRestored(options, kept) },
    { store, identities },
    plan,
    generation === null ? null : decodeGeneration(generation.name, await store.read(generation.name), crc32c),
  );
}
