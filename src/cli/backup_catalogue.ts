/**
 * `emberlog backup catalogue --from URL --dir DIR`: makes the catalogue in a data directory anew from what the store holds, also while a server runs there; what
 * can't be used of the old one is set aside as catalogue.sqlite.damaged. What only the old one knew (uploads, errors) stays where it can be read.
 *
 * Exit codes: 0 done; 2 it failed.
 */
import { CATALOGUE_NAME, Catalogue } from "../backup/catalogue.ts";
import { learnStore } from "../backup/catalogue_listing.ts";
import type { ObjectStore } from "../backup/object_store.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { joinPath } from "../disk/file_names.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { openSqlite, SqliteFault, sqliteName } from "../platform/sqlite.ts";
import { manifestOf, openBackupStore, withErrors } from "./backup_options.ts";

export interface BackupCatalogueOptions {
  readonly from: string;
  readonly dir: string;
  readonly json?: boolean;
}

export function backupCatalogue(options: BackupCatalogueOptions, out: (text: string) => void): Promise<number> {
  const { from, dir, json = false } = options;
  return withErrors(json, out, async () => {
    const library = sqliteName();
    if (library === undefined) {
      throw new EmberlogError(
        "CONFIG_INVALID",
        "a catalogue needs better-sqlite3 (npm install better-sqlite3) or Node 22.13",
      );
    }
    // A folder that holds no data is a mistake, and would no longer be empty.
    manifestOf(new NodeDisk(), dir);
    const store = await openBackupStore(from);
    try {
      const objects = await made(dir, store);
      if (json) out(`${JSON.stringify({ place: store.place, directory: dir, library, objects })}\n`);
      else out(`${joinPath(dir, CATALOGUE_NAME)} tells of ${objects} objects in ${store.place} (${library})\n`);
      return 0;
    } finally {
      store.close();
    }
  });
}

async function made(directory: string, store: ObjectStore): Promise<number> {
  const path = joinPath(directory, CATALOGUE_NAME);
  try {
    const catalogue = opened(path) ?? setAside(path);
    try {
      catalogue.begin(store.place);
      catalogue.forgetObjects();
      return await learnStore(catalogue, { store, nowMs: () => systemClock.wallMs(), isRemoved: () => false });
    } finally {
      catalogue.close();
    }
  } catch (thrown) {
    if (!(thrown instanceof SqliteFault)) throw thrown;
    throw new EmberlogError("DISK_FAILED", `${path} could not be written: ${thrown.message}`, { file: path });
  }
}

/** undefined: what is there is none. */
function opened(path: string): Catalogue | undefined {
  Catalogue.create(new NodeDisk(), path);
  const sqlite = openSqlite(path)!;
  try {
    const catalogue = Catalogue.open(sqlite);
    if (catalogue === undefined) sqlite.close();
    return catalogue;
  } catch (thrown) {
    sqlite.close();
    if (thrown instanceof SqliteFault && thrown.kind === "damaged") return undefined;
    throw thrown;
  }
}

function setAside(path: string): Catalogue {
  new NodeDisk().rename(path, `${path}.damaged`);
  const catalogue = opened(path);
  if (catalogue === undefined) throw new SqliteFault("damaged", `${path} can't be made`);
  return catalogue;
}
