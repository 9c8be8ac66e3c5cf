/**
 * The log's threads over any `Disk`, for disks that are not the operating system's: the one in memory, the simulated one.
 * The real ones are in platform/log_io.ts.
 */
import { check } from "../../../src/base/check.ts";
import type { Disk } from "../../../src/disk/disk.ts";
import type { LogIo } from "../../../src/log/log_io.ts";

export class DiskLogIo implements LogIo {
  onWritten: (result: number) => void = () => {};
  onSynced: (result: number, lane: number) => void = () => {};
  readonly lanes: number;
  private readonly disk: Disk;
  private readonly schedule: (task: () => void) => void;
  private writing = false;
  private readonly syncing = new Set<number>();

  /** `schedule` runs a task soon, but not now; tests pass one that they step by hand. */
  constructor(disk: Disk, schedule: (task: () => void) => void = setImmediate, lanes = 1) {
    this.disk = disk;
    this.lanes = lanes;
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

  sync(fd: number, lane: number): void {
    check(lane < this.lanes && !this.syncing.has(lane), "one sync at a time on a lane");
    this.syncing.add(lane);
    this.disk.fdatasyncLater(fd, (result) => {
      this.syncing.delete(lane);
      this.onSynced(result, lane);
    });
  }
}
