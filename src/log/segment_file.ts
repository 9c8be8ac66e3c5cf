/**
 * One segment that is being written: its descriptor, where the next frame goes, how much space is set aside, and the point
 * up to which it is good.
 *
 * Life: `prepareSegment` makes a file without a name of its own and sets space aside, perhaps while the previous segment is
 * still being synced; `beginSegment` writes the header and gives it its name, and only after that sync (D11). Then frames are
 * placed and written behind each other. `cutToGood` ends it at the last unit that was written whole (D7); never is a frame
 * appended after that (D17).
 *
 * `chain` is the checksum of the whole segment for the manifest (D13): the CRC of its header and of each frame's header in
 * turn. As each of these covers its payload's CRC, the chain covers every byte.
 */
import { check } from "../base/check.ts";
import { type FrameCipher, TAG_BYTES } from "../base/frame_cipher.ts";
import type { Keys } from "../base/key_ring.ts";
import { LOG_RESERVE_BYTES_MAX, LOG_RESERVE_BYTES_MIN } from "../base/limits.ts";
import { closeQuietly, type Disk, DiskError, syncFully, writeFully } from "../disk/disk.ts";
import { ENOSPC, ENOTSUP, isOutOfSpace } from "../disk/errno.ts";
import { joinPath, NEXT_SEGMENT_NAME, segmentName } from "../disk/file_names.ts";
import {
  type Crc32c,
  encodeSegmentHeader,
  FRAME_HEADER_BYTES,
  frameBytesAt,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  saltSeed,
  sealFrame,
  sealFrameEncrypted,
} from "./format.ts";
import { cipherOf } from "./sealing.ts";
import { UnusedSpace } from "./unused_space.ts";

/** What the manifest says about a finished segment, or one just begun. */
export interface SegmentSummary {
  readonly name: string;
  readonly epoch: Uint8Array;
  readonly firstSequence: number;
  /** firstSequence - 1 where it holds no commands. */
  readonly lastSequence: number;
  readonly lengthBytes: number;
  readonly chain: number;
}

export class SegmentFile {
  readonly fd: number;
  readonly header: SegmentHeader;
  readonly name: string;
  /** Where the next frame goes. */
  position = SEGMENT_HEADER_BYTES;
  /** Frames placed. */
  frames = 0;
  chain: number;
  /** The same as of the last unit that is in the file whole, with its last sequence. */
  goodPosition = SEGMENT_HEADER_BYTES;
  goodFrames = 0;
  goodChain: number;
  goodSequence: number;
  private readonly disk: Disk;
  private readonly crc32c: Crc32c;
  private readonly seed: number;
  readonly space: ReservedSpace;
  /** Written ahead of the frames. */
  readonly unused: UnusedSpace;

  private readonly cipher: FrameCipher | undefined;
  /** Of the lanes of syncs behind the first, as far as they were needed. */
  private readonly further: number[] = [];

  constructor(
    disk: Disk,
    crc32c: Crc32c,
    space: ReservedSpace,
    header: SegmentHeader,
    headerBytes: Uint8Array,
    cipher: FrameCipher | undefined,
  ) {
    this.disk = disk;
    this.cipher = cipher;
    this.crc32c = crc32c;
    this.space = space;
    this.fd = space.fd;
    this.header = header;
    this.name = segmentName(header.firstSequence, header.epoch);
    this.seed = saltSeed(header.salt, crc32c);
    this.unused = new UnusedSpace(SEGMENT_HEADER_BYTES, header.salt);
    this.chain = crc32c(headerBytes, 0, SEGMENT_HEADER_BYTES, 0);
    this.goodChain = this.chain;
    this.goodSequence = header.firstSequence - 1;
  }

  /** Numbers and checksums the frame at `at` for this place in this file; returns its bytes. */
  place(bytes: Uint8Array, at: number, durableSequence: number): number {
    sealFrame(bytes, at, this.frames, durableSequence, this.seed, this.crc32c);
    this.chain = this.crc32c(bytes, at, FRAME_HEADER_BYTES, this.chain);
    this.frames++;
    const length = frameBytesAt(bytes, at);
    this.position += length;
    return length;
  }

  get encrypted(): boolean {
    return this.cipher !== undefined;
  }

  /** What a frame of `frameBytes` takes here. */
  bytesOnDisk(frameBytes: number): number {
    return this.cipher === undefined ? frameBytes : frameBytes + TAG_BYTES;
  }

  /** The same where this is encrypted: the frame goes to `out` at `to`, and the one at `at` stays as it is. */
  placeSealed(bytes: Uint8Array, at: number, out: Uint8Array, to: number, durableSequence: number): number {
    const { cipher, seed, crc32c } = this;
    check(cipher !== undefined, "the segment is encrypted");
    const length = sealFrameEncrypted(bytes, at, out, to, this.frames, durableSequence, seed, crc32c, cipher);
    this.chain = crc32c(out, to, FRAME_HEADER_BYTES, this.chain);
    this.frames++;
    this.position += length;
    return length;
  }

  /** All that was placed is in the file and ends a unit. */
  settle(lastSequence: number): void {
    this.goodPosition = this.position;
    this.goodFrames = this.frames;
    this.goodChain = this.chain;
    this.goodSequence = lastSequence;
  }

  /** Forgets what was placed after the last whole unit and cuts the file there; throws a DiskError. */
  cutToGood(): void {
    this.position = this.goodPosition;
    this.frames = this.goodFrames;
    this.chain = this.goodChain;
    this.disk.truncate(this.fd, this.goodPosition);
  }

  /**
   * The descriptor by which a lane syncs; -1: it can have none. Each has its own: the kernel tells every descriptor once of a
   * failed writeback, so that no sync can take another one's error away. One that is opened late is still told of whatever
   * nobody has been told before (D9, D10).
   */
  descriptor(lane: number): number {
    if (lane === 0) return this.fd;
    const known = this.further[lane - 1];
    if (known !== undefined) return known;
    let fd = -1;
    try {
      fd = this.disk.openAgain(this.fd);
    } catch (thrown) {
      if (!(thrown instanceof DiskError)) throw thrown;
    }
    this.further[lane - 1] = fd;
    return fd;
  }

  /** Nothing depends on the descriptors any more. */
  closeQuietly(): void {
    for (const fd of this.further) if (fd !== undefined && fd >= 0) closeQuietly(this.disk, fd);
    closeQuietly(this.disk, this.fd);
  }

  /** Begins to write the space that comes next, where it is time for that and enough of it is set aside; else false. */
  beginUnused(segmentBytesMax: number): boolean {
    const { space } = this;
    if (!space.supported || this.position !== this.goodPosition) return false;
    return this.unused.begin(this.position, Math.min(space.endBytes, segmentBytesMax));
  }

  /** Makes sure that `length` further bytes have their place (D15), and `ahead` more if that is easy. */
  reserve(length: number, ahead: number): number {
    return this.space.extendTo(this.position + length, ahead);
  }

  summary(): SegmentSummary {
    return {
      name: this.name,
      epoch: this.header.epoch,
      firstSequence: this.header.firstSequence,
      lastSequence: this.goodSequence,
      lengthBytes: this.goodPosition,
      chain: this.goodChain,
    };
  }
}

/** What may be taken of the disk without going below the watermark at which writes are refused, bytes; asked for each piece. */
export type SpareBytes = () => number;
export const ALL_SPACE: SpareBytes = () => Number.POSITIVE_INFINITY;

/** Space set aside ahead in one file, in steps that double, so that a small log takes little. */
export class ReservedSpace {
  readonly fd: number;
  supported = true;
  /** Of the file, up to which there is space. */
  endBytes = 0;
  private readonly disk: Disk;
  private readonly spareBytes: SpareBytes;
  private stepBytes = LOG_RESERVE_BYTES_MIN;

  constructor(disk: Disk, fd: number, spareBytes: SpareBytes) {
    this.disk = disk;
    this.fd = fd;
    this.spareBytes = spareBytes;
  }

  /**
   * Sets space aside up to `end`, and `ahead` more where there is some: zero or a negative error number. Urgent is what has been executed
   * already: it may take what the watermark would keep free.
   */
  extendTo(end: number, ahead: number, urgent = false): number {
    if (end + ahead <= this.endBytes || !this.supported) return 0;
    const missing = end - this.endBytes;
    const spare = this.spareBytes();
    let length = Math.max(missing + ahead, this.stepBytes);
    if (length > spare) {
      if (missing <= 0) return 0;
      if (missing > spare && !urgent) return ENOSPC;
      length = missing;
    }
    let result = this.disk.reserve(this.fd, this.endBytes, length);
    if (isOutOfSpace(result)) {
      if (missing <= 0) return 0;
      length = missing;
      result = this.disk.reserve(this.fd, this.endBytes, length);
    }
    if (result === ENOTSUP) {
      this.supported = false;
      return 0;
    }
    if (result < 0) return result;
    this.endBytes += length;
    this.stepBytes = Math.min(LOG_RESERVE_BYTES_MAX, this.stepBytes * 2);
    return 0;
  }
}

/**
 * A file without a name of its own, with space for `length` bytes of frames and for `ahead` more if there is that much. A
 * negative error number, or a DiskError thrown, leaves nothing behind that a start would not remove.
 */
export function prepareSegment(
  disk: Disk,
  directory: string,
  length: number,
  ahead: number,
  spareBytes: SpareBytes = ALL_SPACE,
): ReservedSpace | number {
  const path = joinPath(directory, NEXT_SEGMENT_NAME);
  if (disk.status(path) !== undefined) disk.unlink(path);
  const space = new ReservedSpace(disk, disk.open(path, "create"), spareBytes);
  const result = space.extendTo(SEGMENT_HEADER_BYTES + length, ahead, true);
  if (result === 0) return space;
  abandonSegment(disk, directory, space);
  return result;
}

function abandonSegment(disk: Disk, directory: string, space: ReservedSpace): void {
  disk.close(space.fd);
  disk.unlink(joinPath(directory, NEXT_SEGMENT_NAME));
}

/** The same where the disk may refuse even that: the name stays behind, and the next preparation or the next start removes it. */
export function abandonQuietly(disk: Disk, directory: string, space: ReservedSpace): void {
  try {
    abandonSegment(disk, directory, space);
  } catch (thrown) {
    if (!(thrown instanceof DiskError)) throw thrown;
  }
}

/**
 * Writes the header and gives the file its name. Neither is durable yet: the caller syncs the file, then the directory (D1),
 * before it counts on either. A file of that name can only be a segment without commands of an earlier start; it is replaced.
 */
export function beginSegment(
  disk: Disk,
  directory: string,
  space: ReservedSpace,
  header: SegmentHeader,
  crc32c: Crc32c,
  keys: Keys,
): SegmentFile {
  const bytes = encodeSegmentHeader(header, crc32c);
  const segment = new SegmentFile(disk, crc32c, space, header, bytes, cipherOf(header, keys));
  const temporary = joinPath(directory, NEXT_SEGMENT_NAME);
  const path = joinPath(directory, segment.name);
  writeFully(disk, space.fd, bytes, 0, bytes.length, 0, temporary);
  // D2: the file that is replaced may be in the manifest, so its place must never hold half a header.
  if (disk.status(path) !== undefined) syncFully(disk, space.fd, temporary);
  disk.rename(temporary, path);
  return segment;
}
