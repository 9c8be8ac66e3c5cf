/**
 * The segment that will follow the current one: first a file without a name, with space set aside, made while the current one
 * is still in use; then, once that is durable at its final length (D11), a segment with header and name.
 *
 * A file that is not needed after all, because the log has failed, is removed; should that fail, the next preparation or the
 * next start does it.
 */
import { check } from "../base/check.ts";
import { closeQuietly, DiskError } from "../disk/disk.ts";
import { SALT_BYTES, type SegmentHeader } from "./format.ts";
import { headerFields } from "./sealing.ts";
import { abandonQuietly, beginSegment, prepareSegment, type ReservedSpace, type SegmentFile } from "./segment_file.ts";
import type { LogWriterOptions } from "./writer_options.ts";

export class NextSegment {
  private readonly options: LogWriterOptions;
  /** Syncs that were made so that little is left for the last one. */
  earlySyncs = 0;
  private space: ReservedSpace | null = null;

  constructor(options: LogWriterOptions) {
    this.options = options;
  }

  get prepared(): boolean {
    return this.space !== null;
  }

  /** Makes the file, with space for `length` bytes of frames; zero or a negative error number. */
  prepare(length: number): number {
    const { disk, directory, segmentBytesMax, spareBytes } = this.options;
    try {
      const prepared = prepareSegment(disk, directory, length, segmentBytesMax, spareBytes);
      if (typeof prepared === "number") return prepared;
      this.space = prepared;
      return 0;
    } catch (thrown) {
      if (thrown instanceof DiskError) return thrown.errno;
      throw thrown;
    }
  }

  /** Space for more, where the file is there already; zero or a negative error number. */
  extendTo(end: number): number {
    return this.space === null ? 0 : this.space.extendTo(end, 0);
  }

  /** Gives it header and name, behind `sealed`; throws a DiskError. */
  open(sealed: SegmentFile, lastSequence: number): SegmentFile {
    const { space } = this;
    check(space !== null, "a rotation has prepared the next segment");
    const { disk, directory, random, crc32c, clock, keys } = this.options;
    const header: SegmentHeader = {
      ...headerFields(keys),
      epoch: sealed.header.epoch,
      forkSequence: sealed.header.forkSequence,
      firstSequence: lastSequence + 1,
      previousLastSequence: lastSequence,
      createdMs: clock.wallMs(),
      salt: random.bytes(SALT_BYTES),
    };
    const opened = beginSegment(disk, directory, space, header, crc32c, keys);
    opened.unused.takeOver(sealed.unused);
    this.space = null;
    return opened;
  }

  drop(): void {
    this.earlySyncs = 0;
    if (this.space !== null) abandonQuietly(this.options.disk, this.options.directory, this.space);
    this.space = null;
  }

  /** Gives the descriptor back and leaves the file as it is. */
  close(): void {
    if (this.space !== null) closeQuietly(this.options.disk, this.space.fd);
  }
}
