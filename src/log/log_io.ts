/**
 * The two threads behind the log, as the writer sees them: one that writes, one that syncs, each with one task at a time.
 * The addon has real threads; `DiskLogIo` does the same over any `Disk`, with the sync on libuv's pool.
 *
 * Invariants: completions are delivered outside the writer's own calls, one after the other, never from inside `write` or
 * `sync`. A result is bytes written (at least one, perhaps fewer than asked), zero for a sync, or a negative error number.
 */
import { check } from "../base/check.ts";
import type { Disk } from "../disk/disk.ts";

export interface LogIo {
  /** Begins writing on the write thread; the bytes must not change until `onWritten`. */
  write(fd: number, bytes: Uint8Array, start: number, length: number, position: number): void;
  /** Writes on the calling thread. */
  writeNow(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number;
  /** Begins an fdatasync on the sync thread. */
  sync(fd: number): void;
  onWritten: (result: number) => void;
  onSynced: (result: number) => void;
}

export class DiskLogIo implements LogIo {
  onWritten: (result: number) => void = () => {};
  onSynced: (result: number) => void = () => {};
  private readonly disk: Disk;
  private readonly schedule: (task: () => void) => void;
  private writing = false;
  private syncing = false;

  /** `schedule` runs a task soon, but not now; tests pass one that they step by hand. */
  constructor(disk: Disk, schedule: (task: () => void) => void = setImmediate) {
    this.disk = disk;
    this.schedule = schedule;
  }

  write(fd: number, bytes: Uint8Array, start: number, length: number, position: number): void {
    check(!this.writing, "one write at a time");
    this.writing = true;
    this.schedule(() => {
      const result = this.disk.pwrite(fd, bytes, start, length, position);
      this.writing = false;
      this.onWritten(result);
    });
  }

  writeNow(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number {
    return this.disk.pwrite(fd, bytes, start, length, position);
  }

  sync(fd: number): void {
    check(!this.syncing, "one sync at a time");
    this.syncing = true;
    this.disk.fdatasyncLater(fd, (result) => {
      this.syncing = false;
      this.onSynced(result);
    });
  }
}
