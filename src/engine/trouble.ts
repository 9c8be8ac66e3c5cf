/**
 * What can be wrong with the disk under a running log, in words for an operator: what it is, what it does to clients, and the way out.
 *
 * One table: the server's log, INFO persistence and docs/durability.md ("When the disk is in trouble") use these names and no others.
 */
import { humanBytes } from "../base/memory_size.ts";
import { EACCES, EPERM, EROFS, errorText, isOutOfSpace } from "../disk/errno.ts";
import type { LogFailure } from "../log/writer_options.ts";
import type { DiskSpaceWatch } from "./disk_space.ts";

export type TroubleState =
  | "disk-low"
  | "disk-stop"
  | "disk-full"
  | "read-only"
  | "write-failed"
  | "sync-failed"
  | "directory-gone";

export interface Trouble {
  readonly state: TroubleState;
  /** What has happened, a sentence without its full stop. */
  readonly error: string;
  /** The way out, the same. */
  readonly remedy: string;
  readonly refusesWrites: boolean;
}

const FREE_SPACE = "free space on this disk or enlarge it";
const NO_RESTART = "writes are taken again by themselves, without a restart";

/** The log has failed, or can't set space aside. `gone`: the directory is no longer there. `resumes`: an image takes the log's place (D9). */
export function logTrouble(directory: string, failed: LogFailure, gone: boolean, resumes: boolean): Trouble {
  if (gone) {
    return {
      state: "directory-gone",
      error: `${directory} is gone from under the server`,
      remedy: "put it back or mount it again, then start the server again: until then nothing is kept on disk",
      refusesWrites: true,
    };
  }
  const text = errorText(failed.errno);
  if (failed.kind === "sync") {
    return {
      state: "sync-failed",
      error: `A sync of the log in ${directory} failed (${text})`,
      remedy: resumes
        ? `look into the disk (dmesg), and don't stop the server, which alone knows the last writes: when an image of its memory is on the disk, ${NO_RESTART}`
        : "save what only this process knows, look into the disk (dmesg), then start the server again",
      refusesWrites: true,
    };
  }
  if (isOutOfSpace(failed.errno)) {
    return {
      state: "disk-full",
      error: `The disk of ${directory} is full (${text})`,
      remedy: `${FREE_SPACE}: ${NO_RESTART}`,
      refusesWrites: true,
    };
  }
  if (failed.errno === EROFS) {
    return {
      state: "read-only",
      error: `The file system of ${directory} has become read-only`,
      remedy: `look for the reason (dmesg), then mount it for writing: ${NO_RESTART} (after an error of the file system: stop the server, fsck, mount, start)`,
      refusesWrites: true,
    };
  }
  return {
    state: "write-failed",
    error: `The log in ${directory} can't be written (${text})`,
    remedy: `look into the disk (dmesg) and its mount: once a write succeeds, ${NO_RESTART}`,
    refusesWrites: true,
  };
}

/** The way out when a start can't use the disk. */
export function startRemedy(errno: number): string {
  if (isOutOfSpace(errno)) return `${FREE_SPACE} (a start needs space for one segment at most), then start again`;
  if (errno === EROFS) return "mount the file system for writing, then start again";
  if (errno === EACCES || errno === EPERM) return "give the user that the server runs as the right to write there";
  return "look into the disk (dmesg) and its mount, then start again";
}

/** The disk is below a watermark. */
export function spaceTrouble(directory: string, space: DiskSpaceWatch): Trouble | undefined {
  const { state, freeBytes, totalBytes, stopBytes, watermarks, secondsLeft } = space;
  if (state === "ok") return undefined;
  const free = `The disk of ${directory} has ${humanBytes(freeBytes)} of ${humanBytes(totalBytes)} free`;
  if (state === "stop") {
    return {
      state: "disk-stop",
      error: `${free}, and disk-stop-watermark (${watermarks.stop}) keeps ${humanBytes(stopBytes)} of it`,
      remedy: `${FREE_SPACE}, or lower disk-stop-watermark by CONFIG SET: ${NO_RESTART}`,
      refusesWrites: true,
    };
  }
  const rate = secondsLeft < 0 ? "" : `, and at the present rate writes are refused in ${duration(secondsLeft)}`;
  return {
    state: "disk-low",
    error: `${free}, less than disk-low-watermark (${watermarks.low})${rate}`,
    remedy: FREE_SPACE,
    refusesWrites: false,
  };
}

function duration(seconds: number): string {
  if (seconds < 2) return "a second or so";
  if (seconds < 120) return `${seconds} seconds`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} minutes`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} hours` : `${Math.round(seconds / 86_400)} days`;
}
