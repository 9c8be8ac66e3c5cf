/**
 * Files that are written once and read often, without stopping the thread: what backups in a folder are made of. The log and
 * the images go through `Disk`, whose calls return at once or at a known point; these wait on the event loop.
 *
 * A file appears under its name complete and durable, or not at all, and never replaces another: written under a temporary
 * name, synced, linked to its own name (which fails where that is taken), and the folders that gained a name are synced
 * (D1, D2). Temporary files lie in a folder of their own, so that those of a process that died can be found and taken away.
 */
import { type Dirent, promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DiskError } from "./disk.ts";
import { EEXIST, ENOENT, ENOTDIR } from "./errno.ts";

/** Written to a file at a time, bytes, and in how many pieces at most: the system takes 1024. */
const WRITE_BYTES = 1024 * 1024;
const WRITE_PIECES_MAX = 512;

function errnoOf(thrown: unknown): number {
  if (thrown instanceof Error && "errno" in thrown && typeof thrown.errno === "number") return thrown.errno;
  throw thrown;
}

async function attempt<T>(operation: string, file: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw new DiskError(operation, file, errnoOf(thrown), thrown);
  }
}

/** Writes a file that must not exist; false where it does. `temporary` is a name of its own, on the same file system. */
export async function createFile(
  file: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  temporary: string,
): Promise<boolean> {
  await makeFolders(path.dirname(temporary));
  await makeFolders(path.dirname(file));
  try {
    const handle = await attempt("create", temporary, () => fs.open(temporary, "wx", 0o640));
    try {
      await writeBody(handle, body, temporary);
      await attempt("sync", temporary, () => handle.datasync());
    } finally {
      await handle.close();
    }
    try {
      await fs.link(temporary, file);
    } catch (thrown) {
      if (errnoOf(thrown) === EEXIST) return false;
      throw new DiskError("create", file, errnoOf(thrown), thrown);
    }
  } finally {
    await fs.rm(temporary, { force: true });
  }
  await syncFolder(path.dirname(file));
  return true;
}

/** Pieces that came one by one go into the file together: a call for each small one would cost more than its bytes. */
async function writeBody(
  handle: fs.FileHandle,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  file: string,
): Promise<void> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    await attempt("write to", file, () => writeAll(handle, gathered, bytes));
    gathered = [];
    bytes = 0;
  };
  for await (const piece of body instanceof Uint8Array ? [body] : body) {
    gathered.push(piece);
    bytes += piece.length;
    if (bytes >= WRITE_BYTES || gathered.length >= WRITE_PIECES_MAX) await flush();
  }
  if (bytes > 0) await flush();
}

async function writeAll(handle: fs.FileHandle, pieces: readonly Uint8Array[], bytes: number): Promise<void> {
  let { bytesWritten } = await handle.writev(pieces);
  if (bytesWritten === bytes) return;
  // The rest of a short write, in one piece.
  const rest = Buffer.concat(pieces).subarray(bytesWritten);
  for (let done = 0; done < rest.length; done += bytesWritten) {
    ({ bytesWritten } = await handle.write(rest, done, rest.length - done));
  }
}

/** Up to `length` bytes from `start`, or undefined where there is no such file. */
export async function readFile(file: string, start: number, length: number): Promise<Uint8Array | undefined> {
  return attempt("read", file, async () => {
    const handle = await openToRead(file);
    if (handle === undefined) return undefined;
    try {
      const { size } = await handle.stat();
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - start)));
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    } finally {
      await handle.close();
    }
  });
}

async function openToRead(file: string): Promise<fs.FileHandle | undefined> {
  try {
    return await fs.open(file, "r");
  } catch (thrown) {
    if (isAbsent(errnoOf(thrown))) return undefined;
    throw thrown;
  }
}

function isAbsent(errno: number): boolean {
  return errno === ENOENT || errno === ENOTDIR;
}

/** Length in bytes, or undefined where there is no such file. */
export async function fileSize(file: string): Promise<number | undefined> {
  try {
    const status = await fs.stat(file);
    return status.isFile() ? status.size : undefined;
  } catch (thrown) {
    if (isAbsent(errnoOf(thrown))) return undefined;
    throw new DiskError("look at", file, errnoOf(thrown), thrown);
  }
}

/** Names in a folder with what they are, in the order of a walk that gives complete paths in the order of their bytes. */
export async function folderEntries(folder: string): Promise<{ readonly name: string; readonly folder: boolean }[]> {
  let entries: Dirent[];
  try {
    entries = await fs.readdir(folder, { withFileTypes: true });
  } catch (thrown) {
    if (isAbsent(errnoOf(thrown))) return [];
    throw new DiskError("list", folder, errnoOf(thrown), thrown);
  }
  return entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => ({ name: entry.name, folder: entry.isDirectory() }))
    .sort((a, b) => order(a.folder ? `${a.name}/` : a.name, b.folder ? `${b.name}/` : b.name));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Removes a file, durably; one that is not there is no error. */
export async function removeFile(file: string): Promise<void> {
  try {
    await fs.unlink(file);
  } catch (thrown) {
    if (isAbsent(errnoOf(thrown))) return;
    throw new DiskError("remove", file, errnoOf(thrown), thrown);
  }
  await syncFolder(path.dirname(file));
}

/** Makes a folder and its parents, and the new names durable. */
export async function makeFolders(folder: string): Promise<void> {
  const first = await attempt("create", folder, () => fs.mkdir(folder, { recursive: true, mode: 0o750 }));
  if (first === undefined) return;
  for (let made = folder; ; made = path.dirname(made)) {
    await syncFolder(path.dirname(made));
    if (made === first || made === path.dirname(made)) return;
  }
}

async function syncFolder(folder: string): Promise<void> {
  await attempt("sync", folder, async () => {
    const handle = await fs.open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

/** Removes a folder with everything in it; one that is not there is no error. */
export async function removeFolder(folder: string): Promise<void> {
  await attempt("remove", folder, () => fs.rm(folder, { recursive: true, force: true }));
}

/** Removes the files of a folder that nobody has written to since `beforeMs` (wall clock). */
export async function removeStaleFiles(folder: string, beforeMs: number): Promise<void> {
  for (const { name } of await folderEntries(folder)) {
    const file = path.join(folder, name);
    const status = await fs.stat(file).catch(() => undefined);
    if (status !== undefined && status.mtimeMs < beforeMs) await fs.rm(file, { force: true });
  }
}

/** Gives `work` an empty folder that is gone when it has ended; below `where`, or where the system has such. */
export async function withScratchFolder<T>(work: (folder: string) => Promise<T>, where: string = tmpdir()): Promise<T> {
  const folder = await attempt("create", where, () => fs.mkdtemp(path.join(where, "emberlog-")));
  try {
    return await work(folder);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}
