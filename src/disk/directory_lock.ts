/**
 * One process a data directory (D15), by the file LOCK in it.
 *
 * With the addon: flock on LOCK, which the kernel drops when the process dies; the file stays, because removing a locked
 * file lets a third process lock a new one of the same name. Without: LOCK is created exclusively and says who holds it
 * (pid, boot id, start time of the process), so that a holder that died, or a machine that was started again, is told
 * from one that lives. In doubt the lock is refused.
 *
 * Both kinds write and test the same text, so a server with the addon and one without exclude each other.
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
  /** How it holds the lock: a text left behind by flock says nothing once the flock is gone. */
  readonly by: string;
}

const HOLDER_BYTES_MAX = 256;
const HOLDER_PATTERN = /^pid (\d+) boot ([0-9a-f-]+) start ([0-9-]+) by (flock|pid)\n$/;

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

function describe(by: string): string {
  return `pid ${process.pid} boot ${bootId()} start ${startOf(process.pid)} by ${by}\n`;
}

function parseHolder(text: string): Holder | undefined {
  const match = HOLDER_PATTERN.exec(text);
  return match === null ? undefined : { pid: Number(match[1]), boot: match[2]!, start: match[3]!, by: match[4]! };
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
  if (!processExists(holder.pid)) return true;
  const start = startOf(holder.pid);
  return start !== "-" && holder.start !== "-" && start !== holder.start;
}

function refuse(directory: string, holder: Holder | undefined): never {
  const who = holder === undefined ? "another process" : `process ${holder.pid}`;
  throw new EmberlogError("DIRECTORY_LOCKED", `the data directory ${directory} is in use by ${who}`, {
    file: joinPath(directory, LOCK_NAME),
  });
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
      if (result === EAGAIN) refuse(directory, before);
      if (result < 0) throw new DiskError("lock", file, result);
      if (!isNamed(fd, file)) continue;
      const holder = parseHolder(readDescriptor(fd));
      if (holder?.by === "pid" && !isGone(holder)) refuse(directory, holder);
      fs.ftruncateSync(fd, 0);
      fs.writeSync(fd, describe("flock"), 0, "latin1");
      held = isNamed(fd, file);
    } finally {
      if (!held) fs.closeSync(fd);
    }
    if (!held) continue;
    return {
      release: () => {
        fs.ftruncateSync(fd, 0);
        fs.closeSync(fd);
      },
    };
  }
  return refuse(directory, undefined);
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
      return { release: () => fs.unlinkSync(file) };
    } catch (thrown) {
      if (!(thrown instanceof Error && "errno" in thrown && thrown.errno === EEXIST)) throw thrown;
    }
    const found = readOr(file, "");
    const holder = parseHolder(found);
    if (holder === undefined || !isGone(holder)) refuse(directory, holder);
    setAside(directory, file, found);
  }
  return refuse(directory, undefined);
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
    refuse(directory, parseHolder(moved));
  }
  fs.unlinkSync(aside);
}
