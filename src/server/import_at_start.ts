/** A server started on a directory of Redis's: its data is imported before anybody is served, and the log says so. */
import type { Engine } from "../engine/engine.ts";
import { importOwnFiles } from "../engine/import.ts";
import type { ImportCounts } from "../engine/importer.ts";
import type { Storage, StorageOptions } from "../engine/storage.ts";
import type { Logger } from "./logger.ts";

/** How far it is is told this often, µs. */
const TOLD_US = 5_000_000;

export async function importAtStart(engine: Engine, options: StorageOptions, logger: Logger): Promise<Storage> {
  const { clock } = engine;
  const { directory } = options;
  logger.notice(
    `${directory} holds data of redis-server and none of Emberlog: it is imported into a log of Emberlog's`,
  );
  const beganUs = clock.monotonicUs();
  let toldUs = beganUs;
  const onProgress = (bytes: number): void => {
    const nowUs = clock.monotonicUs();
    if (nowUs - toldUs < TOLD_US) return;
    toldUs = nowUs;
    logger.notice(`Importing: ${(bytes / 1e6).toFixed(0)} MB read, ${engine.dataset.keyCount} keys`);
  };
  const imported = await importOwnFiles(engine, options, { skipUnsupported: false, allowTruncated: false, onProgress });
  const seconds = ((clock.monotonicUs() - beganUs) / 1e6).toFixed(2);
  logger.notice(
    `Imported ${engine.dataset.keyCount} keys from ${imported.files.join(", ")} in ${seconds} s${leftOut(imported.counts)}. ` +
      "These files are left as they are and are not read again",
  );
  for (const file of imported.ignored) logger.warning(`${file} was not read: the append-only files hold the same data`);
  for (const copy of imported.setAside) {
    logger.warning(`A library of functions, which Emberlog can't run, was kept as ${directory}/${copy}`);
  }
  return imported.storage;
}

function leftOut({ expired, empty, skipped }: ImportCounts): string {
  const parts: string[] = [];
  if (expired > 0) parts.push(`${expired} keys that had expired`);
  if (empty > 0) parts.push(`${empty} keys without elements`);
  for (const [kind, count] of skipped) parts.push(`${count} × ${kind}`);
  return parts.length === 0 ? "" : `; left out: ${parts.join(", ")}`;
}
