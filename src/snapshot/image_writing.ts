/**
 * Writes an image, block by block: whoever owns the thread calls `step` until it says that there is no more, a worker in a loop, a test
 * or the crash harness between two turns. Memory is bounded by one block.
 *
 * The file gets its name from the caller, who renames it when it is whole. What is written is synced as it grows, so that the last sync has
 * little left to do and the log's syncs are not held up by gigabytes.
 *
 * Invariants: `done` is reached only when everything is in the file and every sync of it succeeded; a failed sync is final, whatever a
 * later one says (D9). A failure leaves the file to the caller, who removes it.
 */

import { createHash, type Hash, type KeyObject } from "node:crypto";
import { type FrameCipher, TAG_BYTES } from "../base/frame_cipher.ts";
import { putU16, putU32 } from "../base/little_endian.ts";
import type { Disk } from "../disk/disk.ts";
import { DiskError, writeFully } from "../disk/disk.ts";
import type { FrozenArena } from "../memory/frozen.ts";
import { FrozenPages } from "../memory/frozen_pages.ts";
import { BLOCK_BYTES, PAGE_BYTES } from "../memory/layout.ts";
import { frameCipher } from "../platform/frame_cipher.ts";
import {
  BLOCK_ASSOCIATED_BYTES,
  BLOCK_HEADER_BYTES,
  BLOCK_PAGES_MAX,
  BLOCK_PLAIN_BYTES_MAX,
  BLOCK_STORED_BYTES_MAX,
  type BlockHeader,
  CODEC_LZ4,
  CODEC_STORED,
  CONTENT_SUM_BYTES,
  type Crc32c,
  chainOfHeader,
  chainWithBlock,
  encodeEnd,
  encodeImageHeader,
  endBytes,
  IMAGE_HEADER_BYTES,
  type ImageHeader,
  imageSeed,
  PAGE_ROW_BYTES,
  putBlockFields,
  putContentSum,
  sealBlockHeader,
} from "./format.ts";

/** Written and not yet handed to a sync, at most. */
const UNSYNCED_BYTES_MAX = 8 * 1024 * 1024;
const ALL_BLOCKS = 0xffff;

export interface ImageJob {
  /** A temporary name; nothing is there. */
  readonly path: string;
  readonly header: ImageHeader;
  readonly frozen: FrozenArena;
  /** In all databases at the freeze. */
  readonly keys: number;
  /** Where it is encrypted. */
  readonly fileKey: KeyObject | undefined;
  /** So long a worker keeps its result back, ms. */
  readonly delayMs: number;
}

export interface ImageSummary {
  readonly chain: number;
  readonly fileBytes: number;
  readonly pages: number;
  readonly blocks: number;
  /** Before compression. */
  readonly plainBytes: number;
}

/** Compresses or answers undefined. */
export type Compress = (bytes: Buffer) => Uint8Array | undefined;

export class ImageWriting {
  /** There is nothing to do until a sync ends. */
  waiting = false;
  readonly frozen: FrozenPages;
  private readonly disk: Disk;
  private readonly crc32c: Crc32c;
  private readonly compress: Compress;
  private readonly path: string;
  private readonly version: number;
  private readonly keys: number;
  /** Of what was frozen, as it is before anything is done to it. */
  private readonly content: Hash = createHash("sha256");
  private readonly contentSum = new Uint8Array(CONTENT_SUM_BYTES);
  private readonly seed: number;
  private readonly fd: number;
  private readonly cipher: FrameCipher | undefined;
  private open = true;
  private position = IMAGE_HEADER_BYTES;
  private syncedPosition = 0;
  private syncInFlight = false;
  private failure: Error | undefined;
  private chain: number;
  private blocks = 0;
  private pages = 0;
  private plainBytes = 0;
  private ended = false;

  /** The page that is being looked at, rows and blocks of the block that is being filled, the block as it is written. */
  private readonly page = new Uint8Array(PAGE_BYTES);
  private readonly rows = new Uint8Array(BLOCK_PAGES_MAX * PAGE_ROW_BYTES);
  private readonly body = new Uint8Array(BLOCK_PAGES_MAX * PAGE_BYTES);
  private readonly plain = Buffer.alloc(BLOCK_PLAIN_BYTES_MAX);
  private readonly out = new Uint8Array(BLOCK_HEADER_BYTES + BLOCK_STORED_BYTES_MAX);
  private readonly header: BlockHeader = {
    storedBytes: 0,
    plainBytes: 0,
    number: 0,
    codec: CODEC_STORED,
    pages: 0,
    payloadCrc: 0,
  };
  private rowCount = 0;
  private bodyBytes = 0;

  /** Creates the file. Throws a DiskError. */
  constructor(disk: Disk, crc32c: Crc32c, compress: Compress, job: ImageJob) {
    this.disk = disk;
    this.crc32c = crc32c;
    this.compress = compress;
    this.path = job.path;
    this.version = job.header.version;
    this.keys = job.keys;
    this.frozen = new FrozenPages(job.frozen, job.header.place > 0);
    this.cipher = job.fileKey === undefined ? undefined : frameCipher(job.fileKey);
    this.seed = imageSeed(job.header.salt, crc32c);
    const header = encodeImageHeader(job.header, crc32c);
    this.chain = chainOfHeader(header, crc32c);
    this.fd = disk.open(job.path, "create");
    try {
      writeFully(disk, this.fd, header, 0, header.length, 0, job.path);
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  /** Does a block's worth of work; false when all is done. Throws a DiskError, and the image has come to nothing. */
  step(): boolean {
    this.waiting = false;
    if (this.failure !== undefined) throw this.failure;
    if (!this.ended) {
      this.fill();
      if (this.rowCount > 0) this.writeBlock();
      else if (this.frozen.done) this.writeEnd();
      else this.frozen.waitAside();
      if (this.position - this.syncedPosition > UNSYNCED_BYTES_MAX) this.startSync();
      return true;
    }
    if (this.syncInFlight) {
      this.waiting = true;
      return true;
    }
    if (this.syncedPosition < this.position) {
      this.startSync();
      return true;
    }
    this.close();
    return false;
  }

  /** For a reader on the writing thread: takes all that was copied aside. What goes wrong is told by the next `step`. */
  drain(): void {
    try {
      while (this.failure === undefined && this.frozen.waiting > 0) {
        this.fillAside();
        if (this.rowCount > 0) this.writeBlock();
      }
    } catch (thrown) {
      if (!(thrown instanceof DiskError)) throw thrown;
      this.failure = thrown;
    }
  }

  get summary(): ImageSummary {
    const { chain, position, pages, blocks, plainBytes } = this;
    return { chain, fileBytes: position, pages, blocks, plainBytes };
  }

  /** Gives the descriptor back. A sync that is under way on it is not waited for: its file is removed, or it has ended. */
  close(): void {
    if (!this.open || this.syncInFlight) return;
    this.open = false;
    this.disk.close(this.fd);
  }

  private fill(): void {
    const { frozen, page } = this;
    this.fillAside();
    while (this.rowCount < BLOCK_PAGES_MAX && frozen.takeLive(page, 0)) {
      this.add();
      if (frozen.waiting > 0) this.fillAside();
    }
  }

  private fillAside(): void {
    while (this.rowCount < BLOCK_PAGES_MAX && this.frozen.takeAside(this.page, 0)) this.add();
  }

  /** Adds the page that was taken last. */
  private add(): void {
    const { blocks } = this.frozen;
    const row = this.rowCount * PAGE_ROW_BYTES;
    putU32(this.rows, row, this.frozen.page);
    putU16(this.rows, row + 4, blocks);
    this.rowCount++;
    if (blocks === ALL_BLOCKS) {
      this.body.set(this.page, this.bodyBytes);
      this.bodyBytes += PAGE_BYTES;
      return;
    }
    for (let block = 0; block < PAGE_BYTES / BLOCK_BYTES; block++) {
      if ((blocks & (1 << block)) === 0) continue;
      this.body.set(this.page.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES), this.bodyBytes);
      this.bodyBytes += BLOCK_BYTES;
    }
  }

  private writeBlock(): void {
    const { out, plain, header, crc32c, cipher } = this;
    const rowBytes = this.rowCount * PAGE_ROW_BYTES;
    plain.set(this.rows.subarray(0, rowBytes), 0);
    plain.set(this.body.subarray(0, this.bodyBytes), rowBytes);
    const plainBytes = rowBytes + this.bodyBytes;
    const source = plain.subarray(0, plainBytes);
    putContentSum(this.contentSum, plain, plainBytes, crc32c);
    this.content.update(this.contentSum);
    const packed = this.compress(source);
    const smaller = packed !== undefined && packed.length < plainBytes;
    const payload = smaller ? packed : source;
    const storedBytes = payload.length + (cipher === undefined ? 0 : TAG_BYTES);
    header.storedBytes = storedBytes;
    header.plainBytes = plainBytes;
    header.number = this.blocks;
    header.codec = smaller ? CODEC_LZ4 : CODEC_STORED;
    header.pages = this.rowCount;
    putBlockFields(out, 0, header);
    if (cipher === undefined) out.set(payload, BLOCK_HEADER_BYTES);
    else cipher.seal(this.blocks, out.subarray(0, BLOCK_ASSOCIATED_BYTES), payload, out, BLOCK_HEADER_BYTES);
    sealBlockHeader(out, 0, crc32c(out, BLOCK_HEADER_BYTES, storedBytes, this.seed), this.seed, crc32c);
    this.chain = chainWithBlock(out, 0, this.chain, crc32c);
    this.pages += this.rowCount;
    this.blocks++;
    this.plainBytes += plainBytes;
    this.rowCount = 0;
    this.bodyBytes = 0;
    this.write(out, BLOCK_HEADER_BYTES + storedBytes);
  }

  private writeEnd(): void {
    const { blocks, pages, chain, version, keys } = this;
    const fileBytes = this.position + endBytes(version);
    const content = version === 1 ? undefined : { digest: this.content.digest(), keys };
    const end = encodeEnd({ blocks, pages, fileBytes, chain, content }, this.seed, this.crc32c);
    this.write(end, end.length);
    this.ended = true;
  }

  private write(bytes: Uint8Array, length: number): void {
    writeFully(this.disk, this.fd, bytes, 0, length, this.position, this.path);
    this.position += length;
  }

  private startSync(): void {
    if (this.syncInFlight) return;
    this.syncInFlight = true;
    const covers = this.position;
    // D10: through the descriptor that wrote.
    this.disk.fdatasyncLater(this.fd, (result) => {
      this.syncInFlight = false;
      if (result < 0) this.failure = new DiskError("sync", this.path, result);
      else this.syncedPosition = covers;
    });
  }
}
