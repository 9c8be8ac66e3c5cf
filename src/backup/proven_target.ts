/**
 * backup.json in a data directory: the place that its backup has been shipped to. A store that was never reached from here may be a mistake in the
 * configuration, and then a server must not start; one that was reached before is away, and a server need not wait for it.
 */
import type { Disk } from "../disk/disk.ts";
import { readWholeFile } from "../disk/disk.ts";
import { joinPath } from "../disk/file_names.ts";
import { replaceFile } from "../disk/replace_file.ts";

const NAME = "backup.json";
const FILE_BYTES_MAX = 64 * 1024;

/** The URL that was proven last; undefined where none was. */
export function provenTarget(disk: Disk, directory: string): string | undefined {
  const bytes = readWholeFile(disk, joinPath(directory, NAME), FILE_BYTES_MAX);
  if (bytes === undefined) return undefined;
  try {
    const { target } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { target?: unknown };
    return typeof target === "string" ? target : undefined;
  } catch {
    return undefined;
  }
}

export function writeProvenTarget(disk: Disk, directory: string, target: string): void {
  if (provenTarget(disk, directory) === target) return;
  replaceFile(disk, directory, NAME, `${NAME}.new`, Buffer.from(`${JSON.stringify({ target }, null, 2)}\n`));
}
