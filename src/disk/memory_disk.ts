/**
 * A disk in memory, for tests: deterministic, with simple faults, and with what a crash leaves behind.
 *
 * A file has its bytes as a process sees them and, apart from these, its bytes as of the last sync; a directory has its names
 * as a process sees them and as of its last sync. `crash` throws the first away (a power cut that loses everything that was
 * not synced), keeps it (a process that was killed), or keeps the names alone (a power cut after the journal of the file system
 * was written, and nothing else). The simulated disk of the fault harness, with torn and reordered
 * writes, is another one.
 *
 * Faults: `failAt(n, errno)` fails the n-th operation that changes or reads the disk, once or for good; `shortWriteBytes`
 * cuts writes short; `spaceBytes` is a disk that fills up. Failed syncs lose the dirty data, as Linux does (D9).
 */
import { check } from "../base/check.ts";
import { EmberlogError } from "../base/errors.ts";
import { type DirectoryLock, type Disk, DiskError, type FileStatus, type OpenMode } from "./disk.ts";
import { EBADF, EEXIST, ENOENT, ENOSPC } from "./errno.ts";

class MemoryFile {
  bytes = new Uint8Array(0);
  length = 0;
  synced = new Uint8Array(0);
  reservedEnd = 0;

  ensure(length: number): void {
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.bytes.length * 2, 256));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    if (length > this.length) {
      this.bytes.fill(0, this.length, length);
      this.length = length;
    }
  }

  sync(): void {
    this.synced = this.bytes.slice(0, this.length);
  }

  revert(): void {
    this.bytes = this.synced.slice();
    this.length = this.bytes.length;
    this.reservedEnd = 0;
  }
}

export type CrashKind = "killed" | "power" | "names";

interface Handle {
  readonly file: MemoryFile;
  path: string;
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
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

  private readonly schedule: (task: () => void) => void;
  private files = new Map<string, MemoryFile>();
  private directories = new Set<string>(["/"]);
  /** Per directory: its names and files as of its last sync. */
  private durable = new Map<string, Map<string, MemoryFile>>();
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
    this.handles = new Map();
    this.locked.clear();
    this.faultAt = 0;
    if (kind === "killed") return;
    if (kind === "names") {
      for (const file of this.files.values()) file.revert();
      for (const directory of this.directories) this.rememberDirectory(directory);
      return;
    }
    const files = new Map<string, MemoryFile>();
    for (const [directory, names] of this.durable) {
      for (const [name, file] of names) files.set(directory === "/" ? `/${name}` : `${directory}/${name}`, file);
    }
    for (const file of files.values()) file.revert();
    this.files = files;
  }

  /** An independent disk with the same files, without faults, as if everything were synced. */
  clone(): MemoryDisk {
    const copy = new MemoryDisk(this.schedule);
    copy.directories = new Set(this.directories);
    for (const [path, file] of this.files) copy.put(path, file.bytes.slice(0, file.length));
    return copy;
  }

  /** Test's view of a file; changing the array changes the file. */
  contents(path: string): Uint8Array {
    const file = this.files.get(path);
    check(file !== undefined, "the test asks for a file that exists");
    return file.bytes.subarray(0, file.length);
  }

  /** Puts a file there, synced. */
  put(path: string, bytes: Uint8Array): void {
    const file = new MemoryFile();
    file.bytes = bytes.slice();
    file.length = bytes.length;
    file.sync();
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
    }
    if (file === undefined) throw new DiskError("open", path, ENOENT);
    const fd = this.nextFd++;
    this.handles.set(fd, { file, path });
    return fd;
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
    file.ensure(position + count);
    file.bytes.set(bytes.subarray(start, start + count), position);
    return count;
  }

  fdatasync(fd: number): number {
    const { file, path } = this.handle(fd);
    const fault = this.fault("fdatasync", path);
    if (fault < 0) return fault;
    file.sync();
    return 0;
  }

  fdatasyncLater(fd: number, done: (result: number) => void): void {
    const { file, path } = this.handle(fd);
    const fault = this.fault("fdatasync", path);
    // What is written while the sync runs is not covered by it.
    const covered = fault < 0 ? null : file.bytes.slice(0, file.length);
    this.schedule(() => {
      if (covered !== null) file.synced = covered;
      done(fault);
    });
  }

  syncDirectory(path: string): void {
    this.step("sync directory", path);
    this.rememberDirectory(path);
  }

  syncDirectoryLater(path: string, done: (result: number) => void): void {
    const fault = this.fault("sync directory", path);
    if (fault === 0) this.rememberDirectory(path);
    this.schedule(() => done(fault));
  }

  truncate(fd: number, length: number): void {
    const { file, path } = this.handle(fd);
    this.step("truncate", path);
    file.ensure(length);
    file.length = length;
    file.reservedEnd = 0;
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
    this.files.delete(from);
    this.files.set(to, file);
    for (const handle of this.handles.values()) if (handle.file === file) handle.path = to;
  }

  unlink(path: string): void {
    this.step("unlink", path);
    if (!this.files.delete(path)) throw new DiskError("unlink", path, ENOENT);
  }

  list(path: string): string[] {
    this.step("list", path);
    if (!this.directories.has(path)) throw new DiskError("list", path, ENOENT);
    return this.names(path);
  }

  status(path: string): FileStatus | undefined {
    if (this.directories.has(path)) return { kind: "directory", size: 0 };
    const file = this.files.get(path);
    return file === undefined ? undefined : { kind: "file", size: file.length };
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
    const names = new Map<string, MemoryFile>();
    for (const [file, node] of this.files) {
      if (parentOf(file) === path) names.set(file.slice(path === "/" ? 1 : path.length + 1), node);
    }
    this.durable.set(path, names);
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
    return hit ? this.faultErrno : 0;
  }

  private step(operation: string, path: string): void {
    const fault = this.fault(operation, path);
    if (fault < 0) throw new DiskError(operation, path, fault);
  }
}
