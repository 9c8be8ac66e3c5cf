import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DiskError, readWholeFile, writeFully } from "../../../src/disk/disk.ts";
import { EEXIST, ENOENT, ENOSPC, ENOTSUP, errorText } from "../../../src/disk/errno.ts";
import { MemoryDisk } from "../../../src/disk/memory_disk.ts";
import { NodeDisk } from "../../../src/disk/node_disk.ts";
import { replaceFile, replaceFileLater } from "../../../src/disk/replace_file.ts";
import { nativeFileCalls } from "../../../src/platform/file_calls.ts";
import { flockByUtility, hasFlockUtility } from "../../../src/platform/flock_utility.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "emberlog-disk-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** One contract for every backing. */
describe.each([
  ["node", () => ({ disk: new NodeDisk(nativeFileCalls()), root: directory })],
  ["memory", () => ({ disk: new MemoryDisk(), root: "/root" })],
] as const)("contract: %s", (_name, make) => {
  test("files: create, write anywhere, read to the end, truncate, rename, unlink, list", async () => {
    const { disk, root } = make();
    expect(disk.makeDirectory(`${root}/a/b`)).toBe(true);
    expect(disk.makeDirectory(`${root}/a/b`)).toBe(false);
    const path = `${root}/a/b/file`;
    const fd = disk.open(path, "create");
    expect(() => disk.open(path, "create")).toThrow(expect.objectContaining({ errno: EEXIST }));
    writeFully(disk, fd, Uint8Array.of(9, 1, 2, 3, 9), 1, 3, 10, path);
    expect(disk.length(fd)).toBe(13);
    const target = new Uint8Array(20).fill(7);
    expect(disk.read(fd, target, 2, 18, 8)).toBe(5);
    expect([...target.subarray(0, 9)]).toEqual([7, 7, 0, 0, 1, 2, 3, 7, 7]);
    disk.truncate(fd, 11);
    expect(disk.length(fd)).toBe(11);
    expect(disk.fdatasync(fd)).toBe(0);
    expect(await new Promise((resolve) => disk.fdatasyncLater(fd, resolve))).toBe(0);
    expect(await new Promise((resolve) => disk.syncDirectoryLater(`${root}/a/b`, resolve))).toBe(0);
    const reserved = disk.reserve(fd, 0, 100_000);
    expect([0, ENOTSUP]).toContain(reserved);
    expect(disk.length(fd)).toBe(11);
    disk.close(fd);
    disk.rename(path, `${root}/a/b/other`);
    expect(disk.list(`${root}/a/b`)).toEqual(["other"]);
    expect(disk.status(path)).toBe(undefined);
    expect(disk.status(`${root}/a/b/other`)).toMatchObject({ kind: "file", size: 11 });
    expect(disk.status(`${root}/a`)).toMatchObject({ kind: "directory" });
    disk.unlink(`${root}/a/b/other`);
    expect(() => disk.unlink(`${root}/a/b/other`)).toThrow(expect.objectContaining({ errno: ENOENT }));
    expect(() => disk.open(path, "read")).toThrow(DiskError);
  });

  test("D2: replacing a small file, waiting and not", async () => {
    const { disk, root } = make();
    disk.makeDirectory(`${root}/d`);
    replaceFile(disk, `${root}/d`, "x", "x.tmp", Uint8Array.of(1));
    const later = Uint8Array.of(2, 3);
    const result = await new Promise((resolve) => replaceFileLater(disk, `${root}/d`, "x", "x.tmp", later, resolve));
    expect(result).toBe(0);
    expect([...readWholeFile(disk, `${root}/d/x`, 10)!]).toEqual([2, 3]);
    expect(disk.list(`${root}/d`)).toEqual(["x"]);
    expect(() => readWholeFile(disk, `${root}/d/x`, 1)).toThrow(expect.objectContaining({ code: "DATA_ROTTEN" }));
    expect(readWholeFile(disk, `${root}/d/y`, 1)).toBe(undefined);
  });

  test("D15: a directory is locked once", () => {
    const { disk, root } = make();
    disk.makeDirectory(`${root}/locked`);
    const lock = disk.lock(`${root}/locked`);
    expect(disk.holder(`${root}/locked`)).toBeTypeOf("number");
    expect(() => disk.lock(`${root}/locked`)).toThrow(expect.objectContaining({ code: "DIRECTORY_LOCKED" }));
    lock.release();
    expect(disk.holder(`${root}/locked`)).toBe(undefined);
    disk.lock(`${root}/locked`).release();
  });
});

describe("the lock without the addon (D15)", () => {
  const lockFile = () => join(directory, "LOCK");

  test("excludes a second one, and one with flock", () => {
    const lock = new NodeDisk().lock(directory);
    expect(() => new NodeDisk().lock(directory)).toThrow(/in use by process \d+/);
    const { flock } = nativeFileCalls();
    if (flock !== undefined) expect(() => new NodeDisk({ flock }).lock(directory)).toThrow(/in use/);
    lock.release();
    expect(existsSync(lockFile())).toBe(false);
  });

  test("takes over from a process that is gone, or of an earlier boot", () => {
    const gone = spawn("true").pid!;
    execFileSync("sleep", ["0.1"]);
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    for (const text of [
      `pid ${gone} boot ${boot} start 1 by pid\n`,
      `pid ${process.pid} boot 00000000-0000-0000-0000-000000000000 start 1 by pid\n`,
      `pid ${process.pid} boot ${boot} start 1 by pid\n`,
    ]) {
      writeFileSync(lockFile(), text);
      new NodeDisk().lock(directory).release();
    }
  });

  test("refuses in doubt", () => {
    for (const text of ["", "what is this?"]) {
      writeFileSync(lockFile(), text);
      expect(() => new NodeDisk().lock(directory)).toThrow(expect.objectContaining({ code: "DIRECTORY_LOCKED" }));
    }
    expect(() => new NodeDisk().lock(directory)).toThrow(
      /in use by another process, or was. To go on: .* remove .*LOCK$/,
    );
  });

  test("a process of another container may live, whatever this one sees", () => {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    for (const by of ["pid", "flock"]) {
      writeFileSync(lockFile(), `pid 1 boot ${boot} start 1 namespace 123 by ${by}\n`);
      expect(() => new NodeDisk().lock(directory)).toThrow(
        /in use by process 1 of another container, or was. To go on: /,
      );
    }
    const { flock } = nativeFileCalls();
    if (flock === undefined) return;
    // By flock: the kernel says that nobody has it.
    new NodeDisk({ flock }).lock(directory).release();
    writeFileSync(lockFile(), `pid 1 boot ${boot} start 1 namespace 123 by pid\n`);
    expect(() => new NodeDisk({ flock }).lock(directory)).toThrow(/of another container, or was/);
  });

  test.skipIf(!hasFlockUtility())("flock(1) locks as the addon does", () => {
    const byUtility = new NodeDisk({ flock: flockByUtility });
    const lock = byUtility.lock(directory);
    for (const other of [byUtility, new NodeDisk(nativeFileCalls()), new NodeDisk()]) {
      expect(() => other.lock(directory)).toThrow(/in use by process \d+\. To go on: stop that one/);
    }
    lock.release();
    new NodeDisk(nativeFileCalls()).lock(directory).release();
  });
});

test.skipIf(nativeFileCalls().flock === undefined)("a flock on a file that lost its name is none (D15)", () => {
  const real = nativeFileCalls().flock!;
  const file = join(directory, "LOCK");
  // Between the opening and the flock a process without the addon sets the dead holder's file aside and takes the directory.
  writeFileSync(file, `pid ${process.pid} boot 00000000-0000-0000-0000-000000000000 start 1 by pid\n`);
  let other: { release(): void } | undefined;
  const flock = (fd: number): number => {
    other ??= new NodeDisk().lock(directory);
    return real(fd);
  };
  expect(() => new NodeDisk({ flock }).lock(directory)).toThrow(expect.objectContaining({ code: "DIRECTORY_LOCKED" }));
  expect(readFileSync(file, "latin1")).toContain("by pid");
  other?.release();
  // It gives the directory back meanwhile: the next round locks a file that has the name.
  const held = new NodeDisk().lock(directory);
  let released = false;
  const late = (fd: number): number => {
    if (!released) held.release();
    released = true;
    return real(fd);
  };
  const mine = new NodeDisk({ flock: late }).lock(directory);
  expect(() => new NodeDisk(nativeFileCalls()).lock(directory)).toThrow(/in use by process/);
  mine.release();
});

test.skipIf(nativeFileCalls().flock === undefined)(
  "flock excludes the same process and others, and leaves the file",
  () => {
    const disk = new NodeDisk(nativeFileCalls());
    const lock = disk.lock(directory);
    expect(() => disk.lock(directory)).toThrow(new RegExp(`in use by process ${process.pid}`));
    expect(disk.holder(directory)).toBe(process.pid);
    lock.release();
    expect(readFileSync(join(directory, "LOCK"), "latin1")).toBe("released\n");
    // Nobody is in doubt about that, not even without flock.
    new NodeDisk().lock(directory).release();
  },
);

test("a name goes at once, the space of the file on another thread, whatever it is and whoever may read it", async () => {
  const disk = new NodeDisk();
  const descriptors = (): number => readdirSync("/proc/self/fd").length;
  const file = join(directory, "large");
  const fd = disk.open(file, "create");
  const bytes = Buffer.alloc(1 << 20, 7);
  for (let i = 0; i < 64; i++) writeFully(disk, fd, bytes, 0, bytes.length, i * bytes.length, file);
  disk.close(fd);
  const before = descriptors();
  disk.unlink(file);
  expect(existsSync(file)).toBe(false);
  while (descriptors() > before) await new Promise((resolve) => setTimeout(resolve, 5));
  // A pipe that nobody writes to, a link to nothing, a file that may not be read.
  execFileSync("mkfifo", [join(directory, "pipe")]);
  symlinkSync("nothing", join(directory, "link"));
  writeFileSync(join(directory, "closed"), "", { mode: 0o000 });
  for (const name of readdirSync(directory)) disk.unlink(join(directory, name));
  expect(readdirSync(directory)).toEqual([]);
});

test("errors speak as strerror does", () => {
  expect(errorText(ENOSPC)).toBe("No space left on device");
  const error = new DiskError("write to", "/x", ENOSPC);
  expect(error.message).toBe("can't write to /x: No space left on device");
  expect(error.code).toBe("DISK_FULL");
});

describe("the disk in memory", () => {
  test("D1, D4: a power cut takes what was not synced, name or bytes", () => {
    const disk = new MemoryDisk();
    disk.makeDirectory("/d");
    const write = (name: string, sync: boolean) => {
      const fd = disk.open(`/d/${name}`, "create");
      disk.pwrite(fd, Uint8Array.of(1, 2, 3), 0, 3, 0);
      if (sync) disk.fdatasync(fd);
    };
    write("both", true);
    write("name only", false);
    disk.syncDirectory("/d");
    write("bytes only", true);
    disk.crash("power");
    expect(disk.list("/d")).toEqual(["both", "name only"]);
    expect(disk.contents("/d/both").length).toBe(3);
    expect(disk.contents("/d/name only").length).toBe(0);
  });

  test("fills up, and a write gets in as far as there is space", () => {
    const disk = new MemoryDisk();
    disk.spaceBytes = 10;
    const fd = disk.open("/f", "create");
    expect(disk.reserve(fd, 0, 8)).toBe(0);
    expect(disk.reserve(fd, 0, 11)).toBe(ENOSPC);
    expect(disk.pwrite(fd, new Uint8Array(20), 0, 20, 0)).toBe(10);
    expect(disk.pwrite(fd, new Uint8Array(1), 0, 1, 10)).toBe(ENOSPC);
  });
});
