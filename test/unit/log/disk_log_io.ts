/**
 * The log's two threads over any `Disk`, for disks that are not the operating system's: the one in memory, the simulated one.
 * The real ones are in platform/log_io.ts.
 */
import { check } from "../../../src/base/check.ts";
import type { Disk } from "../../../src/disk/disk.ts";
import type { LogIo } from "../../../src/log/log_io.ts";

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
