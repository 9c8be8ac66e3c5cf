/**
 * What stands in a segment behind its last frame while it is being written: nothing, or a row of bytes that says "unused".
 *
 * Problem: a sync of a file that grows waits for the file system's own journal as well, and often for a thread of the kernel to
 * turn what was set aside into what is written. One of bytes that lie where others were stored before waits for the disk alone:
 * a half of the time, or less. So under `always` the space that comes next is written ahead, a piece at a time, by the write
 * thread while a sync is under way; the next sync stores it. It is never more than what was set aside (D15). The price is that
 * the log is written twice; where syncs are not what clients wait for, under the other policies, nothing is written ahead.
 *
 * The row is not zeros, so that zeros which a disk shows in the place of what it had stored are told from it: a start takes
 * nothing but this row, up to the end of the file, for an end without damage. A sealed segment is cut to its last frame.
 * ```
 *  offset in the file  0 mod 16                       15
 *                      u n u s e d _ l o g _ s p a c e     (_ is a space)
 * ```
 * A stored format: do not change it. No byte of it begins a frame.
 */
import * as limits from "../base/limits.ts";
import type { Disk } from "../disk/disk.ts";

const ROW = new TextEncoder().encode("unused log space");

/** The row over and over; a multiple of its length is left out in front so that any offset finds its bytes. */
let rows: Uint8Array | undefined;

/** Bytes of which those from `offset % 16` on can be written at `offset`, as many as are ever written at a time. */
export function unusedRows(): Uint8Array {
  if (rows !== undefined) return rows;
  rows = new Uint8Array(limits.LOG_UNUSED_BYTES + ROW.length);
  for (let at = 0; at < rows.length; at++) rows[at] = ROW[at % ROW.length]!;
  return rows;
}

/** Where `unusedRows` has the bytes for `offset`. */
export function rowStart(offset: number): number {
  return offset % ROW.length;
}

/** Is everything in [from, to) of an open file unused? */
export function isUnused(disk: Disk, fd: number, from: number, to: number): boolean {
  const wanted = unusedRows();
  const buffer = new Uint8Array(Math.min(limits.LOG_UNUSED_BYTES, to - from));
  for (let at = from; at < to; ) {
    const read = disk.read(fd, buffer, 0, Math.min(buffer.length, to - at), at);
    if (read <= 0) return false;
    const start = rowStart(at);
    for (let i = 0; i < read; i++) if (buffer[i] !== wanted[start + i]) return false;
    at += read;
  }
  return true;
}

/** How far a segment's file has been written ahead, and when it is time for the next piece. */
export class UnusedSpace {
  /** The file has bytes up to here, frames or unused. */
  private end: number;
  /** Of the piece under way; 0: none is. */
  length = 0;
  private given = false;

  constructor(end: number) {
    this.end = end;
  }

  get under(): boolean {
    return this.length > 0;
  }

  /** Where the piece under way begins. */
  get position(): number {
    return this.end;
  }

  /**
   * Begins the next piece behind frames that end at `position`, where it is time for one: true. No byte at `limit` or behind it is
   * written.
   */
  begin(position: number, limit: number): boolean {
    if (this.end < position) this.end = position;
    if (this.given || this.end - position > limits.LOG_UNUSED_AHEAD_BYTES) return false;
    const length = Math.min(limit, this.end + limits.LOG_UNUSED_BYTES) - this.end;
    if (length < limits.LOG_UNUSED_BYTES_MIN) return false;
    this.length = length;
    return true;
  }

  /** The piece under way has ended with a write's result. After a failure none is begun any more: the frames will show what it is. */
  ended(result: number): void {
    if (result > 0) this.end += result;
    else this.given = true;
    this.length = 0;
  }
}
