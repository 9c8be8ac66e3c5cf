/**
 * A segment read forward as it grows: which whole units lie behind those that were taken before, up to a command that is known to be on
 * stable storage. Every frame is verified as a start would verify it, and the whole, once it is sealed, against the manifest's word.
 *
 * The bytes up to a durable command never change any more, whatever becomes of those behind it (D7, D12), so the file may be written meanwhile.
 * Invariant: what `take` gives out begins where the last one ended, and ends with a unit. Marks at the end belong to what comes next.
 */
import { EmberlogError } from "../base/errors.ts";
import type { FrameCipher } from "../base/frame_cipher.ts";
import type { Keys } from "../base/key_ring.ts";
import type { Disk } from "../disk/disk.ts";
import { joinPath } from "../disk/file_names.ts";
import {
  type Crc32c,
  decodeFrameHeader,
  decodeSegmentHeader,
  emptyFrameHeader,
  FLAG_CONTINUES,
  FRAME_ASSOCIATED_BYTES,
  FRAME_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  saltSeed,
} from "../log/format.ts";
import { cipherOf, keyIdOf } from "../log/sealing.ts";
import type { SegmentVisitor } from "../log/segment_reader.ts";
import type { SealedSegment } from "../manifest/format.ts";

/** Read from the file at a time, bytes. */
const BLOCK_BYTES = 1024 * 1024;

/** Whole units of a segment: its bytes [offset, end). */
export interface Span {
  readonly offset: number;
  readonly end: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Of the last commit in it, ms. */
  readonly commitMs: number;
}

export class SegmentTail {
  readonly path: string;
  private readonly disk: Disk;
  private readonly crc32c: Crc32c;
  private readonly directory: string;
  private readonly keys: Keys;
  private readonly frame = emptyFrameHeader();
  /** Encrypted and without its key: what is in the units is not shown to anybody. */
  private locked = false;
  private cipher: FrameCipher | undefined;
  private seed = 0;
  /** Where the next frame begins, its number, and the chain of those before it. */
  private offset = 0;
  private frames = 0;
  private chain = 0;
  private lastSequence: number;
  private commitMs = 0;
  /** What has been given out ends here. */
  private taken = 0;
  private takenSequence: number;

  private buffer = new Uint8Array(BLOCK_BYTES);
  private bufferOffset = 0;
  private have = 0;

  constructor(disk: Disk, directory: string, name: string, firstSequence: number, crc32c: Crc32c, keys: Keys) {
    this.disk = disk;
    this.keys = keys;
    this.directory = directory;
    this.path = joinPath(directory, name);
    this.crc32c = crc32c;
    this.lastSequence = firstSequence - 1;
    this.takenSequence = firstSequence - 1;
  }

  /** Leaves out what lies before command `sequence`, which begins a unit. Throws DATA_ROTTEN. */
  skipTo(sequence: number): void {
    this.read(sequence - 1, Number.POSITIVE_INFINITY, null, undefined);
    if (this.lastSequence !== sequence - 1) throw this.rotten();
    this.taken = this.offset;
    this.takenSequence = this.lastSequence;
  }

  /**
   * The next units up to command `durable`, about `bytesMax` of them, which `visitor` is shown; undefined where there are none. `sealed` is the
   * manifest's word, once it has one. Throws DATA_ROTTEN where the file is not what it says, and a DiskError.
   */
  take(
    durable: number,
    bytesMax: number,
    sealed: SealedSegment | null,
    visitor: SegmentVisitor | undefined,
  ): Span | undefined {
    const end = this.read(durable, bytesMax, sealed, visitor);
    if (this.lastSequence === this.takenSequence) return undefined;
    const { taken: offset, takenSequence, lastSequence, commitMs } = this;
    this.taken = end;
    this.takenSequence = lastSequence;
    return { offset, end, firstSequence: takenSequence + 1, lastSequence, commitMs };
  }

  /** Returns where the last unit read ends. */
  private read(
    upTo: number,
    bytesMax: number,
    sealed: SealedSegment | null,
    visitor: SegmentVisitor | undefined,
  ): number {
    const fd = this.disk.open(this.path, "read");
    this.have = 0;
    try {
      if (this.offset === 0) this.begin(fd);
      let end = this.offset;
      while (this.lastSequence < upTo && this.offset - this.taken < bytesMax) {
        this.readUnit(fd, visitor);
        if (this.frame.commands > 0) end = this.offset;
      }
      if (sealed !== null && this.lastSequence === sealed.lastSequence) {
        while (this.offset < sealed.lengthBytes) this.readFrame(fd);
        if (this.offset !== sealed.lengthBytes || (this.chain ^ sealed.chain) !== 0) throw this.rotten();
      }
      return end;
    } finally {
      this.disk.close(fd);
    }
  }

  private begin(fd: number): void {
    const at = this.fill(fd, SEGMENT_HEADER_BYTES);
    const result = decodeSegmentHeader(this.buffer.subarray(at), SEGMENT_HEADER_BYTES, this.crc32c);
    if (result.kind !== "header" || result.header.firstSequence !== this.lastSequence + 1) throw this.rotten();
    this.seed = saltSeed(result.header.salt, this.crc32c);
    this.cipher = cipherOf(result.header, this.keys);
    this.locked = keyIdOf(result.header) !== undefined && this.cipher === undefined;
    this.chain = this.crc32c(this.buffer, at, SEGMENT_HEADER_BYTES, 0);
    this.offset = SEGMENT_HEADER_BYTES;
  }

  /** A unit, or a mark. */
  private readUnit(fd: number, visitor: SegmentVisitor | undefined): void {
    const { frame } = this;
    let unit: Uint8Array | undefined;
    for (;;) {
      const offset = this.offset;
      const firstSequence = this.lastSequence + 1;
      const at = this.readFrame(fd);
      const ends = (frame.flags & FLAG_CONTINUES) === 0;
      if (visitor !== undefined && frame.payloadBytes > 0) {
        visitor.frame?.(frame, offset, this.buffer, at);
        const plain = this.locked ? undefined : this.plainOf(at);
        if (plain !== undefined)
          unit = unit === undefined ? (ends ? plain : plain.slice()) : Buffer.concat([unit, plain]);
        if (ends && unit !== undefined)
          visitor.unit(unit, 0, unit.length, frame.commands, frame.database, firstSequence);
      }
      if (ends) return;
    }
  }

  /** What is in the frame at `at` of the buffer. */
  private plainOf(at: number): Uint8Array {
    const { buffer, frame, cipher } = this;
    const payload = buffer.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + frame.payloadBytes);
    if (cipher === undefined) return payload;
    const plain = cipher.open(frame.number, buffer.subarray(at, at + FRAME_ASSOCIATED_BYTES), payload);
    if (plain === null) throw this.rotten();
    return plain;
  }

  /** Returns where it lies in the buffer. */
  private readFrame(fd: number): number {
    const { frame, crc32c, seed } = this;
    let at = this.fill(fd, FRAME_HEADER_BYTES);
    if (
      !decodeFrameHeader(this.buffer, at, seed, crc32c, frame) ||
      frame.number !== this.frames ||
      frame.firstSequence !== this.lastSequence + 1
    ) {
      throw this.rotten();
    }
    const bytes = FRAME_HEADER_BYTES + frame.payloadBytes;
    at = this.fill(fd, bytes);
    const payload = at + FRAME_HEADER_BYTES;
    if ((crc32c(this.buffer, payload, frame.payloadBytes, seed) ^ frame.payloadCrc) !== 0) throw this.rotten();
    this.chain = crc32c(this.buffer, at, FRAME_HEADER_BYTES, this.chain);
    this.frames++;
    this.offset += bytes;
    this.lastSequence += frame.commands;
    if (frame.commitMs > this.commitMs) this.commitMs = frame.commitMs;
    return at;
  }

  /** Makes sure that `length` bytes from `offset` on are in the buffer; returns where they begin. */
  private fill(fd: number, length: number): number {
    const at = this.offset - this.bufferOffset;
    if (this.have > 0 && at >= 0 && at + length <= this.have) return at;
    if (length > this.buffer.length) this.buffer = new Uint8Array(length);
    this.bufferOffset = this.offset;
    this.have = 0;
    while (this.have < length) {
      const read = this.disk.read(fd, this.buffer, this.have, this.buffer.length - this.have, this.offset + this.have);
      if (read === 0) throw this.rotten();
      this.have += read;
    }
    return 0;
  }

  private rotten(): EmberlogError {
    return new EmberlogError(
      "DATA_ROTTEN",
      `${this.path} is not what the log has written, at ${this.offset}: it is not shipped. To go on: emberlog check ${this.directory}`,
      { file: this.path, offset: this.offset },
    );
  }
}
