/**
 * The bytes of an image, version 2: the pages of the arena at one point of the log. Stored numbers: do not change; a new meaning needs a
 * new version. All integers are little-endian; u64 holds at most 2^53 - 1. CRC is CRC32C.
 *
 * A file is one header, blocks without gaps, and an end.
 * ```
 * header, 512 bytes
 *    0  8  magic "EMBERIMG"
 *    8  4  format version, 2
 *   12  4  flags: 1 DELTA, 2 ENCRYPTED
 *   16  6  Emberlog version that can read this: major, minor, patch (u16 each)
 *   22  2  0
 *   24  4  layout version of the arena (memory/layout.ts)
 *   28  4  number of the first segment of memory
 *   32  4  segments of memory
 *   36  4  place in its chain: 0 for a full image, n for the n-th delta on it
 *   40 16  epoch id
 *   56  8  last sequence contained
 *   64  8  clock at the freeze, ms since 1970, and not before the commit time of any command in it
 *   72  8  delta: last sequence of the parent; full image: 0
 *   80  4  delta: checksum of the parent; full image: 0
 *   84  4  0
 *   88 32  salt, random
 *  120 32  encrypted: id of the master key, 8 bytes, then 0; else 0
 *  152 ..  0
 *  508  4  CRC of bytes 0 … 507
 *
 * block header, 32 bytes
 *    0  4  magic "EIBK"
 *    4  4  bytes of the payload that follows
 *    8  4  bytes of the payload before compression
 *   12  4  number of this block, from 0; encrypted: also the nonce
 *   16  2  0 = stored, 1 = one LZ4 block
 *   18  2  0
 *   20  4  pages in this block, at most 64
 *   24  4  CRC of the payload as stored, seeded
 *   28  4  CRC of bytes 0 … 27, seeded
 * payload, uncompressed: a row of 8 bytes a page, then the wanted 256-byte blocks of each page, in order
 *    0  4  page: segment of memory (from the first) in bits 14 and up, page in it in bits 0 … 13
 *    4  2  mask: bit n says that block n of the page follows
 *    6  2  0
 *
 * end, 80 bytes
 *    0  4  magic "EIND"
 *    4  4  blocks
 *    8  8  pages
 *   16  8  bytes of the file, this end included
 *   24  4  chain: CRC of bytes 0 … 507 of the header and of bytes 0 … 27 of each block header in turn
 *   28  4  CRC of bytes 0 … 27, seeded
 *   32 32  content: SHA-256 of 8 bytes a block, in order: the length and the CRC (not seeded) of its payload before compression and encryption
 *   64  8  keys in all databases at the freeze
 *   72  4  0
 *   76  4  CRC of bytes 32 … 75, seeded
 * ```
 * Version 1 ends after 32 bytes: it says nothing of content and keys. It is read, and not written any more.
 *
 * Content and keys are what was frozen, said before it was compressed, encrypted, stored and fetched: a drill compares with them. A sum of sums, because a
 * SHA-256 of the payloads themselves would double the time that an image takes. It tells faults; against forgers there is the encryption.
 *
 * Seeded: the CRC continues that of the header's salt. The chain names the image: as a block's header covers its payload by a CRC, the
 * chain covers every byte (D16). It leaves out the headers' own sums: a CRC of bytes together with their CRC is the same for all bytes. The
 * manifest and a delta on this image give it.
 *
 * Encrypted: a payload is sealed with AES-256-GCM after compression (base/frame_cipher.ts), under a key derived from master key and salt
 * with the label "emberlog image v1"; bytes 0 … 23 of the block's header are associated data. It is 16 bytes longer than what was sealed.
 *
 * Pages stand in any order, each at most once. Pages that were free are not there: what they held means nothing.
 *
 * This module knows bytes only: no files, no policy.
 */
import { TAG_BYTES } from "../base/frame_cipher.ts";
import { getU16, getU32, getU64, putU16, putU32, putU64 } from "../base/little_endian.ts";

export const IMAGE_VERSION = 2;
export const IMAGE_HEADER_BYTES = 512;
const IMAGE_MAGIC = "EMBERIMG";
/** The Emberlog version that introduced this format: what an older program names when it refuses. */
const IMAGE_READER = [0, 1, 0] as const;

const FLAG_DELTA = 1;
const FLAG_ENCRYPTED = 2;

export const BLOCK_HEADER_BYTES = 32;
/** Of version 1, and the beginning of every end. */
const END_BYTES_1 = 32;
const END_BYTES_2 = 80;
const CONTENT_CRC_AT = 76;
export const END_BYTES_MAX = END_BYTES_2;
const CONTENT_BYTES = 32;
/** "EIBK" and "EIND" read as little-endian integers. */
const BLOCK_MAGIC = 0x4b424945;
const END_MAGIC = 0x444e4945;

export const CODEC_STORED = 0;
export const CODEC_LZ4 = 1;

/** Pages of a block. */
export const BLOCK_PAGES_MAX = 64;
export const PAGE_ROW_BYTES = 8;
export const BLOCK_PLAIN_BYTES_MAX = BLOCK_PAGES_MAX * (PAGE_ROW_BYTES + 4096);

export const KEY_ID_BYTES = 32;
/** Bytes of a block's header that are sealed together with its payload. */
export const BLOCK_ASSOCIATED_BYTES = 24;
export const BLOCK_STORED_BYTES_MAX = BLOCK_PLAIN_BYTES_MAX + TAG_BYTES;
const SALT_BYTES = 32;
const EPOCH_BYTES = 16;
const HEADER_CRC_AT = 508;
const BLOCK_CRC_AT = 28;

export type Crc32c = (bytes: Uint8Array, offset: number, length: number, seed: number) => number;

export interface ImageHeader {
  readonly layoutVersion: number;
  readonly firstSegment: number;
  readonly segmentCount: number;
  readonly version: number;
  /** 0: a full image; n: the n-th delta. */
  readonly place: number;
  readonly epoch: Uint8Array;
  readonly sequence: number;
  readonly frozenMs: number;
  readonly parentSequence: number;
  readonly parentChain: number;
  readonly salt: Uint8Array;
  /** Of the master key; zeros: not encrypted. */
  readonly keyId: Uint8Array;
}

export interface BlockHeader {
  storedBytes: number;
  plainBytes: number;
  number: number;
  codec: number;
  pages: number;
  payloadCrc: number;
}

/** What was frozen. */
export interface ImageContent {
  readonly digest: Uint8Array;
  readonly keys: number;
}

export interface ImageEnd {
  readonly blocks: number;
  readonly pages: number;
  readonly fileBytes: number;
  readonly chain: number;
  /** undefined: of version 1, which does not say it. */
  readonly content: ImageContent | undefined;
}

export function encodeImageHeader(header: ImageHeader, crc32c: Crc32c): Uint8Array {
  const bytes = new Uint8Array(IMAGE_HEADER_BYTES);
  for (let i = 0; i < IMAGE_MAGIC.length; i++) bytes[i] = IMAGE_MAGIC.charCodeAt(i);
  putU32(bytes, 8, header.version);
  const encrypted = header.keyId.some((byte) => byte !== 0);
  putU32(bytes, 12, (header.place === 0 ? 0 : FLAG_DELTA) | (encrypted ? FLAG_ENCRYPTED : 0));
  for (let i = 0; i < 3; i++) putU16(bytes, 16 + 2 * i, IMAGE_READER[i]!);
  putU32(bytes, 24, header.layoutVersion);
  putU32(bytes, 28, header.firstSegment);
  putU32(bytes, 32, header.segmentCount);
  putU32(bytes, 36, header.place);
  bytes.set(header.epoch, 40);
  putU64(bytes, 56, header.sequence);
  putU64(bytes, 64, header.frozenMs);
  putU64(bytes, 72, header.parentSequence);
  putU32(bytes, 80, header.parentChain);
  bytes.set(header.salt, 88);
  bytes.set(header.keyId, 120);
  putU32(bytes, HEADER_CRC_AT, crc32c(bytes, 0, HEADER_CRC_AT, 0));
  return bytes;
}

/** `unknown` names the Emberlog version that can read it. */
export type ImageHeaderResult =
  | { readonly kind: "header"; readonly header: ImageHeader }
  | { readonly kind: "unknown"; readonly what: string; readonly reader: string }
  | { readonly kind: "damaged"; readonly reason: string };

/** `layoutVersion` is what this program reads. */
export function decodeImageHeader(
  bytes: Uint8Array,
  length: number,
  layoutVersion: number,
  crc32c: Crc32c,
): ImageHeaderResult {
  if (length < IMAGE_HEADER_BYTES) return { kind: "damaged", reason: `the header has ${length} of 512 bytes` };
  for (let i = 0; i < IMAGE_MAGIC.length; i++) {
    if (bytes[i] !== IMAGE_MAGIC.charCodeAt(i)) return { kind: "damaged", reason: "no magic at the start" };
  }
  if ((getU32(bytes, HEADER_CRC_AT) ^ crc32c(bytes, 0, HEADER_CRC_AT, 0)) !== 0) {
    return { kind: "damaged", reason: "the header's checksum is wrong" };
  }
  const version = getU32(bytes, 8);
  const flags = getU32(bytes, 12);
  const reader = `${getU16(bytes, 16)}.${getU16(bytes, 18)}.${getU16(bytes, 20)}`;
  const layout = getU32(bytes, 24);
  if (version < 1 || version > IMAGE_VERSION || (flags & ~(FLAG_DELTA | FLAG_ENCRYPTED)) !== 0) {
    return { kind: "unknown", what: `image format ${version}`, reader };
  }
  if (layout !== layoutVersion) return { kind: "unknown", what: `memory layout ${layout}`, reader };
  const header: ImageHeader = {
    version,
    layoutVersion: layout,
    firstSegment: getU32(bytes, 28),
    segmentCount: getU32(bytes, 32),
    place: getU32(bytes, 36),
    epoch: bytes.slice(40, 40 + EPOCH_BYTES),
    sequence: getU64(bytes, 56),
    frozenMs: getU64(bytes, 64),
    parentSequence: getU64(bytes, 72),
    parentChain: getU32(bytes, 80) | 0,
    salt: bytes.slice(88, 88 + SALT_BYTES),
    keyId: bytes.slice(120, 120 + KEY_ID_BYTES),
  };
  const encrypted = header.keyId.some((byte) => byte !== 0);
  if (encrypted !== ((flags & FLAG_ENCRYPTED) !== 0)) {
    return { kind: "damaged", reason: "the header's fields don't fit each other" };
  }
  if (!Number.isSafeInteger(header.sequence) || header.place > 0 !== ((flags & FLAG_DELTA) !== 0)) {
    return { kind: "damaged", reason: "the header's fields don't fit each other" };
  }
  return { kind: "header", header };
}

/** Continues the chain by the header. */
export function chainOfHeader(header: Uint8Array, crc32c: Crc32c): number {
  return crc32c(header, 0, HEADER_CRC_AT, 0);
}

/** Continues it by the block header at `at`. */
export function chainWithBlock(bytes: Uint8Array, at: number, chain: number, crc32c: Crc32c): number {
  return crc32c(bytes, at, BLOCK_CRC_AT, chain);
}

/** What of a block's payload goes into the digest of the content. */
export const CONTENT_SUM_BYTES = 8;

export function putContentSum(sum: Uint8Array, plain: Uint8Array, plainBytes: number, crc32c: Crc32c): void {
  putU32(sum, 0, plainBytes);
  putU32(sum, 4, crc32c(plain, 0, plainBytes, 0));
}

/** The seed of every checksum behind the header. */
export function imageSeed(salt: Uint8Array, crc32c: Crc32c): number {
  return crc32c(salt, 0, SALT_BYTES, 0);
}

/** The part that is associated data of an encrypted payload. */
export function putBlockFields(bytes: Uint8Array, at: number, block: BlockHeader): void {
  putU32(bytes, at, BLOCK_MAGIC);
  putU32(bytes, at + 4, block.storedBytes);
  putU32(bytes, at + 8, block.plainBytes);
  putU32(bytes, at + 12, block.number);
  putU16(bytes, at + 16, block.codec);
  putU16(bytes, at + 18, 0);
  putU32(bytes, at + 20, block.pages);
}

/** What comes behind `putBlockFields` when the payload is there. */
export function sealBlockHeader(bytes: Uint8Array, at: number, payloadCrc: number, seed: number, crc32c: Crc32c): void {
  putU32(bytes, at + 24, payloadCrc);
  putU32(bytes, at + BLOCK_CRC_AT, crc32c(bytes, at, BLOCK_CRC_AT, seed));
}

/** Fills `block`; a text says what is wrong instead. "end" where the end begins, which is then to be decoded. */
export function decodeBlockHeader(
  bytes: Uint8Array,
  at: number,
  seed: number,
  crc32c: Crc32c,
  block: BlockHeader,
): string | undefined {
  const magic = getU32(bytes, at);
  if (magic === END_MAGIC) return "end";
  if (magic !== BLOCK_MAGIC) return "no block begins here";
  if ((getU32(bytes, at + BLOCK_CRC_AT) ^ crc32c(bytes, at, BLOCK_CRC_AT, seed)) !== 0) {
    return "a block header's checksum is wrong";
  }
  block.storedBytes = getU32(bytes, at + 4);
  block.plainBytes = getU32(bytes, at + 8);
  block.number = getU32(bytes, at + 12);
  block.codec = getU16(bytes, at + 16);
  block.pages = getU32(bytes, at + 20);
  block.payloadCrc = getU32(bytes, at + 24) | 0;
  const sane =
    block.pages >= 1 &&
    block.pages <= BLOCK_PAGES_MAX &&
    block.plainBytes <= BLOCK_PLAIN_BYTES_MAX &&
    block.storedBytes <= BLOCK_STORED_BYTES_MAX &&
    block.codec <= CODEC_LZ4;
  return sane ? undefined : "a block header's fields are out of range";
}

/** Of the whole end, by the version in the image's header. */
export function endBytes(version: number): number {
  return version === 1 ? END_BYTES_1 : END_BYTES_2;
}

/** An end of the version that has what it says. */
export function encodeEnd(end: ImageEnd, seed: number, crc32c: Crc32c): Uint8Array {
  const { content } = end;
  const bytes = new Uint8Array(content === undefined ? END_BYTES_1 : END_BYTES_2);
  putU32(bytes, 0, END_MAGIC);
  putU32(bytes, 4, end.blocks);
  putU64(bytes, 8, end.pages);
  putU64(bytes, 16, end.fileBytes);
  putU32(bytes, 24, end.chain);
  putU32(bytes, 28, crc32c(bytes, 0, 28, seed));
  if (content === undefined) return bytes;
  bytes.set(content.digest, 32);
  putU64(bytes, 64, content.keys);
  putU32(bytes, CONTENT_CRC_AT, crc32c(bytes, END_BYTES_1, CONTENT_CRC_AT - END_BYTES_1, seed));
  return bytes;
}

export function decodeEnd(
  bytes: Uint8Array,
  at: number,
  version: number,
  seed: number,
  crc32c: Crc32c,
): ImageEnd | undefined {
  if (getU32(bytes, at) !== END_MAGIC) return undefined;
  if ((getU32(bytes, at + 28) ^ crc32c(bytes, at, 28, seed)) !== 0) return undefined;
  const contentCrc = version === 1 ? 0 : crc32c(bytes, at + END_BYTES_1, CONTENT_CRC_AT - END_BYTES_1, seed);
  if (version > 1 && (getU32(bytes, at + CONTENT_CRC_AT) ^ contentCrc) !== 0) return undefined;
  return {
    blocks: getU32(bytes, at + 4),
    pages: getU64(bytes, at + 8),
    fileBytes: getU64(bytes, at + 16),
    chain: getU32(bytes, at + 24) | 0,
    content:
      version === 1
        ? undefined
        : { digest: bytes.slice(at + 32, at + 32 + CONTENT_BYTES), keys: getU64(bytes, at + 64) },
  };
}
