/**
 * Reads an image back and tells whether it still is what the manifest says (D16), a block a step: before the log that it stands in for goes.
 *
 * Needs no key: the checksums are of what is stored, and the chain in the manifest covers all of them.
 */
import type { Disk } from "../disk/disk.ts";
import { DiskError } from "../disk/disk.ts";
import type { Crc32c } from "./format.ts";
import { BlockReader, type ImageIndex, readImageIndex } from "./image_reading.ts";

/** What the manifest knows of a file. */
export interface VerifyJob {
  readonly path: string;
  readonly chain: number;
  readonly fileBytes: number;
}

export class ImageVerifying {
  /** What is wrong with the file; known when `step` has said that there is no more. */
  problem: string | undefined;
  private readonly disk: Disk;
  private readonly crc32c: Crc32c;
  private readonly job: VerifyJob;
  private index: ImageIndex | undefined;
  private reader: BlockReader | undefined;
  private next = 0;

  constructor(disk: Disk, crc32c: Crc32c, job: VerifyJob) {
    this.disk = disk;
    this.crc32c = crc32c;
    this.job = job;
  }

  /** False: it is decided. */
  step(): boolean {
    try {
      this.problem = this.look();
    } catch (thrown) {
      // A file that can't be read is nothing to fall back on.
      if (!(thrown instanceof DiskError)) throw thrown;
      this.problem = thrown.message;
    }
    if (this.problem === undefined && (this.index === undefined || this.next < this.index.offsets.length)) return true;
    this.close();
    return false;
  }

  close(): void {
    this.reader?.close();
    this.reader = undefined;
  }

  private look(): string | undefined {
    const { disk, crc32c, job, index, reader } = this;
    if (index === undefined || reader === undefined) {
      if (disk.status(job.path) === undefined) return "the file is gone";
      const read = readImageIndex(disk, job.path, crc32c);
      if (read.kind === "unknown") return `it is of ${read.what}`;
      if (read.kind === "damaged") return `${read.reason} (at ${read.offset})`;
      const { chain, fileBytes } = read.index.end;
      if (chain !== job.chain || fileBytes !== job.fileBytes) return "it is not the image that the manifest lists";
      this.reader = new BlockReader(disk, job.path, read.index.header.salt, crc32c, undefined);
      this.index = read.index;
      return undefined;
    }
    const number = this.next++;
    const offset = index.offsets[number];
    if (offset === undefined) return undefined;
    const reason = reader.read(offset, number, undefined);
    return reason === undefined ? undefined : `${reason} (at ${offset})`;
  }
}
