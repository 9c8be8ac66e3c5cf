/**
 * `restore-on-empty URL`: a server whose data directory is empty begins with what the backup holds. Where that can't be read it does not start: a
 * server that begins empty beside a full backup would be taken for the one with the data, and would be the next to write the backup.
 *
 * A store that nobody has ever written to is readable and holds nothing. That too ends the start, since a mistyped prefix looks the same, unless the
 * directive says `or-begin`: then the server begins empty and says so.
 *
 * What is fetched lies in a folder of its own until it is whole (engine/unfinished_restore.ts). A start that finds that folder and no manifest
 * beside it begins again: everything there is from a restore that came to nothing.
 */
import { readHistory } from "../backup/history.ts";
import { readIdentities } from "../backup/identity_file.ts";
import type { ObjectStore } from "../backup/object_store.ts";
import { openStore } from "../backup/open_store.ts";
import { bytesToFetch } from "../backup/restore.ts";
import { planRestore } from "../backup/restore_plan.ts";
import { EmberlogError } from "../base/errors.ts";
import { humanBytes } from "../base/memory_size.ts";
import type { Disk } from "../disk/disk.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { directoryState } from "../engine/examination.ts";
import { clearUnfinishedRestore } from "../engine/unfinished_restore.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { type RestoreSource, readRestoreSource } from "./config/backup_values.ts";
import { generationOf, restoreInto } from "./restoring.ts";
import type { Server } from "./server.ts";

/** Does nothing where the directory holds anything. Throws an EmberlogError that says why the server must not start. */
export async function restoreOnEmpty(server: Server): Promise<void> {
  const { config, random, clock } = server;
  const source = readRestoreSource(config.text("restore-on-empty"));
  const disk = new NodeDisk(nativeFileCalls());
  const directory = config.text("dir");
  if (source === undefined) return;
  if (!(await isEmpty(disk, directory))) return;
  if (!config.flag("appendonly")) {
    throw new EmberlogError("CONFIG_INVALID", "restore-on-empty needs a data directory: appendonly yes");
  }
  try {
    const store = await openStore(source.url, random, clock);
    try {
      await restoreFrom(server, disk, directory, store, source);
    } finally {
      store.close();
    }
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError)) throw thrown;
    throw new EmberlogError(
      thrown.code,
      `No start: ${directory} is empty, and the backup that restore-on-empty names could not be restored: ${thrown.message}`,
      { cause: thrown },
    );
  }
}

/** Also of what an interrupted restore has left, which goes. */
async function isEmpty(disk: Disk, directory: string): Promise<boolean> {
  await clearUnfinishedRestore(disk, directory);
  const state = directoryState(disk, directory);
  return state === "missing" || state === "empty";
}

async function restoreFrom(
  server: Server,
  disk: NodeDisk,
  directory: string,
  store: ObjectStore,
  { mayBegin }: RestoreSource,
): Promise<void> {
  const { config, logger } = server;
  const identities = await readIdentities(disk, config.path("backup-identity") ?? null);
  const history = await readHistory(store);
  if (history.claims.length === 0) {
    if (!mayBegin) {
      throw new EmberlogError(
        "DATA_MISSING",
        `${store.place} holds no backup, and none was ever made there. If this server is to begin with nothing: restore-on-empty URL or-begin`,
      );
    }
    logger.warning(
      `${directory} is empty and ${store.place} was never written to: the server begins with nothing (or-begin)`,
    );
    return;
  }
  const plan = planRestore(history, { kind: "latest" }, store.place);
  const generation = await generationOf(plan, store);
  logger.notice(`${directory} is empty: fetching ${humanBytes(bytesToFetch(plan, generation))} from ${store.place}`);
  const restored = await restoreInto(directory, server.encryption.keys, { store, identities }, plan, generation);
  const when = restored.commitMs === 0 ? "" : ` of ${new Date(restored.commitMs).toISOString()}`;
  logger.notice(`Restored from ${store.place}: the state after command ${restored.sequence}${when}`);
}
