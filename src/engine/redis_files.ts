/**
 * Which files of a Redis make up its data: a file that is named itself, or what redis-server would load from a directory.
 *
 * ```
 * DIR/appendonlydir/NAME.manifest      lines "file NAME seq N type b|i|h": the base, the increments by their numbers; h is history. The folder
 *                                      may have another name (appenddirname): it is known by its manifest
 * DIR/appendonly.aof                   before 7.0; may begin as an RDB file
 * DIR/dump.rdb
 * ```
 * The append-only files come first: they are what a server that keeps both would load. Temporary files of a redis-server that was killed in the
 * middle of a save count for nothing, as for redis-server itself.
 */
import { EmberlogError } from "../base/errors.ts";
import { type Disk, DiskError, readWholeFile } from "../disk/disk.ts";
import { joinPath } from "../disk/file_names.ts";

const MANIFEST_BYTES_MAX = 16 * 1024 * 1024;
const APPEND_ONLY_DIRECTORY = "appendonlydir";
const MANIFEST_ENDING = ".manifest";
/** What redis-server calls the manifest by default; a folder of another name is looked for only by this. */
const AOF_MANIFEST = ".aof.manifest";
/** What redis-server was writing when it was stopped: temp-PID.rdb, temp-rewriteaof-bg-PID.aof, … */
const UNFINISHED = /^temp-[\w.-]*\.(rdb|aof)$/;

export interface RedisFiles {
  /** In the order in which they are read. */
  readonly paths: readonly string[];
  readonly bytes: number;
  /** Data beside it that is not read. */
  readonly ignored: readonly string[];
}

/** Throws IMPORT_REFUSED where there is nothing to import, or a file is missing. */
export function findRedisFiles(disk: Disk, path: string): RedisFiles {
  const status = disk.status(path);
  if (status === undefined) throw refused(path, `there is no ${path}`);
  if (status.kind === "file") {
    if (path.endsWith(MANIFEST_ENDING)) return measured(disk, readAofManifest(disk, path), []);
    return measured(disk, [path], []);
  }
  if (status.kind !== "directory") throw refused(path, `${path} is neither a file nor a directory`);
  const listed = disk.list(path);
  const unfinished = listed.filter((name) => UNFINISHED.test(name));
  const names = listed.filter((name) => !UNFINISHED.test(name));
  const dumps = names.filter((name) => name.endsWith(".rdb"));
  const folders = appendOnlyFolders(disk, path, names);
  const appendOnly = folders.length === 0 ? path : joinPath(path, only(path, folders, "append-only directories"));
  const manifests = disk.list(appendOnly).filter((name) => name.endsWith(MANIFEST_ENDING));
  const logs = names.filter((name) => name.endsWith(".aof"));
  if (manifests.length > 0) {
    const manifest = joinPath(appendOnly, only(path, manifests, "manifests of append-only files"));
    const own = readAofManifest(disk, manifest);
    const used = new Set(own);
    const others = [...dumps, ...logs].map((name) => joinPath(path, name));
    return measured(
      disk,
      own,
      others.filter((file) => !used.has(file)),
    );
  }
  if (appendOnly !== path) throw refused(appendOnly, `${appendOnly} has no manifest`);
  if (logs.length > 0) {
    const log = only(path, logs, "append-only files");
    return measured(
      disk,
      [joinPath(path, log)],
      dumps.map((name) => joinPath(path, name)),
    );
  }
  if (dumps.length === 0) {
    const beside =
      unfinished.length === 0 ? "" : `, but for what redis-server has not finished (${unfinished.join(", ")})`;
    throw refused(path, `${path} holds no data of Redis: no appendonlydir, no .aof, no .rdb${beside}`);
  }
  return measured(disk, [joinPath(path, only(path, dumps, "RDB files"))], []);
}

/** Folders that hold the manifest of append-only files, and appendonlydir whatever it holds. */
export function appendOnlyFolders(disk: Disk, path: string, names: readonly string[]): string[] {
  return names.filter((name) => {
    if (name === APPEND_ONLY_DIRECTORY) return true;
    const folder = joinPath(path, name);
    try {
      return disk.status(folder)?.kind === "directory" && disk.list(folder).some((each) => each.endsWith(AOF_MANIFEST));
    } catch (thrown) {
      // lost+found, and what else is not ours to read.
      if (thrown instanceof DiskError) return false;
      throw thrown;
    }
  });
}

function only(path: string, names: readonly string[], what: string): string {
  if (names.length > 1)
    throw refused(path, `${path} holds several ${what} (${names.join(", ")}): name the one to import`);
  return names[0]!;
}

function measured(disk: Disk, paths: readonly string[], ignored: readonly string[]): RedisFiles {
  let bytes = 0;
  for (const path of paths) {
    const status = disk.status(path);
    if (status?.kind !== "file") throw refused(path, `${path} is missing`);
    bytes += status.size;
  }
  return { paths, bytes, ignored };
}

/** The paths that a manifest lists, the base first. */
function readAofManifest(disk: Disk, path: string): string[] {
  const bytes = readWholeFile(disk, path, MANIFEST_BYTES_MAX);
  const directory = path.slice(0, path.lastIndexOf("/") + 1);
  const bases: string[] = [];
  const increments: { readonly file: string; readonly number: number }[] = [];
  for (const line of Buffer.from(bytes ?? new Uint8Array(0))
    .toString("utf8")
    .split("\n")) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const match = /^file\s+(?:"((?:[^"\\]|\\.)*)"|(\S+))\s+seq\s+(\d+)\s+type\s+([bhi])\b/.exec(line.trim());
    if (match === null) throw refused(path, `${path}: a line that is none of a manifest's: ${JSON.stringify(line)}`);
    const file = match[1]?.replace(/\\(.)/g, "$1") ?? match[2]!;
    if (file.includes("/")) throw refused(path, `${path}: the name ${JSON.stringify(file)} leads elsewhere`);
    if (match[4] === "b") bases.push(directory + file);
    else if (match[4] === "i") increments.push({ file: directory + file, number: Number(match[3]) });
  }
  if (bases.length > 1) throw refused(path, `${path} lists more than one base`);
  increments.sort((a, b) => a.number - b.number);
  if (bases.length + increments.length === 0) throw refused(path, `${path} lists no files`);
  return [...bases, ...increments.map(({ file }) => file)];
}

function refused(file: string, message: string): EmberlogError {
  return new EmberlogError("IMPORT_REFUSED", message, { file });
}
