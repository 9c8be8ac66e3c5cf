/**
 * One process a data directory (D15), by the file LOCK in it.
 *
 * With flock, by the addon or by flock(1): the kernel drops it when the process dies; the file stays, because removing a locked
 * file lets a third process lock a new one of the same name. Without: LOCK is created exclusively and says who holds it
 * (pid, boot id, start time of the process, namespace of its pid), so that a holder that died, or a machine that was started
 * again, is told from one that lives. In doubt the lock is refused: about the processes of another container there always is doubt.
 *
 * Both kinds write and test the same text, so a server with flock and one without exclude each other.
 */
import fs from "node:fs";
import { EmberlogError } from "../base/errors.ts";
import { type DirectoryLock, DiskError } from "./disk.ts";
import { EAGAIN, EEXIST, ENOENT } from "./errno.ts";
import { joinPath, LOCK_NAME } from "./file_names.ts";

interface Holder {
  readonly pid: number;
  readonly boot: string;
  /** Ticks after boot at which the process started; "-" where /proc doesn't say. */
  readonly start: string;
  /** The kernel's number of the process ids' namespace: a container has its own; "-" where /proc doesn't say. */
  readonly namespace: string;
  /** How it holds the lock: a text left behind by flock says nothing once the flock is gone. */
  readonly by: string;
}

/** What LOCK says between two processes. */
const RELEASED = "released\n";

const HOLDER_BYTES_MAX = 256;
const HOLDER_PATTERN = /^pid (\d+) boot ([0-9a-f-]+) start ([0-9-]+) (?:namespace ([0-9-]+) )?by (flock|pid)\n$/;

function readOr(file: string, otherwise: string): string {
  try {
    return fs.readFileSync(file, "latin1");
  } catch {
    return otherwise;
  }
}

function bootId(): string {
  return readOr("/proc/sys/kernel/random/boot_id", "-").trim();
}

/** Start time of a process, "-" if unknown. The name in field 2 may hold anything, so fields count from the last ")". */
function startOf(pid: number): string {
  const stat = readOr(`/proc/${pid}/stat`, "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[19] ?? "-";
}

function pidNamespace(): string {
  try {
    return /^pid:\[(\d+)\]$/.exec(fs.readlinkSync("/proc/self/ns/pid"))?.[1] ?? "-";
  } catch {
    return "-";
  }
}

function describe(by: string): string {
  return `pid ${process.pid} boot ${bootId()} start ${startOf(process.pid)} namespace ${pidNamespace()} by ${by}\n`;
}

function parseHolder(text: string): Holder | undefined {
  const match = HOLDER_PATTERN.exec(text);
  return match === null
    ? undefined
    : { pid: Number(match[1]), boot: match[2]!, start: match[3]!, namespace: match[4] ?? "-", by: match[5]! };
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return !(thrown instanceof Error && "code" in thrown && thrown.code === "ESRCH");
  }
}

/** True only where the holder is certainly gone. */
function isGone(holder: Holder): boolean {
  const boot = bootId();
  if (boot !== "-" && holder.boot !== "-" && boot !== holder.boot) return true;
  // Of a process in another container nothing can be seen from here.
  if (isForeign(holder)) return false;
  if (!processExists(holder.pid)) return true;
  const start = startOf(holder.pid);
  return start !== "-" && holder.start !== "-" && start !== holder.start;
}

function isForeign(holder: Holder): boolean {
  const own = pidNamespace();
  return own !== "-" && holder.namespace !== "-" && own !== holder.namespace;
}

/** `inDoubt`: nobody is known to live, but it can't be ruled out. */
function refuse(directory: string, holder: Holder | undefined, inDoubt: boolean): never {
  const file = joinPath(directory, LOCK_NAME);
  let who = holder === undefined ? "another process" : `process ${holder.pid}`;
  if (holder !== undefined && isForeign(holder)) who += " of another container";
  const how = inDoubt
    ? `make sure that no server runs on it, anywhere, and remove ${file}`
    : "stop that one, or choose another directory with --dir";
  const message = `the data directory ${directory} is in use by ${who}${inDoubt ? ", or was" : ""}. To go on: ${how}`;
  throw new EmberlogError("DIRECTORY_LOCKED", message, { file });
}

/** The living process that says it holds the directory. */
export function directoryLockHolder(directory: string): number | undefined {
  const holder = parseHolder(readOr(joinPath(directory, LOCK_NAME), ""));
  return holder === undefined || isGone(holder) ? undefined : holder.pid;
}

export function acquireDirectoryLock(directory: string, flock: ((fd: number) => number) | undefined): DirectoryLock {
  const file = joinPath(directory, LOCK_NAME);
  try {
    return flock === undefined ? lockByPid(directory, file) : lockByFlock(directory, file, flock);
  } catch (thrown) {
    if (thrown instanceof Error && "errno" in thrown && typeof thrown.errno === "number") {
      if (thrown instanceof DiskError) throw thrown;
      throw new DiskError("lock", file, thrown.errno, thrown);
    }
    throw thrown;
  }
}

function lockByFlock(directory: string, file: string, flock: (fd: number) => number): DirectoryLock {
  for (let round = 0; round < 3; round++) {
    const fd = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o640);
    let held = false;
    try {
      const before = parseHolder(readDescriptor(fd));
      const result = flock(fd);
      if (result === EAGAIN) refuse(directory, before, false);
      if (result < 0) throw new DiskError("lock", file, result);
      if (!isNamed(fd, file)) continue;
      const holder = parseHolder(readDescriptor(fd));
      if (holder?.by === "pid" && !isGone(holder)) refuse(directory, holder, isForeign(holder));
      fs.ftruncateSync(fd, 0);
      fs.writeSync(fd, describe("flock"), 0, "latin1");
      held = isNamed(fd, file);
    } finally {
      if (!held) fs.closeSync(fd);
    }
    if (!held) continue;
    return {
      release: () => {
        try {
          fs.ftruncateSync(fd, 0);
          fs.writeSync(fd, RELEASED, 0, "latin1");
        } catch {
          // On a disk that can't be written the text stays; the lock itself goes with the descriptor.
        }
        fs.closeSync(fd);
      },
    };
  }
  return refuse(directory, undefined, false);
}

function readDescriptor(fd: number): string {
  const bytes = new Uint8Array(HOLDER_BYTES_MAX);
  return Buffer.from(bytes.subarray(0, fs.readSync(fd, bytes, 0, bytes.length, 0))).toString("latin1");
}

/**
 * Is this file still the one of that name? A process without flock may have removed its own, or set a dead holder's aside, since it was
 * opened: then what was locked excludes nobody. It looks at the text again after it has moved the file, so one of the two gives way.
 */
function isNamed(fd: number, file: string): boolean {
  const own = fs.fstatSync(fd);
  const named = fs.statSync(file, { throwIfNoEntry: false });
  return named !== undefined && named.ino === own.ino && named.dev === own.dev;
}

function lockByPid(directory: string, file: string): DirectoryLock {
  const text = describe("pid");
  for (let round = 0; round < 3; round++) {
    try {
      fs.writeFileSync(file, text, { flag: "wx", mode: 0o640 });
      return { release: () => removeQuietly(file) };
    } catch (thrown) {
      if (!(thrown instanceof Error && "errno" in thrown && thrown.errno === EEXIST)) throw thrown;
    }
    const found = readOr(file, "");
    const holder = parseHolder(found);
    const gone = found === RELEASED || (holder !== undefined && isGone(holder));
    if (!gone) refuse(directory, holder, holder === undefined || isForeign(holder));
    setAside(directory, file, found);
  }
  return refuse(directory, undefined, false);
}

/** On a disk that can't be written the text stays, and tells of a process that is gone. */
function removeQuietly(file: string): void {
  try {
    fs.unlinkSync(file);
  } catch {
    // Nobody can do anything about it here.
  }
}

/** Moves a dead holder's file away; gives it back and refuses if somebody else was quicker and it is theirs by now. */
function setAside(directory: string, file: string, expected: string): void {
  const aside = `${file}.${process.pid}.tmp`;
  try {
    fs.renameSync(file, aside);
  } catch (thrown) {
    if (thrown instanceof Error && "errno" in thrown && thrown.errno === ENOENT) return;
    throw thrown;
  }
  const moved = readOr(aside, "");
  if (moved !== expected) {
    fs.linkSync(aside, file);
    fs.unlinkSync(aside);
    refuse(directory, parseHolder(moved), false);
  }
  fs.unlinkSync(aside);
}
