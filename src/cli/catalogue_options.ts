/** The catalogue in a data directory (backup/catalogue.ts), for commands that would else ask the store. */
import { CATALOGUE_NAME, Catalogue } from "../backup/catalogue.ts";
import { CatalogueStore } from "../backup/catalogue_store.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { joinPath } from "../disk/file_names.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { openSqlite, SqliteFault } from "../platform/sqlite.ts";
import { ageText } from "./backup_options.ts";

export interface OpenCatalogue {
  readonly catalogue: Catalogue;
  /** What it says that its store holds. */
  readonly store: CatalogueStore;
  /** When it was written last, and when it was last compared with a whole listing of the store, ms. */
  readonly writtenMs: number;
  readonly listedMs: number;
}

const OTHERWISE = "--from URL asks the store itself";

/** Throws DATA_MISSING where there is none, or none that can be used. */
export function openCatalogue(directory: string): OpenCatalogue {
  const path = joinPath(directory, CATALOGUE_NAME);
  const missing = (why: string): EmberlogError =>
    new EmberlogError("DATA_MISSING", `${why}: ${OTHERWISE}`, { file: path });
  if (new NodeDisk().status(path) === undefined) throw missing(`${directory} has no catalogue of a backup`);
  try {
    const sqlite = openSqlite(path, true);
    if (sqlite === undefined)
      throw missing(`${path} can't be read without better-sqlite3 (npm install better-sqlite3) or Node 22.13`);
    const catalogue = Catalogue.open(sqlite, true);
    if (catalogue === undefined) {
      sqlite.close();
      throw missing(`${path} is no catalogue of this version`);
    }
    const listedMs = catalogue.time("listed_ms");
    if (listedMs === 0) {
      catalogue.close();
      throw missing(`${path} is not complete yet`);
    }
    return { catalogue, store: new CatalogueStore(catalogue), writtenMs: catalogue.time("written_ms"), listedMs };
  } catch (thrown) {
    if (!(thrown instanceof SqliteFault)) throw thrown;
    throw missing(`${path} can't be read (${thrown.message}; emberlog backup catalogue makes it anew)`);
  }
}

/** The same where it is no more than a help; undefined: it is not there, or of no use. */
export function catalogueIfAny(directory: string): OpenCatalogue | undefined {
  try {
    return openCatalogue(directory);
  } catch (thrown) {
    if (thrown instanceof EmberlogError && thrown.code === "DATA_MISSING") return undefined;
    throw thrown;
  }
}

/** How old what it tells is. */
export function catalogueText(directory: string, { writtenMs, listedMs }: OpenCatalogue): string {
  const nowMs = systemClock.wallMs();
  return `catalogue  of ${directory}, written ${ageText(nowMs - writtenMs)} ago, compared with the store ${ageText(nowMs - listedMs)} ago`;
}

/** Runs `work` with what a reader of a broken file meets told as an error of the world. */
export async function readingCatalogue<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof SqliteFault)) throw thrown;
    throw new EmberlogError(
      "DATA_MISSING",
      `${joinPath(directory, CATALOGUE_NAME)} can't be read (${thrown.message}; emberlog backup catalogue makes it anew): ${OTHERWISE}`,
    );
  }
}
