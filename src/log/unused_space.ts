/**
 * What stands in a segment behind its last frame while it is being written: nothing, or a row of bytes that says "unused".
 *
 * Problem: a sync of a file that grows waits for the file system's own journal as well, and often for a thread of the kernel to
 * turn what was set aside into what is written. One of bytes that lie where others were stored before waits for the disk alone:
 * a half of the time, or less. So under `always` the space that comes next is written ahead, a piece at a time, by the write
 * thread while a sync is under way; the next sync stores it. It is never more than what was set aside (D15). The price is that
 * the log is written twice; where syncs are not what clients wait for, under the other policies, nothing is written ahead.
 *
 * The row is not zeros, so that zeros which a disk shows in the place of what it had stored are told from it. And each sector
 * says which one it is, of which segment: if the disk puts it over frames in another place, the file must not look as if it ended
 * there. So a start takes for an end without damage nothing but whole sectors of this space, in their own places, up to
 * the end of the file; of the first one, what the frames have left. A sealed segment is cut to its last frame.
 * ```
 *  offset in the sector  0 … 495   u n u s e d _ l o g _ s p a c e, 31 times     (_ is a space)
 *                        496       the first 8 bytes of the segment's salt
 *                        504       the sector's offset in the file, u64
 * ```
 * A stored format: do not change it. That it never passes for a frame the frames' checksums see to.
 */
import { check } from "../base/check.ts";
import * as limits from "../base/limits.ts";
import { putU64 } from "../base/little_endian.ts";
import type { Disk } from "../disk/disk.ts";

const ROW = new TextEncoder().encode("unused log space");
/** What a disk stores as a whole, at the least. */
const SECTOR_BYTES = 512;
const PLACE_BYTES = 16;
const SALT_BYTES = 8;

/** Where the sector begins that holds `offset`. */
function sectorOf(offset: number): number {
  return offset - (offset % SECTOR_BYTES);
}

/** Unused sectors of one segment, each with its place once `moveTo` has said where they are. */
class UnusedSectors {
  readonly bytes: Uint8Array;

  /** A whole number of sectors. */
  constructor(salt: Uint8Array, length: number) {
    this.bytes = new Uint8Array(length);
    if (length > 0) this.bytes.set(ROW);
    for (let have = ROW.length; have < length; have *= 2) this.bytes.copyWithin(have, 0, length - have);
    this.belongTo(salt);
  }

  /** From now on they are another segment's. */
  belongTo(salt: Uint8Array): void {
    for (let at = SECTOR_BYTES - PLACE_BYTES; at < this.bytes.length; at += SECTOR_BYTES) {
      for (let i = 0; i < SALT_BYTES; i++) this.bytes[at + i] = salt[i]!;
    }
  }

  /** The first `length` bytes are those at `offset`, where a sector begins. */
  moveTo(offset: number, length: number): void {
    for (let at = 0; at < length; at += SECTOR_BYTES) {
      putU64(this.bytes, at + SECTOR_BYTES - PLACE_BYTES + SALT_BYTES, offset + at);
    }
  }
}

/** Is everything in [from, to) of an open file, to its end, unused space of the segment with this salt? */
export function isUnused(disk: Disk, fd: number, salt: Uint8Array, from: number, to: number): boolean {
  // Of a sector that is not whole nothing would tell the place.
  if (to % SECTOR_BYTES !== 0) return false;
  const wanted = new UnusedSectors(salt, Math.min(limits.LOG_UNUSED_BYTES, to - sectorOf(from)));
  const buffer = new Uint8Array(wanted.bytes.length);
  for (let at = from; at < to; ) {
    const sector = sectorOf(at);
    const start = at - sector;
    const read = disk.read(fd, buffer, start, Math.min(buffer.length - start, to - at), at);
    if (read <= 0) return false;
    wanted.moveTo(sector, start + read);
    for (let i = start; i < start + read; i++) if (buffer[i] !== wanted.bytes[i]) return false;
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
  private readonly salt: Uint8Array;
  private sectors: UnusedSectors | undefined;

  constructor(end: number, salt: Uint8Array) {
    this.end = end;
    this.salt = salt;
  }

  get under(): boolean {
    return this.length > 0;
  }

  /** Where the piece under way begins. */
  get position(): number {
    return this.end;
  }

  /** What the piece under way is written from, beginning at `start`; it does not change before that has ended. */
  get bytes(): Uint8Array {
    return this.sectors!.bytes;
  }

  get start(): number {
    return this.end - sectorOf(this.end);
  }

  /** Goes on with the memory of the segment before, which needs it no more: fresh memory costs the engine's thread half a millisecond a megabyte. */
  takeOver(before: UnusedSpace): void {
    check(!before.under, "nobody writes from memory that is taken over");
    this.sectors = before.sectors;
    before.sectors = undefined;
    this.sectors?.belongTo(this.salt);
  }

  /**
   * Begins the next piece behind frames that end at `position`, where it is time for one: true. It ends with a whole sector, and
   * no byte at `limit` or behind it is written.
   */
  begin(position: number, limit: number): boolean {
    if (this.end < position) this.end = position;
    if (this.given || this.end - position > limits.LOG_UNUSED_AHEAD_BYTES) return false;
    const length = sectorOf(Math.min(limit, this.end + limits.LOG_UNUSED_BYTES)) - this.end;
    if (length < limits.LOG_UNUSED_BYTES_MIN) return false;
    this.sectors ??= new UnusedSectors(this.salt, limits.LOG_UNUSED_BYTES);
    this.sectors.moveTo(sectorOf(this.end), this.start + length);
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
