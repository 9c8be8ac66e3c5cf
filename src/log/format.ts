/**
 * The bytes of the log, version 1. Stored numbers: do not change; a new meaning needs a new version.
 * All integers are little-endian; u64 holds at most 2^53 - 1. CRC is CRC32C.
 *
 * A segment file is one header and then frames without gaps up to its end.
 * ```
 * segment header, 4096 bytes: a page of its own, so that no later write shares a page with it
 *    0  8  magic "EMBERLOG"
 *    8  4  format version, 1
 *   12  4  flags: 1 = every frame is ENCRYPTED
 *   16  6  Emberlog version that can read this: major, minor, patch (u16 each)
 *   22  2  0
 *   24 16  epoch id
 *   40  8  fork sequence: last sequence that the epoch took over from its parent
 *   48  8  first sequence of this segment
 *   56  8  last sequence of the previous segment, durable when this file was begun (D11)
 *   64  8  created, ms since 1970
 *   72 32  salt, random
 *  104 32  id of the key: 8 bytes and zeros; 0 where nothing is encrypted
 *  136 ..  0
 * 4092  4  CRC of bytes 0 … 4091
 *
 * frame header, 64 bytes
 *    0  4  magic "EFRM"
 *    4  4  payload bytes that follow, at most 16 MiB
 *    8  4  payload bytes before encryption: 16 fewer than the above, or equal
 *   12  4  number of this frame in its segment, from 0; the nonce of an encrypted one
 *   16  2  flags: 1 COMMANDS, 2 MARK, 4 CONTINUES, 8 UNIT_END, 32 ENCRYPTED (reserved: 16 LZ4)
 *   18  2  database selected at the start of the payload, 0xffff = none selected yet
 *   20  4  commands that end in this frame
 *   24  8  first sequence
 *   32  8  durable sequence: what the writer knew to be on stable storage
 *   40  8  commit time, ms: never less than the previous frame's
 *   48  8  raw clock, ms
 *   56  4  CRC of the payload, seeded
 *   60  4  CRC of bytes 0 … 59, seeded
 * payload: requests as RESP arrays of bulk strings; ENCRYPTED: as many bytes of ciphertext, and a tag of 16
 * ```
 * Encrypted (base/frame_cipher.ts): AES-256-GCM with a key that HKDF derives from the master key and the salt (sealing.ts); bytes 0 … 55 of the
 * header are its associated data. All checksums are those of the bytes as they lie in the file, so that torn and rotten are told apart without a key.
 *
 * Seeded: the CRC continues that of the segment's salt. Whoever writes values can't know the salt, so bytes inside a value
 * never pass for a frame, nor do zeros, old bytes or frames of another file (D5).
 *
 * Last sequence = first sequence + commands - 1; the next frame's first sequence is last + 1 (D6). A unit larger than one
 * payload is cut at any byte into frames with CONTINUES and zero commands, and a last one with UNIT_END and all commands
 * (D18). A MARK has no payload and no commands; it is there for its durable sequence (D8).
 *
 * This module knows bytes only: no files, no policy.
 */
import { type FrameCipher, TAG_BYTES } from "../base/frame_cipher.ts";
import { getU16, getU32, getU64, putU16, putU32, putU64 } from "../base/little_endian.ts";

export const SEGMENT_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 4096;
export const SEGMENT_MAGIC = "EMBERLOG";
/** The Emberlog version that introduced this format: what an older program names when it refuses. */
export const SEGMENT_READER = [0, 1, 0] as const;

export const EPOCH_BYTES = 16;
export const SEGMENT_FLAG_ENCRYPTED = 1;
export const SALT_BYTES = 32;
export const KEY_ID_BYTES = 32;

export const FRAME_HEADER_BYTES = 64;
/** "EFRM" read as a little-endian integer. */
export const FRAME_MAGIC = 0x4d524645;

export const FLAG_COMMANDS = 1;
export const FLAG_MARK = 2;
export const FLAG_CONTINUES = 4;
export const FLAG_UNIT_END = 8;
export const FLAG_ENCRYPTED = 32;
/** Every flag that version 1 writes; others mean a newer writer. */
export const FLAGS_KNOWN = 15 | FLAG_ENCRYPTED;

export const DATABASE_NONE = 0xffff;

export type Crc32c = (bytes: Uint8Array, offset: number, length: number, seed: number) => number;

const SEGMENT_CRC_AT = 4092;
export const FRAME_PAYLOAD_BYTES_AT = 4;
const FRAME_PLAIN_BYTES_AT = 8;
const FRAME_NUMBER_AT = 12;
const FRAME_FLAGS_AT = 16;
const FRAME_DATABASE_AT = 18;
const FRAME_COMMANDS_AT = 20;
const FRAME_FIRST_AT = 24;
const FRAME_DURABLE_AT = 32;
const FRAME_COMMIT_AT = 40;
const FRAME_RAW_CLOCK_AT = 48;
const FRAME_PAYLOAD_CRC_AT = 56;
const FRAME_CRC_AT = 60;
/** The part of a header that encryption vouches for: what stands behind it follows from the ciphertext. */
export const FRAME_ASSOCIATED_BYTES = FRAME_PAYLOAD_CRC_AT;

export interface SegmentHeader {
  readonly flags: number;
  readonly epoch: Uint8Array;
  readonly forkSequence: number;
  readonly firstSequence: number;
  readonly previousLastSequence: number;
  readonly createdMs: number;
  readonly salt: Uint8Array;
  readonly keyId: Uint8Array;
}

/** One frame header, decoded; the reader keeps a single one and fills it again and again. */
export interface FrameHeader {
  payloadBytes: number;
  plainBytes: number;
  number: number;
  flags: number;
  database: number;
  commands: number;
  firstSequence: number;
  durableSequence: number;
  commitMs: number;
  rawClockMs: number;
  payloadCrc: number;
}

export function emptyFrameHeader(): FrameHeader {
  return {
    payloadBytes: 0,
    plainBytes: 0,
    number: 0,
    flags: 0,
    database: 0,
    commands: 0,
    firstSequence: 0,
    durableSequence: 0,
    commitMs: 0,
    rawClockMs: 0,
    payloadCrc: 0,
  };
}

export function encodeSegmentHeader(header: SegmentHeader, crc32c: Crc32c): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  for (let i = 0; i < SEGMENT_MAGIC.length; i++) bytes[i] = SEGMENT_MAGIC.charCodeAt(i);
  putU32(bytes, 8, SEGMENT_VERSION);
  putU32(bytes, 12, header.flags);
  for (let i = 0; i < 3; i++) putU16(bytes, 16 + 2 * i, SEGMENT_READER[i]!);
  bytes.set(header.epoch, 24);
  putU64(bytes, 40, header.forkSequence);
  putU64(bytes, 48, header.firstSequence);
  putU64(bytes, 56, header.previousLastSequence);
  putU64(bytes, 64, header.createdMs);
  bytes.set(header.salt, 72);
  bytes.set(header.keyId, 104);
  putU32(bytes, SEGMENT_CRC_AT, crc32c(bytes, 0, SEGMENT_CRC_AT, 0));
  return bytes;
}

/** What a segment header turned out to be. `unknown` names the Emberlog version that can read it. */
export type SegmentHeaderResult =
  | { readonly kind: "header"; readonly header: SegmentHeader }
  | { readonly kind: "unknown"; readonly version: number; readonly reader: string }
  | { readonly kind: "damaged"; readonly reason: string };

/** Decodes and verifies a segment header of `length` bytes at the start of `bytes`. */
export function decodeSegmentHeader(bytes: Uint8Array, length: number, crc32c: Crc32c): SegmentHeaderResult {
  if (length < SEGMENT_HEADER_BYTES) return { kind: "damaged", reason: `the header has ${length} of 4096 bytes` };
  for (let i = 0; i < SEGMENT_MAGIC.length; i++) {
    if (bytes[i] !== SEGMENT_MAGIC.charCodeAt(i)) return { kind: "damaged", reason: "no magic at the start" };
  }
  if ((getU32(bytes, SEGMENT_CRC_AT) ^ crc32c(bytes, 0, SEGMENT_CRC_AT, 0)) !== 0) {
    return { kind: "damaged", reason: "the header's checksum is wrong" };
  }
  const version = getU32(bytes, 8);
  const flags = getU32(bytes, 12);
  if (version !== SEGMENT_VERSION || (flags & ~SEGMENT_FLAG_ENCRYPTED) !== 0) {
    return { kind: "unknown", version, reader: `${getU16(bytes, 16)}.${getU16(bytes, 18)}.${getU16(bytes, 20)}` };
  }
  const header = {
    flags,
    epoch: bytes.slice(24, 24 + EPOCH_BYTES),
    forkSequence: getU64(bytes, 40),
    firstSequence: getU64(bytes, 48),
    previousLastSequence: getU64(bytes, 56),
    createdMs: getU64(bytes, 64),
    salt: bytes.slice(72, 72 + SALT_BYTES),
    keyId: bytes.slice(104, 104 + KEY_ID_BYTES),
  };
  if (!Number.isSafeInteger(header.firstSequence) || header.previousLastSequence !== header.firstSequence - 1) {
    return { kind: "damaged", reason: "the header's sequences don't fit each other" };
  }
  return { kind: "header", header };
}

/** The seed of every checksum in a segment. */
export function saltSeed(salt: Uint8Array, crc32c: Crc32c): number {
  return crc32c(salt, 0, SALT_BYTES, 0);
}

/** The part of a frame header that is known at commit. `sealFrame` adds the rest when the frame gets its place in a file. */
export function putFrameFields(
  bytes: Uint8Array,
  at: number,
  payloadBytes: number,
  flags: number,
  database: number,
  commands: number,
  firstSequence: number,
  commitMs: number,
  rawClockMs: number,
): void {
  putU32(bytes, at, FRAME_MAGIC);
  putU32(bytes, at + FRAME_PAYLOAD_BYTES_AT, payloadBytes);
  putU32(bytes, at + FRAME_PLAIN_BYTES_AT, payloadBytes);
  putU16(bytes, at + FRAME_FLAGS_AT, flags);
  putU16(bytes, at + FRAME_DATABASE_AT, database);
  putU32(bytes, at + FRAME_COMMANDS_AT, commands);
  putU64(bytes, at + FRAME_FIRST_AT, firstSequence);
  putU64(bytes, at + FRAME_COMMIT_AT, commitMs);
  putU64(bytes, at + FRAME_RAW_CLOCK_AT, rawClockMs);
}

export function sealFrame(
  bytes: Uint8Array,
  at: number,
  number: number,
  durableSequence: number,
  seed: number,
  crc32c: Crc32c,
): void {
  const payloadBytes = getU32(bytes, at + FRAME_PAYLOAD_BYTES_AT);
  putU32(bytes, at + FRAME_NUMBER_AT, number);
  putU64(bytes, at + FRAME_DURABLE_AT, durableSequence);
  putU32(bytes, at + FRAME_PAYLOAD_CRC_AT, crc32c(bytes, at + FRAME_HEADER_BYTES, payloadBytes, seed));
  putU32(bytes, at + FRAME_CRC_AT, crc32c(bytes, at, FRAME_CRC_AT, seed));
}

/**
 * The same for an encrypted segment: the frame with its header goes to `out` at `to`, and what lies at `at` stays as it is. Returns its bytes in the
 * file.
 */
export function sealFrameEncrypted(
  bytes: Uint8Array,
  at: number,
  out: Uint8Array,
  to: number,
  number: number,
  durableSequence: number,
  seed: number,
  crc32c: Crc32c,
  cipher: FrameCipher,
): number {
  const plainBytes = getU32(bytes, at + FRAME_PLAIN_BYTES_AT);
  const payload = at + FRAME_HEADER_BYTES;
  out.set(bytes.subarray(at, payload), to);
  putU32(out, to + FRAME_PAYLOAD_BYTES_AT, plainBytes + TAG_BYTES);
  putU16(out, to + FRAME_FLAGS_AT, getU16(bytes, at + FRAME_FLAGS_AT) | FLAG_ENCRYPTED);
  putU32(out, to + FRAME_NUMBER_AT, number);
  putU64(out, to + FRAME_DURABLE_AT, durableSequence);
  const associated = out.subarray(to, to + FRAME_ASSOCIATED_BYTES);
  cipher.seal(number, associated, bytes.subarray(payload, payload + plainBytes), out, to + FRAME_HEADER_BYTES);
  sealFrame(out, to, number, durableSequence, seed, crc32c);
  return FRAME_HEADER_BYTES + plainBytes + TAG_BYTES;
}

/** Of a frame in memory that this process made, so without verifying. */
export function frameBytesAt(bytes: Uint8Array, at: number): number {
  return FRAME_HEADER_BYTES + getU32(bytes, at + FRAME_PAYLOAD_BYTES_AT);
}

export function frameFlagsAt(bytes: Uint8Array, at: number): number {
  return getU16(bytes, at + FRAME_FLAGS_AT);
}

/** Last sequence of a frame in memory: of the one before, where it has no commands. */
export function frameLastSequenceAt(bytes: Uint8Array, at: number): number {
  return getU64(bytes, at + FRAME_FIRST_AT) + getU32(bytes, at + FRAME_COMMANDS_AT) - 1;
}

export function hasFrameMagic(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x45 && bytes[at + 1] === 0x46 && bytes[at + 2] === 0x52 && bytes[at + 3] === 0x4d;
}

/** Verifies the header's own checksum before anything in it is believed (D6), then decodes it into `header`. */
export function decodeFrameHeader(
  bytes: Uint8Array,
  at: number,
  seed: number,
  crc32c: Crc32c,
  header: FrameHeader,
): boolean {
  if (!hasFrameMagic(bytes, at)) return false;
  if ((getU32(bytes, at + FRAME_CRC_AT) ^ crc32c(bytes, at, FRAME_CRC_AT, seed)) !== 0) return false;
  header.payloadBytes = getU32(bytes, at + FRAME_PAYLOAD_BYTES_AT);
  header.plainBytes = getU32(bytes, at + FRAME_PLAIN_BYTES_AT);
  header.number = getU32(bytes, at + FRAME_NUMBER_AT);
  header.flags = getU16(bytes, at + FRAME_FLAGS_AT);
  header.database = getU16(bytes, at + FRAME_DATABASE_AT);
  header.commands = getU32(bytes, at + FRAME_COMMANDS_AT);
  header.firstSequence = getU64(bytes, at + FRAME_FIRST_AT);
  header.durableSequence = getU64(bytes, at + FRAME_DURABLE_AT);
  header.commitMs = getU64(bytes, at + FRAME_COMMIT_AT);
  header.rawClockMs = getU64(bytes, at + FRAME_RAW_CLOCK_AT);
  header.payloadCrc = getU32(bytes, at + FRAME_PAYLOAD_CRC_AT);
  return true;
}
