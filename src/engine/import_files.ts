/** Imports the files of a Redis, whatever they are: each begins as an RDB file, or as commands, and an RDB file may be followed by commands. */
import { closeQuietly, type Disk } from "../disk/disk.ts";
import { RdbInput } from "../rdb/input.ts";
import { importCommands } from "./import_aof.ts";
import { type ImportOptions, importRdb } from "./import_rdb.ts";
import type { Importer } from "./importer.ts";
import type { RedisFiles } from "./redis_files.ts";

/** RDB files begin so; commands begin with "*" or "#". */
const BEGINNINGS: readonly string[] = ["REDIS", "VALKE"];
const BEGINNING_BYTES = 5;

export async function importFiles(
  disk: Disk,
  importer: Importer,
  files: RedisFiles,
  options: ImportOptions,
): Promise<void> {
  let before = 0;
  for (const [i, path] of files.paths.entries()) {
    const last = i === files.paths.length - 1;
    const passed = before;
    const own = {
      ...options,
      onProgress: (bytesRead: number, keys: number) => options.onProgress?.(passed + bytesRead, keys),
    };
    await importFile(disk, importer, path, last, own);
    before += disk.status(path)?.size ?? 0;
    options.onProgress?.(before, importer.counts.keys);
  }
}

async function importFile(
  disk: Disk,
  importer: Importer,
  path: string,
  last: boolean,
  options: ImportOptions,
): Promise<void> {
  const fd = disk.open(path, "read");
  let position = 0;
  const input = new RdbInput(new Uint8Array(0), 0, 0, (target, at) => {
    const read = disk.read(fd, target, at, target.length - at, position);
    position += read;
    return read;
  });
  try {
    if (input.has(BEGINNING_BYTES)) {
      const beginning = Buffer.from(input.bytes.subarray(input.position, input.position + BEGINNING_BYTES)).toString(
        "latin1",
      );
      if (BEGINNINGS.includes(beginning)) await importRdb(importer, input, path, options);
      else if (!path.endsWith(".aof") && beginning[0] !== "*" && beginning[0] !== "#") {
        // Neither of the two: the message for a dump is the better one.
        await importRdb(importer, input, path, options);
      }
    } else if (path.endsWith(".rdb")) await importRdb(importer, input, path, options);
    await importCommands(importer, input, path, last, options);
  } finally {
    closeQuietly(disk, fd);
  }
}
