/**
 * An RDB file that is being written: under a temporary name until it is whole and durable, so that nobody ever finds a half under its own.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { closeQuietly, type Disk, syncFully, writeFully } from "../disk/disk.ts";
import { crc64 } from "../platform/checksum.ts";
import { magicOf, RdbFileWriter } from "../rdb/file_writer.ts";
import { CHECKSUM_BYTES, VERSION_WRITTEN } from "../rdb/format.ts";
import { RdbOutput } from "../rdb/output.ts";

const BUFFER_BYTES = 4 * 1024 * 1024;
const TEMPORARY_ENDING = ".emberlog-tmp";

export class RdbFile {
  readonly writer: RdbFileWriter;
  /** Bytes of the file so far. */
  bytes = 0;
  private readonly disk: Disk;
  private readonly path: string;
  private readonly temporary: string;
  private readonly fd: number;
  private readonly out: RdbOutput;
  private readonly sum = new Int32Array(2);
  private readonly version: number;

  /** `version`: what the file says, if nothing needs a later one. Throws where a file of this name is there already, unless `replace`. */
  constructor(
    disk: Disk,
    path: string,
    dataset: Dataset,
    version = VERSION_WRITTEN,
    replace = false,
    aux: readonly (readonly [string, string])[] = [],
  ) {
    this.disk = disk;
    this.path = path;
    this.version = version;
    refuseExisting(disk, path, replace);
    this.temporary = path + TEMPORARY_ENDING;
    if (disk.status(this.temporary) !== undefined) disk.unlink(this.temporary);
    this.fd = disk.open(this.temporary, "create");
    this.out = new RdbOutput((bytes, length) => this.drain(bytes, length), BUFFER_BYTES);
    this.out.compress = dataset.rdbCompression;
    this.writer = new RdbFileWriter(dataset, this.out);
    this.writer.begin(version, aux);
  }

  private drain(bytes: Uint8Array, length: number): void {
    crc64(bytes, 0, length, this.sum);
    writeFully(this.disk, this.fd, bytes, 0, length, this.bytes, this.temporary);
    this.bytes += length;
  }

  /** Ends the file and gives it its name, durably. */
  finish(): void {
    const { disk, fd, temporary, path, writer } = this;
    try {
      writer.end();
      if (writer.version > this.version) this.correctVersion(writer.version);
      const footer = Buffer.alloc(CHECKSUM_BYTES);
      footer.writeInt32LE(this.sum[0]!, 0);
      footer.writeInt32LE(this.sum[1]!, 4);
      writeFully(disk, fd, footer, 0, CHECKSUM_BYTES, this.bytes, temporary);
      this.bytes += CHECKSUM_BYTES;
      syncFully(disk, fd, temporary);
    } catch (thrown) {
      this.giveUp();
      throw thrown;
    }
    disk.close(fd);
    disk.rename(temporary, path);
    disk.syncDirectory(directoryOf(path));
  }

  /** Removes what was written. */
  giveUp(): void {
    closeQuietly(this.disk, this.fd);
    if (this.disk.status(this.temporary) !== undefined) this.disk.unlink(this.temporary);
  }

  /** The file begins with another version after all: the checksum is made anew of what was written. */
  private correctVersion(version: number): void {
    const { disk, fd, temporary, sum } = this;
    const magic = Buffer.from(magicOf(version));
    writeFully(disk, fd, magic, 0, magic.length, 0, temporary);
    sum.fill(0);
    const buffer = new Uint8Array(BUFFER_BYTES);
    for (let at = 0; at < this.bytes; ) {
      const read = disk.read(fd, buffer, 0, Math.min(buffer.length, this.bytes - at), at);
      if (read === 0)
        throw new EmberlogError("DISK_FAILED", `${temporary} became shorter while it was written`, { file: temporary });
      crc64(buffer, 0, read, sum);
      at += read;
    }
  }
}

/** Throws where there is something that would be lost. */
export function refuseExisting(disk: Disk, path: string, replace: boolean): void {
  if (replace || disk.status(path) === undefined) return;
  throw new EmberlogError("DIRECTORY_HOLDS_DATA", `${path} exists already; --replace writes over it`, { file: path });
}

function directoryOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? "." : at === 0 ? "/" : path.slice(0, at);
}
