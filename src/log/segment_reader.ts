/**
 * Reads one segment front to back with bounded memory and hands over whole, verified units (D6, D18).
 *
 * A block of the file lies in one buffer; a unit of one frame is handed over in place, a unit of several is put together in
 * a buffer of its own. Every unit comes as its complete payload: parsing the requests in it is the caller's.
 *
 * An encrypted segment is verified as a file without its key, and only with it are there units to hand over: every frame is then opened, and one that
 * does not open although its checksums are right was altered on purpose (`forged`).
 *
 * A file ends with its last byte, or where nothing but unused space follows (unused_space.ts).
 *
 * It stops at the first byte that is not what the writer would have written, says where and why, and decides nothing:
 * whether that is a torn tail or rot is `damage.ts`'s to say. It never writes.
 */
import { check } from "../base/check.ts";
import { type FrameCipher, TAG_BYTES } from "../base/frame_cipher.ts";
import { type Keys, NO_KEYS } from "../base/key_ring.ts";
import { LOG_FRAME_PAYLOAD_BYTES_MAX } from "../base/limits.ts";
import type { Disk } from "../disk/disk.ts";
import {
  type Crc32c,
  decodeFrameHeader,
  decodeSegmentHeader,
  emptyFrameHeader,
  FLAG_CONTINUES,
  FLAG_ENCRYPTED,
  FLAG_MARK,
  FLAGS_KNOWN,
  FRAME_ASSOCIATED_BYTES,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  saltSeed,
} from "./format.ts";
import { cipherOf, keyIdOf } from "./sealing.ts";
import { isUnused } from "./unused_space.ts";

/** Bytes read at a time. */
const BLOCK_BYTES = 4 * 1024 * 1024;

export interface SegmentVisitor {
  /**
   * A whole unit: `commands` requests in payload[start, end), the first with number `firstSequence`. The bytes are valid
   * during the call only. Returning false ends the reading.
   */
  unit(
    payload: Uint8Array,
    start: number,
    end: number,
    commands: number,
    database: number,
    firstSequence: number,
  ): boolean | undefined;
  /** Each verified frame, marks included, before its unit: `offset` is its place in the file, `start` that in `bytes`. */
  frame?(header: FrameHeader, offset: number, bytes: Uint8Array, start: number): void;
}

export interface Damage {
  /** Where the first frame that can't be read begins. */
  readonly offset: number;
  /** Where the unit it belongs to begins: what is kept ends here. */
  readonly unitOffset: number;
  /** The first sequence that can't be read. */
  readonly sequence: number;
  readonly reason: string;
  /** A frame with a valid header that this version doesn't know: neither torn nor rotten. */
  readonly unknown: boolean;
  /** Not what was encrypted, although every checksum is right: no crash does that. */
  readonly forged: boolean;
}

export interface SegmentScan {
  readonly header: SegmentHeader;
  /** The id of the key that it is encrypted with; undefined: it is plain. */
  readonly keyId: string | undefined;
  /** That key was not there: no unit was handed over, and nothing is known about what is in the frames. */
  readonly locked: boolean;
  /** Last sequence of the last whole unit; firstSequence - 1 if there is none. */
  readonly lastSequence: number;
  /** Where the last whole unit, or the last mark, ends. */
  readonly endOffset: number;
  readonly fileBytes: number;
  readonly frames: number;
  readonly commands: number;
  /** The highest durable sequence that a frame of the good part states. */
  readonly durableSequence: number;
  /** Where the last unit ends that a later frame of the good part states to be durable, 0 if there is none, and the chain there. */
  readonly durableOffset: number;
  readonly durableChain: number;
  /** The latest commit time, ms. */
  readonly commitMs: number;
  /** Checksum of the good part, see segment_file.ts. */
  readonly chain: number;
  readonly damage: Damage | null;
  /** The visitor ended the reading. */
  readonly stopped: boolean;
}

export type SegmentReadResult =
  | { readonly kind: "scan"; readonly scan: SegmentScan }
  | { readonly kind: "unknown"; readonly version: number; readonly reader: string }
  | { readonly kind: "damaged"; readonly reason: string; readonly fileBytes: number };

/** Reads from `path` up to `lengthBytes` (the manifest's word where it has one) or the end of the file. */
export function readSegment(
  disk: Disk,
  path: string,
  crc32c: Crc32c,
  visitor: SegmentVisitor,
  lengthBytes = Number.POSITIVE_INFINITY,
  keys: Keys = NO_KEYS,
): SegmentReadResult {
  const fd = disk.open(path, "read");
  try {
    const fileBytes = disk.length(fd);
    const headerBytes = new Uint8Array(SEGMENT_HEADER_BYTES);
    const read = disk.read(fd, headerBytes, 0, SEGMENT_HEADER_BYTES, 0);
    const result = decodeSegmentHeader(headerBytes, read, crc32c);
    if (result.kind === "damaged") return { ...result, fileBytes };
    if (result.kind === "unknown") return result;
    const limit = Math.min(fileBytes, lengthBytes);
    const cipher = cipherOf(result.header, keys);
    const reading = new SegmentReading(disk, fd, crc32c, visitor, result.header, headerBytes, limit, cipher);
    reading.run();
    return { kind: "scan", scan: reading.scan(fileBytes) };
  } finally {
    disk.close(fd);
  }
}

/** The id of the key that a segment is encrypted with; undefined: it is plain, or has no header that says so. */
export function segmentKeyId(disk: Disk, path: string, crc32c: Crc32c): string | undefined {
  const fd = disk.open(path, "read");
  try {
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
    const result = decodeSegmentHeader(bytes, disk.read(fd, bytes, 0, SEGMENT_HEADER_BYTES, 0), crc32c);
    return result.kind === "header" ? keyIdOf(result.header) : undefined;
  } finally {
    disk.close(fd);
  }
}

class SegmentReading {
  private readonly disk: Disk;
  private readonly fd: number;
  private readonly crc32c: Crc32c;
  private readonly visitor: SegmentVisitor;
  private readonly segment: SegmentHeader;
  private readonly limit: number;
  private readonly seed: number;
  private readonly keyId: string | undefined;
  private readonly cipher: FrameCipher | undefined;
  private readonly locked: boolean;
  private readonly frame = emptyFrameHeader();

  /** The file's bytes [bufferOffset, bufferOffset + have). */
  private buffer: Uint8Array;
  private bufferOffset = SEGMENT_HEADER_BYTES;
  private have = 0;

  /** Of a unit of several frames: what has been put together, and the state before it. */
  private unit: Uint8Array = new Uint8Array(0);
  private unitBytes = 0;
  private inUnit = false;

  private offset = SEGMENT_HEADER_BYTES;
  private goodOffset = SEGMENT_HEADER_BYTES;
  private frames = 0;
  private goodFrames = 0;
  private chain: number;
  private goodChain: number;
  private commands = 0;
  private lastSequence: number;
  private durableSequence = 0;
  private durableOffset = 0;
  private durableChain = 0;
  /** Of each unit that no frame has stated to be durable yet: its last sequence, its end, the chain there; from `unsureHead` on. */
  private readonly unsureSequences: number[] = [];
  private readonly unsureEnds: number[] = [];
  private readonly unsureChains: number[] = [];
  private unsureHead = 0;
  private commitMs = 0;
  private damage: Damage | null = null;
  private stopped = false;
  /** What follows is space that was written ahead. */
  private unused = false;
  private unknown = false;
  private forged = false;

  constructor(
    disk: Disk,
    fd: number,
    crc32c: Crc32c,
    visitor: SegmentVisitor,
    segment: SegmentHeader,
    headerBytes: Uint8Array,
    limit: number,
    cipher: FrameCipher | undefined,
  ) {
    this.disk = disk;
    this.fd = fd;
    this.crc32c = crc32c;
    this.visitor = visitor;
    this.segment = segment;
    this.limit = limit;
    this.keyId = keyIdOf(segment);
    this.cipher = cipher;
    this.locked = this.keyId !== undefined && cipher === undefined;
    this.buffer = new Uint8Array(Math.min(BLOCK_BYTES, Math.max(0, limit - SEGMENT_HEADER_BYTES)));
    this.seed = saltSeed(segment.salt, crc32c);
    this.chain = crc32c(headerBytes, 0, SEGMENT_HEADER_BYTES, 0);
    this.goodChain = this.chain;
    this.lastSequence = segment.firstSequence - 1;
  }

  scan(fileBytes: number): SegmentScan {
    return {
      header: this.segment,
      keyId: this.keyId,
      locked: this.locked,
      lastSequence: this.lastSequence,
      endOffset: this.goodOffset,
      fileBytes,
      frames: this.goodFrames,
      commands: this.commands,
      durableSequence: this.durableSequence,
      durableOffset: this.durableOffset,
      durableChain: this.durableChain,
      commitMs: this.commitMs,
      chain: this.goodChain,
      damage: this.damage,
      stopped: this.stopped,
    };
  }

  run(): void {
    while (this.offset < this.limit && this.damage === null && !this.stopped && !this.unused) this.readFrame();
    if (this.damage === null && !this.stopped && this.inUnit) this.damaged("the file ends inside a unit");
  }

  private readFrame(): void {
    const reason = this.tryFrame();
    if (reason === null) return;
    if (!this.inUnit && isUnused(this.disk, this.fd, this.segment.salt, this.offset, this.limit)) this.unused = true;
    else this.damaged(reason);
  }

  /** Reads and delivers the next frame, or says why it can't. */
  private tryFrame(): string | null {
    const left = this.limit - this.offset;
    if (left < FRAME_HEADER_BYTES) return `${left} bytes are too few for a frame`;
    const at = this.fill(FRAME_HEADER_BYTES);
    const { frame } = this;
    if (at < 0 || !decodeFrameHeader(this.buffer, at, this.seed, this.crc32c, frame)) {
      return "no valid frame header";
    }
    const reason = this.misfit(frame, left);
    if (reason !== null) return reason;
    if (isUnknownFrame(frame)) {
      this.unknown = true;
      return `frame flags ${frame.flags} are of a newer version`;
    }
    const total = FRAME_HEADER_BYTES + frame.payloadBytes;
    const begin = this.fill(total);
    if (begin < 0) return "the file ended while it was read";
    const payload = begin + FRAME_HEADER_BYTES;
    if ((this.crc32c(this.buffer, payload, frame.payloadBytes, this.seed) ^ frame.payloadCrc) !== 0) {
      return "the payload's checksum is wrong";
    }
    const plain = this.cipher === undefined ? undefined : this.opened(this.cipher, begin, total);
    if (plain === null) return "it is not what was encrypted: somebody has altered it";
    this.visitor.frame?.(frame, this.offset, this.buffer, begin);
    this.chain = this.crc32c(this.buffer, begin, FRAME_HEADER_BYTES, this.chain);
    this.frames++;
    this.offset += total;
    const source = plain ?? this.buffer;
    const start = plain === undefined ? payload : 0;
    if ((frame.flags & FLAG_CONTINUES) !== 0) this.appendToUnit(source, start, frame.plainBytes);
    else this.endUnit(source, start, frame);
    return null;
  }

  private opened(cipher: FrameCipher, begin: number, total: number): Uint8Array | null {
    const { buffer, frame } = this;
    const associated = buffer.subarray(begin, begin + FRAME_ASSOCIATED_BYTES);
    const plain = cipher.open(frame.number, associated, buffer.subarray(begin + FRAME_HEADER_BYTES, begin + total));
    this.forged = plain === null;
    return plain;
  }

  /** Why a frame with a valid checksum can't be the next one (D6), or null. */
  private misfit(frame: FrameHeader, left: number): string | null {
    if (frame.payloadBytes > LOG_FRAME_PAYLOAD_BYTES_MAX + TAG_BYTES) return "the payload's length is over the limit";
    if (frame.number !== this.frames) return `frame number ${frame.number} where ${this.frames} was expected`;
    if (frame.firstSequence !== this.lastSequence + 1) {
      return `sequence ${frame.firstSequence} where ${this.lastSequence + 1} was expected`;
    }
    if (FRAME_HEADER_BYTES + frame.payloadBytes > left) return "the file ends inside a payload";
    if (this.inUnit && (frame.flags & FLAG_MARK) !== 0) return "a mark inside a unit";
    const encrypted = (frame.flags & FLAG_ENCRYPTED) !== 0;
    if (encrypted !== (this.keyId !== undefined)) {
      this.forged = true;
      return encrypted ? "an encrypted frame in a plain segment" : "a plain frame in an encrypted segment";
    }
    return null;
  }

  private appendToUnit(source: Uint8Array, start: number, length: number): void {
    if (!this.inUnit) this.unitBytes = 0;
    this.inUnit = true;
    if (this.locked) return;
    const needed = this.unitBytes + length;
    if (this.unit.length < needed) {
      const larger = new Uint8Array(Math.max(needed, Math.min(2 * this.unit.length, needed + 64 * 1024 * 1024)));
      larger.set(this.unit.subarray(0, this.unitBytes));
      this.unit = larger;
    }
    this.unit.set(source.subarray(start, start + length), this.unitBytes);
    this.unitBytes = needed;
  }

  private endUnit(source: Uint8Array, start: number, frame: FrameHeader): void {
    const { firstSequence, commands } = frame;
    if (this.inUnit) {
      this.appendToUnit(source, start, frame.plainBytes);
      this.inUnit = false;
      this.deliver(this.unit, 0, this.unitBytes, frame);
    } else this.deliver(source, start, start + frame.plainBytes, frame);
    if (this.unit.length > LOG_FRAME_PAYLOAD_BYTES_MAX) this.unit = new Uint8Array(0);
    this.goodOffset = this.offset;
    this.goodFrames = this.frames;
    this.goodChain = this.chain;
    this.commands += commands;
    this.lastSequence = firstSequence + commands - 1;
    if (frame.durableSequence > this.durableSequence) this.durableSequence = frame.durableSequence;
    this.noteDurable(commands > 0);
    if (frame.commitMs > this.commitMs) this.commitMs = frame.commitMs;
  }

  private deliver(source: Uint8Array, start: number, end: number, frame: FrameHeader): void {
    const { commands, database, firstSequence } = frame;
    if (commands === 0 || this.locked) return;
    if (this.visitor.unit(source, start, end, commands, database, firstSequence) === false) this.stopped = true;
  }

  /** A unit or a mark has been read; that a mark's commands are durable says nothing about the mark. */
  private noteDurable(isUnit: boolean): void {
    const { unsureSequences, unsureEnds, unsureChains } = this;
    if (isUnit) {
      unsureSequences.push(this.lastSequence);
      unsureEnds.push(this.offset);
      unsureChains.push(this.chain);
    }
    while (unsureSequences[this.unsureHead]! <= this.durableSequence) {
      this.durableOffset = unsureEnds[this.unsureHead]!;
      this.durableChain = unsureChains[this.unsureHead++]!;
    }
    if (this.unsureHead < 1024 || this.unsureHead * 2 < unsureEnds.length) return;
    for (const list of [unsureSequences, unsureEnds, unsureChains]) list.splice(0, this.unsureHead);
    this.unsureHead = 0;
  }

  /** Makes sure that `length` bytes from `offset` on are in the buffer; returns where they begin, or -1 at the end. */
  private fill(length: number): number {
    const at = this.offset - this.bufferOffset;
    if (at + length <= this.have) return at;
    const keep = this.have - at;
    check(keep >= 0, "the reader never runs past its buffer");
    if (length > this.buffer.length) {
      const larger = new Uint8Array(length + BLOCK_BYTES);
      larger.set(this.buffer.subarray(at, this.have));
      this.buffer = larger;
    } else {
      this.buffer.copyWithin(0, at, this.have);
    }
    this.bufferOffset = this.offset;
    const want = Math.min(this.buffer.length - keep, this.limit - this.offset - keep);
    const read = this.disk.read(this.fd, this.buffer, keep, want, this.bufferOffset + keep);
    this.have = keep + read;
    return length <= this.have ? 0 : -1;
  }

  private damaged(reason: string): void {
    this.damage = {
      offset: this.offset,
      unitOffset: this.goodOffset,
      sequence: this.lastSequence + 1,
      reason,
      unknown: this.unknown,
      forged: this.forged,
    };
  }
}

function isUnknownFrame(frame: FrameHeader): boolean {
  const tagBytes = (frame.flags & FLAG_ENCRYPTED) !== 0 ? TAG_BYTES : 0;
  return (frame.flags & ~FLAGS_KNOWN) !== 0 || frame.plainBytes + tagBytes !== frame.payloadBytes;
}
