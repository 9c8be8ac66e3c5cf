/**
 * A disk in memory, for tests and for the crash harness (fuzz/sim): deterministic, with faults, and with what a crash leaves.
 *
 * A file knows which of its bytes are only in the page cache (memory_file.ts); a directory has its names as processes see
 * them, its names as of its last sync, and the changes between the two. `crash` takes everything that was not synced away
 * ("power"), the data but not the names ("names"), or nothing ("killed"); `cutPower` decides each sector, each name and each
 * length by a seed.
 *
 * Faults: `failAt(n, errno)` fails the n-th operation that changes or reads the disk, once or for good; `onOperation` sees
 * each one and may fail it; `shortWriteBytes` cuts writes short; `spaceBytes` is a disk that fills up; `afterRead` may hand
 * over other bytes than are there. Failed syncs leave the dirty data clean and unstored, as Linux does (D9), whatever other
 * syncs of the same file say that were under way at the same time.
 */
import { check } from "../base/check.ts";
import { EmberlogError } from "../base/errors.ts";
import { type Random, uniform } from "../base/random.ts";
import { type DirectoryLock, type Disk, DiskError, type DiskSpace, type FileStatus, type OpenMode } from "./disk.ts";
import { EBADF, EEXIST, ENOENT, ENOSPC } from "./errno.ts";
import { MemoryFile, type PowerCut, type Writeback } from "./memory_file.ts";

export type CrashKind = "killed" | "power" | "names";

interface Handle {
  readonly file: MemoryFile;
  path: string;
}

/** One change of a directory, atomic: names that mean a file from then on, or none. It may reach the medium without those before it. */
type NameChange = readonly { readonly name: string; readonly file: MemoryFile | null }[];

function applyChange(names: Map<string, MemoryFile>, change: NameChange): void {
  for (const { name, file } of change) {
    if (file === null) names.delete(name);
    else names.set(name, file);
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export class MemoryDisk implements Disk {
  /** Operations so far; `failAt` counts in these. */
  operations = 0;
  /** Names of the operations, while it is an array. */
  trace: string[] | null = null;
  /** A write of more than this many bytes is cut to it. */
  shortWriteBytes = Number.POSITIVE_INFINITY;
  /** Space on the disk; written and reserved bytes count. */
  spaceBytes = Number.POSITIVE_INFINITY;

  /** Sees each operation before it is done; returns zero, or the error number it must fail with. May throw. */
  onOperation: ((operation: string, path: string) => number) | null = null;
  /** Whether a failed sync drops what it should have stored from the cache; asked as each sync begins. */
  failedSyncLoses: () => boolean = () => false;
  /** Sees what was read and may change it. */
  afterRead: ((path: string, target: Uint8Array, start: number, count: number, position: number) => void) | null = null;

  private readonly schedule: (task: () => void) => void;
  private files = new Map<string, MemoryFile>();
  private directories = new Set<string>(["/"]);
  /** Per directory: its names and files as of its last sync, and what was changed since. */
  private durable = new Map<string, Map<string, MemoryFile>>();
  private changes = new Map<string, NameChange[]>();
  private readonly locked = new Set<string>();
  private handles = new Map<number, Handle>();
  private nextFd = 3;
  private faultAt = 0;
  private faultErrno = 0;
  private faultLasts = false;

  constructor(schedule: (task: () => void) => void = setImmediate) {
    this.schedule = schedule;
  }

  /** Fails operation number `operation` (counted from 1 since the disk was made), or all from there on. */
  failAt(operation: number, errno: number, lasts = false): void {
    this.faultAt = operation;
    this.faultErrno = errno;
    this.faultLasts = lasts;
  }

  /** What is left: everything the kernel had (`killed`), only what was synced (`power`), or that and all names (`names`). */
  crash(kind: CrashKind): void {
    this.forgetProcesses();
    if (kind === "killed") return;
    if (kind === "names") for (const directory of this.directories) this.rememberDirectory(directory);
    this.files = this.durableFiles();
    for (const file of this.files.values()) file.revert();
    this.changes.clear();
  }

  /** A power cut that decides each name, length and sector by `power.random`. `count` is told each name's fate. */
  cutPower(power: PowerCut, count: (fate: "name kept" | "name dropped") => void): void {
    this.forgetProcesses();
    for (const [directory, changes] of this.changes) {
      const names = this.durable.get(directory) ?? new Map<string, MemoryFile>();
      for (const change of changes) {
        const kept = uniform(power.random, 2) === 0;
        if (kept) applyChange(names, change);
        count(kept ? "name kept" : "name dropped");
      }
      this.durable.set(directory, names);
    }
    this.changes.clear();
    this.files = this.durableFiles();
    for (const file of this.files.values()) file.cut(power);
  }

  /** Cuts a file, in the cache and on the medium. */
  shorten(path: string, length: number): void {
    this.files.set(path, MemoryFile.of(this.contents(path).subarray(0, length)));
    this.rememberDirectory(parentOf(path));
  }

  /** What is on the medium in some file, or nothing: what a sector may come back with. */
  oldBytes(random: Random): Uint8Array {
    const files = [...this.files.values()];
    return files[uniform(random, files.length)]?.stored ?? new Uint8Array(0);
  }

  /** A disk with the same files, names and unsynced changes, without faults. */
  clone(): MemoryDisk {
    const copy = new MemoryDisk(this.schedule);
    const files = new Map<MemoryFile, MemoryFile>();
    const copyOf = (file: MemoryFile): MemoryFile => {
      const known = files.get(file) ?? file.clone();
      files.set(file, known);
      return known;
    };
    copy.directories = new Set(this.directories);
    for (const [path, file] of this.files) copy.files.set(path, copyOf(file));
    for (const [directory, names] of this.durable) {
      copy.durable.set(directory, new Map([...names].map(([name, file]) => [name, copyOf(file)])));
    }
    for (const [directory, changes] of this.changes) {
      copy.changes.set(
        directory,
        changes.map((change) => change.map(({ name, file }) => ({ name, file: file === null ? null : copyOf(file) }))),
      );
    }
    return copy;
  }

  /** Changes a file's bytes wherever they are. */
  damage(path: string, change: (bytes: Uint8Array) => void): void {
    const file = this.files.get(path);
    check(file !== undefined, "the test damages a file that exists");
    file.damage(change);
  }

  /** Test's view of a file; changing the array changes the file. */
  contents(path: string): Uint8Array {
    const file = this.files.get(path);
    check(file !== undefined, "the test asks for a file that exists");
    return file.bytes.subarray(0, file.length);
  }

  /** Puts a file there, synced. */
  put(path: string, bytes: Uint8Array): void {
    const file = MemoryFile.of(bytes);
    for (let at = parentOf(path); at !== "/"; at = parentOf(at)) this.directories.add(at);
    this.files.set(path, file);
    this.rememberDirectory(parentOf(path));
  }

  open(path: string, mode: OpenMode): number {
    this.step("open", path);
    let file = this.files.get(path);
    if (mode === "create") {
      if (file !== undefined) throw new DiskError("create", path, EEXIST);
      if (!this.directories.has(parentOf(path))) throw new DiskError("create", path, ENOENT);
      file = new MemoryFile();
      this.files.set(path, file);
      this.change(path, [{ name: nameOf(path), file }]);
    }
    if (file === undefined) throw new DiskError("open", path, ENOENT);
    const fd = this.nextFd++;
    this.handles.set(fd, { file, path });
    return fd;
  }

  openAgain(fd: number): number {
    const { file, path } = this.handle(fd);
    this.step("open", path);
    const again = this.nextFd++;
    this.handles.set(again, { file, path });
    return again;
  }

  close(fd: number): void {
    this.handle(fd);
    this.handles.delete(fd);
  }

  read(fd: number, target: Uint8Array, start: number, length: number, position: number): number {
    const { file, path } = this.handle(fd);
    this.step("read", path);
    const end = Math.min(file.length, position + length);
    if (end <= position) return 0;
    target.set(file.bytes.subarray(position, end), start);
    this.afterRead?.(path, target, start, end - position, position);
    return end - position;
  }

  pwrite(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number {
    const { file, path } = this.handle(fd);
    const fault = this.fault("pwrite", path);
    if (fault < 0) return fault;
    let count = Math.min(length, this.shortWriteBytes);
    const taken = Math.max(file.length, file.reservedEnd);
    const growth = position + count - taken;
    if (growth > 0) {
      const free = this.freeBytes();
      if (growth > free) count -= growth - free;
      if (count <= 0) return ENOSPC;
    }
    file.write(bytes, start, count, position);
    return count;
  }

  fdatasync(fd: number): number {
    const { file, path } = this.handle(fd);
    const fault = this.fault("fdatasync", path);
    endSync(file, file.beginWriteback(fault < 0), fault, this.failedSyncLoses());
    return fault;
  }

  fdatasyncLater(fd: number, done: (result: number) => void): void {
    const { file, path } = this.handle(fd);
    const fault = this.fault("fdatasync", path);
    // What is written while the sync runs is not covered by it.
    const writeback = file.beginWriteback(fault < 0);
    const loses = this.failedSyncLoses();
    this.schedule(() => {
      endSync(file, writeback, fault, loses);
      done(fault);
    });
  }

  syncDirectory(path: string): void {
    this.step("sync directory", path);
    this.rememberDirectory(path);
  }

  syncDirectoryLater(path: string, done: (result: number) => void): void {
    const fault = this.fault("sync directory", path);
    const names = this.namesOf(path);
    const covered = this.changes.get(path)?.length ?? 0;
    this.schedule(() => {
      if (fault === 0) {
        this.durable.set(path, names);
        this.changes.get(path)?.splice(0, covered);
      }
      done(fault);
    });
  }

  truncate(fd: number, length: number): void {
    const { file, path } = this.handle(fd);
    this.step("truncate", path);
    file.truncate(length);
  }

  length(fd: number): number {
    return this.handle(fd).file.length;
  }

  reserve(fd: number, position: number, length: number): number {
    const { file, path } = this.handle(fd);
    const fault = this.fault("reserve", path);
    if (fault < 0) return fault;
    const growth = position + length - Math.max(file.length, file.reservedEnd);
    if (growth > this.freeBytes()) return ENOSPC;
    file.reservedEnd = Math.max(file.reservedEnd, position + length);
    return 0;
  }

  rename(from: string, to: string): void {
    this.step("rename", from);
    const file = this.files.get(from);
    if (file === undefined) throw new DiskError("rename", from, ENOENT);
    check(parentOf(from) === parentOf(to), "a file is renamed inside its directory");
    this.files.delete(from);
    this.files.set(to, file);
    this.change(to, [
      { name: nameOf(from), file: null },
      { name: nameOf(to), file },
    ]);
    for (const handle of this.handles.values()) if (handle.file === file) handle.path = to;
  }

  unlink(path: string): void {
    this.step("unlink", path);
    if (!this.files.delete(path)) throw new DiskError("unlink", path, ENOENT);
    this.change(path, [{ name: nameOf(path), file: null }]);
  }

  list(path: string): string[] {
    this.step("list", path);
    if (!this.directories.has(path)) throw new DiskError("list", path, ENOENT);
    return this.names(path);
  }

  status(path: string): FileStatus | undefined {
    if (this.directories.has(path)) return { kind: "directory", size: 0, inode: 0 };
    const file = this.files.get(path);
    return file === undefined ? undefined : { kind: "file", size: file.length, inode: 0 };
  }

  makeDirectory(path: string): boolean {
    if (this.directories.has(path)) return false;
    this.step("create directory", path);
    for (let at = path; at !== "/"; at = parentOf(at)) this.directories.add(at);
    return true;
  }

  lock(directory: string): DirectoryLock {
    if (this.locked.has(directory)) {
      throw new EmberlogError("DIRECTORY_LOCKED", `the data directory ${directory} is in use by another process`);
    }
    this.locked.add(directory);
    return { release: () => void this.locked.delete(directory) };
  }

  holder(directory: string): number | undefined {
    return this.locked.has(directory) ? 1 : undefined;
  }

  private names(path: string): string[] {
    const prefix = path === "/" ? "/" : `${path}/`;
    const names = new Set<string>();
    for (const other of [...this.files.keys(), ...this.directories]) {
      if (other.startsWith(prefix) && other.length > prefix.length)
        names.add(other.slice(prefix.length).split("/")[0]!);
    }
    return [...names].sort();
  }

  private rememberDirectory(path: string): void {
    this.durable.set(path, this.namesOf(path));
    this.changes.delete(path);
  }

  private namesOf(path: string): Map<string, MemoryFile> {
    const names = new Map<string, MemoryFile>();
    for (const [file, node] of this.files) if (parentOf(file) === path) names.set(nameOf(file), node);
    return names;
  }

  private change(path: string, change: NameChange): void {
    const directory = parentOf(path);
    const changes = this.changes.get(directory);
    if (changes === undefined) this.changes.set(directory, [change]);
    else changes.push(change);
  }

  private durableFiles(): Map<string, MemoryFile> {
    const files = new Map<string, MemoryFile>();
    for (const [directory, names] of this.durable) {
      for (const [name, file] of names) files.set(directory === "/" ? `/${name}` : `${directory}/${name}`, file);
    }
    return files;
  }

  private forgetProcesses(): void {
    this.handles = new Map();
    this.locked.clear();
    this.faultAt = 0;
  }

  space(): DiskSpace | undefined {
    const totalBytes = this.spaceBytes;
    return Number.isFinite(totalBytes) ? { freeBytes: this.freeBytes(), totalBytes } : undefined;
  }

  private freeBytes(): number {
    let used = 0;
    for (const file of this.files.values()) used += Math.max(file.length, file.reservedEnd);
    return Math.max(0, this.spaceBytes - used);
  }

  private handle(fd: number): Handle {
    const handle = this.handles.get(fd);
    if (handle === undefined) throw new DiskError("use", `descriptor ${fd}`, EBADF);
    return handle;
  }

  /** Counts an operation; zero, or the error number it must fail with. */
  private fault(operation: string, path: string): number {
    this.operations++;
    this.trace?.push(`${operation} ${path}`);
    const hit =
      this.faultAt > 0 && (this.faultLasts ? this.operations >= this.faultAt : this.operations === this.faultAt);
    return hit ? this.faultErrno : (this.onOperation?.(operation, path) ?? 0);
  }

  private step(operation: string, path: string): void {
    const fault = this.fault(operation, path);
    if (fault < 0) throw new DiskError(operation, path, fault);
  }
}

function endSync(file: MemoryFile, writeback: Writeback, fault: number, loses: boolean): void {
  if (fault === 0) file.endWriteback(writeback);
  else file.failWriteback(writeback, loses);
}
