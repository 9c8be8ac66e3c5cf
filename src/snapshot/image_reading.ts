/**
 * Reads an image: first its index (header, the headers of all blocks, end), which tells whether the file is whole; then its blocks, in any
 * order and by several threads at once, each verified before a byte of it is used (D16).
 *
 * Nothing here decides anything: a damaged file is said to be one, and where.
 */

import type { Hash, KeyObject } from "node:crypto";
import type { FrameCipher } from "../base/frame_cipher.ts";
import { getU16, getU32 } from "../base/little_endian.ts";
import type { Disk } from "../disk/disk.ts";
import { BLOCK_BYTES, LAYOUT_VERSION, PAGE_BYTES, SEGMENT_PAGES } from "../memory/layout.ts";
import { frameCipher } from "../platform/frame_cipher.ts";
import { lz4Uncompress } from "../platform/lz4.ts";
import {
  BLOCK_ASSOCIATED_BYTES,
  BLOCK_HEADER_BYTES,
  BLOCK_STORED_BYTES_MAX,
  type BlockHeader,
  CODEC_STORED,
  CONTENT_SUM_BYTES,
  type Crc32c,
  chainOfHeader,
  chainWithBlock,
  decodeBlockHeader,
  decodeEnd,
  decodeImageHeader,
  END_BYTES_MAX,
  endBytes,
  IMAGE_HEADER_BYTES,
  type ImageEnd,
  type ImageHeader,
  type ImageHeaderResult,
  imageSeed,
  PAGE_ROW_BYTES,
  putContentSum,
} from "./format.ts";

const ALL_BLOCKS = 0xffff;
const LZ4_PREFIX_BYTES = 4;

export interface ImageIndex {
  readonly header: ImageHeader;
  readonly end: ImageEnd;
  /** Where each block's header begins. */
  readonly offsets: Float64Array;
}

export type ImageIndexResult =
  | { readonly kind: "index"; readonly index: ImageIndex }
  | { readonly kind: "unknown"; readonly what: string; readonly reader: string }
  | { readonly kind: "damaged"; readonly reason: string; readonly offset: number };

/** Reads everything but the payloads. Throws a DiskError. */
export function readImageIndex(disk: Disk, path: string, crc32c: Crc32c): ImageIndexResult {
  const fd = disk.open(path, "read");
  try {
    return readIndex(disk, fd, crc32c);
  } finally {
    disk.close(fd);
  }
}

/** The header alone. Throws a DiskError. */
export function readImageHeader(disk: Disk, path: string, crc32c: Crc32c): ImageHeaderResult {
  const fd = disk.open(path, "read");
  try {
    const bytes = new Uint8Array(IMAGE_HEADER_BYTES);
    return decodeImageHeader(bytes, disk.read(fd, bytes, 0, IMAGE_HEADER_BYTES, 0), LAYOUT_VERSION, crc32c);
  } finally {
    disk.close(fd);
  }
}

function readIndex(disk: Disk, fd: number, crc32c: Crc32c): ImageIndexResult {
  const fileBytes = disk.length(fd);
  const headerBytes = new Uint8Array(IMAGE_HEADER_BYTES);
  const read = disk.read(fd, headerBytes, 0, IMAGE_HEADER_BYTES, 0);
  const decoded = decodeImageHeader(headerBytes, read, LAYOUT_VERSION, crc32c);
  if (decoded.kind === "damaged") return { ...decoded, offset: 0 };
  if (decoded.kind === "unknown") return decoded;
  const { header } = decoded;
  const seed = imageSeed(header.salt, crc32c);
  let chain = chainOfHeader(headerBytes, crc32c);
  const offsets: number[] = [];
  const bytes = new Uint8Array(BLOCK_HEADER_BYTES);
  const block = emptyBlockHeader();
  let pages = 0;
  let offset = IMAGE_HEADER_BYTES;
  for (;;) {
    if (disk.read(fd, bytes, 0, BLOCK_HEADER_BYTES, offset) < BLOCK_HEADER_BYTES) {
      return { kind: "damaged", reason: "the file ends here without an end", offset };
    }
    const problem = decodeBlockHeader(bytes, 0, seed, crc32c, block);
    if (problem === "end") break;
    if (problem !== undefined) return { kind: "damaged", reason: problem, offset };
    if (block.number !== offsets.length) return { kind: "damaged", reason: "a block is out of its order", offset };
    chain = chainWithBlock(bytes, 0, chain, crc32c);
    offsets.push(offset);
    pages += block.pages;
    offset += BLOCK_HEADER_BYTES + block.storedBytes;
  }
  const { version } = header;
  const ending = new Uint8Array(END_BYTES_MAX);
  if (disk.read(fd, ending, 0, endBytes(version), offset) < endBytes(version)) {
    return { kind: "damaged", reason: "the file ends within its end", offset };
  }
  const end = decodeEnd(ending, 0, version, seed, crc32c);
  if (end === undefined) return { kind: "damaged", reason: "the end's checksum is wrong", offset };
  const fits =
    end.blocks === offsets.length &&
    end.pages === pages &&
    end.fileBytes === offset + endBytes(version) &&
    end.fileBytes === fileBytes &&
    end.chain === (chain | 0);
  if (!fits) return { kind: "damaged", reason: "the end does not fit what is before it", offset };
  return { kind: "index", index: { header, end, offsets: Float64Array.from(offsets) } };
}

/** Reads single blocks of one open image; each thread has its own. */
export class BlockReader {
  private readonly disk: Disk;
  private readonly fd: number;
  private readonly crc32c: Crc32c;
  private readonly seed: number;
  private readonly cipher: FrameCipher | undefined;
  private readonly header = emptyBlockHeader();
  private readonly headerBytes = new Uint8Array(BLOCK_HEADER_BYTES);
  private readonly stored = Buffer.alloc(LZ4_PREFIX_BYTES + BLOCK_STORED_BYTES_MAX);
  /** The payload that was opened last, as it was frozen. */
  private plain: Uint8Array = this.stored;
  private readonly contentSum = new Uint8Array(CONTENT_SUM_BYTES);

  /** `fileKey`: of an encrypted image; without it its blocks can only be verified. */
  constructor(disk: Disk, path: string, salt: Uint8Array, crc32c: Crc32c, fileKey: KeyObject | undefined) {
    this.cipher = fileKey === undefined ? undefined : frameCipher(fileKey);
    this.disk = disk;
    this.crc32c = crc32c;
    this.seed = imageSeed(salt, crc32c);
    this.fd = disk.open(path, "read");
  }

  close(): void {
    this.disk.close(this.fd);
  }

  /**
   * Verifies the block at `offset` and puts its pages into the segments' memory; without segments it only verifies. A text says what is
   * wrong; nothing of a damaged block is used.
   */
  read(offset: number, number: number, segments: readonly Uint8Array[] | undefined): string | undefined {
    const problem = this.verify(offset, number) ?? (segments === undefined ? undefined : this.open(number));
    if (problem !== undefined || segments === undefined) return problem;
    return placePages(this.plain, this.header.plainBytes, this.header.pages, segments);
  }

  /** Verifies the block at `offset` and adds what was frozen in it to the digest `content`. A text says what is wrong. */
  addTo(content: Hash, offset: number, number: number): string | undefined {
    const problem = this.verify(offset, number) ?? this.open(number);
    if (problem !== undefined) return problem;
    putContentSum(this.contentSum, this.plain, this.header.plainBytes, this.crc32c);
    content.update(this.contentSum);
    return undefined;
  }

  private verify(offset: number, number: number): string | undefined {
    const { disk, fd, header, headerBytes, stored, seed, crc32c } = this;
    if (disk.read(fd, headerBytes, 0, BLOCK_HEADER_BYTES, offset) < BLOCK_HEADER_BYTES) return "the file ends early";
    const problem = decodeBlockHeader(headerBytes, 0, seed, crc32c, header);
    if (problem !== undefined) return problem;
    if (header.number !== number) return "a block is out of its order";
    const { storedBytes } = header;
    if (disk.read(fd, stored, LZ4_PREFIX_BYTES, storedBytes, offset + BLOCK_HEADER_BYTES) < storedBytes) {
      return "the file ends early";
    }
    if ((crc32c(stored, LZ4_PREFIX_BYTES, storedBytes, seed) ^ header.payloadCrc) !== 0) {
      return "a block's checksum is wrong";
    }
    return undefined;
  }

  /** Decrypts and decompresses the block that was verified last. */
  private open(number: number): string | undefined {
    const { header, headerBytes, stored } = this;
    const { storedBytes, plainBytes } = header;
    let payloadBytes = storedBytes;
    if (this.cipher !== undefined) {
      const associated = headerBytes.subarray(0, BLOCK_ASSOCIATED_BYTES);
      const sealed = stored.subarray(LZ4_PREFIX_BYTES, LZ4_PREFIX_BYTES + storedBytes);
      const opened = this.cipher.open(number, associated, sealed);
      if (opened === null) return "a block was altered";
      stored.set(opened, LZ4_PREFIX_BYTES);
      payloadBytes = opened.length;
    }
    if (header.codec === CODEC_STORED && payloadBytes !== plainBytes) return "a block's lengths don't fit";
    const plain =
      header.codec === CODEC_STORED
        ? stored.subarray(LZ4_PREFIX_BYTES, LZ4_PREFIX_BYTES + payloadBytes)
        : lz4Uncompress(stored, payloadBytes, plainBytes);
    if (plain === undefined) return "a block can't be decompressed";
    this.plain = plain;
    return undefined;
  }
}

function placePages(
  plain: Uint8Array,
  plainBytes: number,
  pages: number,
  segments: readonly Uint8Array[],
): string | undefined {
  let bytes = pages * PAGE_ROW_BYTES;
  for (let row = 0; row < pages; row++) {
    if (getU32(plain, row * PAGE_ROW_BYTES) >= segments.length * SEGMENT_PAGES)
      return "a page is outside of the memory";
    bytes += bitCount(getU16(plain, row * PAGE_ROW_BYTES + 4)) * BLOCK_BYTES;
  }
  if (bytes !== plainBytes) return "a block's pages don't fit its length";
  let from = pages * PAGE_ROW_BYTES;
  for (let row = 0; row < pages; row++) {
    const page = getU32(plain, row * PAGE_ROW_BYTES);
    const mask = getU16(plain, row * PAGE_ROW_BYTES + 4);
    const target = segments[Math.floor(page / SEGMENT_PAGES)]!;
    const at = (page % SEGMENT_PAGES) * PAGE_BYTES;
    if (mask === ALL_BLOCKS) {
      target.set(plain.subarray(from, from + PAGE_BYTES), at);
      from += PAGE_BYTES;
      continue;
    }
    for (let block = 0; block < PAGE_BYTES / BLOCK_BYTES; block++) {
      if ((mask & (1 << block)) === 0) continue;
      target.set(plain.subarray(from, from + BLOCK_BYTES), at + block * BLOCK_BYTES);
      from += BLOCK_BYTES;
    }
  }
  return undefined;
}

function bitCount(value: number): number {
  let bits = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}

function emptyBlockHeader(): BlockHeader {
  return { storedBytes: 0, plainBytes: 0, number: 0, codec: 0, pages: 0, payloadCrc: 0 };
}
