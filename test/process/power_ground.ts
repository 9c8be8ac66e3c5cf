/**
 * Rounds that end with a power cut: the data directory lies on ext4 or XFS in an image mounted by loop; the ioctl FS_IOC_SHUTDOWN
 * stops the file system without writing anything more, so that after unmounting and mounting only what was synced is there.
 *
 * It needs root, loop devices and the tools of the file system; where something is missing it says so, loudly.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ground } from "./crash_rounds.ts";

export type FileSystem = "ext4" | "xfs";

/** ioctl(fd, FS_IOC_SHUTDOWN, &FSOP_GOING_FLAGS_NOLOGFLUSH) */
const SHUTDOWN =
  "import fcntl,os,struct,sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
/** Sparse: what the log of ten rounds under load may grow to. */
const IMAGE_BYTES = 1 << 30;
/** A tenth of a second each. */
const UNMOUNT_TRIES_MAX = 100;

/** A process that was just ended may still hold its files. */
function unmount(directory: string): void {
  for (let tries = 1; ; tries++) {
    try {
      run("umount", directory);
      return;
    } catch (error) {
      if (tries === UNMOUNT_TRIES_MAX || !String(error).includes("busy")) throw error;
      spawnSync("sleep", ["0.1"]);
    }
  }
}

function run(...command: string[]): void {
  const { status, stderr, error } = spawnSync(command[0]!, command.slice(1), { encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}

/** An image with a file system, mounted. */
export class Mounted {
  readonly directory: string;
  private readonly folder: string;
  private readonly image: string;

  constructor(kind: FileSystem, bytes = IMAGE_BYTES) {
    this.folder = mkdtempSync(join(tmpdir(), `emberlog-${kind}-`));
    this.image = join(this.folder, "image");
    this.directory = join(this.folder, "mount");
    writeFileSync(this.image, "");
    truncateSync(this.image, bytes);
    mkdirSync(this.directory);
    run(`mkfs.${kind}`, "-q", ...(kind === "ext4" ? ["-F"] : []), this.image);
    run("mount", "-o", "loop", this.image, this.directory);
  }

  /** What an ordinary user may still write, bytes. */
  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.directory);
    return bavail * bsize;
  }

  /** From here on nothing reaches the image. */
  shutDown(): void {
    run("python3", "-c", SHUTDOWN, this.directory);
  }

  remount(): void {
    unmount(this.directory);
    run("mount", "-o", "loop", this.image, this.directory);
  }

  /** What the kernel does after an error of the file system (ext4): it becomes read-only, also for those who have files open. */
  abort(): void {
    run("mount", "-o", "remount,abort", this.directory);
  }

  /** After `abort`: checked, and mounted for writing or only for reading. */
  repair(readOnly = false): void {
    unmount(this.directory);
    // 1: errors were corrected.
    const { status } = spawnSync("e2fsck", ["-fp", this.image]);
    if (status !== 0 && status !== 1) throw new Error(`e2fsck ended with ${status}`);
    run("mount", "-o", readOnly ? "loop,ro" : "loop", this.image, this.directory);
  }

  /** More room on the same file system (ext4). */
  grow(bytes: number): void {
    unmount(this.directory);
    truncateSync(this.image, bytes);
    run("e2fsck", "-fp", this.image);
    run("resize2fs", this.image);
    run("mount", "-o", "loop", this.image, this.directory);
  }

  remove(): void {
    spawnSync("umount", [this.directory]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Can power be cut here? Prints why not. */
export function powerCutsPossible(kind: FileSystem): boolean {
  let why = process.getuid?.() === 0 ? "" : "it needs root";
  if (why === "") {
    try {
      const mounted = new Mounted(kind);
      try {
        mounted.shutDown();
        mounted.remount();
      } finally {
        mounted.remove();
      }
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
  }
  if (why !== "") console.warn(`SKIPPED: NO REAL POWER CUTS ON ${kind.toUpperCase()}: ${why.trim()}`);
  return why === "";
}

export function powerGround(kind: FileSystem): Ground {
  let mounted: Mounted | undefined;
  return {
    makeDirectory() {
      mounted = new Mounted(kind);
      const dir = join(mounted.directory, "data");
      mkdirSync(dir);
      // The directory itself is not what is being tested.
      spawnSync("sync");
      return dir;
    },
    removeDirectory: () => mounted!.remove(),
    loadMs: [200, 2600],
    powerCut: true,
    killPoint: () => undefined,
    async end(server) {
      mounted!.shutDown();
      await server.kill9();
      mounted!.remount();
    },
  };
}
