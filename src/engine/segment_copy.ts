/**
 * Replaces a segment by a copy of itself that certainly is on stable storage.
 *
 * Problem: what a start reads from a segment that was open may be in the page cache and nowhere else, and after a failed sync the kernel
 * has marked those pages clean, so that another sync does nothing and succeeds (D9). Served and then lost at a power cut, it
 * would be exactly what `always` rules out.
 *
 * Writing the same bytes again in place would risk what may well be stored, so they go into a new file that takes the old one's
 * name (D2). Every frame is verified on the way: what is misread is not written. What lies behind the good part is taken along, so that a start
 * after a crash in here decides as this one did.
 */
import { EmberlogError } from "../base/errors.ts";
import { closeQuietly, type Disk, syncFully, writeFully } from "../disk/disk.ts";
import { joinPath, SEGMENT_COPY_NAME } from "../disk/file_names.ts";
import { type Crc32c, decodeSegmentHeader, FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "../log/format.ts";
import { readSegment, type SegmentScan } from "../log/segment_reader.ts";

const STAGE_BYTES = 1024 * 1024;

/** The caller syncs the directory. Throws a DiskError, or DATA_ROTTEN where the good part is not what it was when `scan` was made. */
export function copySegment(disk: Disk, directory: string, name: string, crc32c: Crc32c, scan: SegmentScan): void {
  const path = joinPath(directory, name);
  const temporary = joinPath(directory, SEGMENT_COPY_NAME);
  if (disk.status(temporary) !== undefined) disk.unlink(temporary);
  const target = disk.open(temporary, "create");
  try {
    copyGoodPart(disk, path, crc32c, scan, new StagedWriter(disk, target, temporary, scan.endOffset));
    copyRest(disk, path, scan, target, temporary);
    syncFully(disk, target, temporary);
    disk.rename(temporary, path);
  } finally {
    closeQuietly(disk, target);
  }
}

function copyGoodPart(disk: Disk, path: string, crc32c: Crc32c, scan: SegmentScan, writer: StagedWriter): void {
  const header = readHeader(disk, path);
  if (decodeSegmentHeader(header, header.length, crc32c).kind !== "header") throw changedWhileRead(path);
  writer.add(header, 0, header.length);
  const copy = {
    unit: () => undefined,
    frame: ({ payloadBytes }: { payloadBytes: number }, _offset: number, bytes: Uint8Array, start: number): void =>
      writer.add(bytes, start, FRAME_HEADER_BYTES + payloadBytes),
  };
  const again = readSegment(disk, path, crc32c, copy, scan.endOffset);
  const same = again.kind === "scan" && again.scan.endOffset === scan.endOffset;
  if (!same || (again.scan.chain ^ scan.chain) !== 0) throw changedWhileRead(path);
  writer.flush();
}

function readHeader(disk: Disk, path: string): Uint8Array {
  const header = new Uint8Array(SEGMENT_HEADER_BYTES);
  const source = disk.open(path, "read");
  try {
    return header.subarray(0, disk.read(source, header, 0, header.length, 0));
  } finally {
    disk.close(source);
  }
}

/** Bytes that no frame explains. */
function copyRest(disk: Disk, path: string, scan: SegmentScan, target: number, temporary: string): void {
  const source = disk.open(path, "read");
  try {
    const buffer = new Uint8Array(Math.min(STAGE_BYTES, scan.fileBytes - scan.endOffset));
    for (let at = scan.endOffset; at < scan.fileBytes; ) {
      const read = disk.read(source, buffer, 0, Math.min(buffer.length, scan.fileBytes - at), at);
      if (read === 0) break;
      writeFully(disk, target, buffer, 0, read, at, temporary);
      at += read;
    }
  } finally {
    disk.close(source);
  }
}

/** Writes what is added front to back, many small pieces at once. */
class StagedWriter {
  private readonly disk: Disk;
  private readonly fd: number;
  private readonly path: string;
  private readonly stage: Uint8Array;
  private staged = 0;
  private position = 0;

  constructor(disk: Disk, fd: number, path: string, length: number) {
    this.disk = disk;
    this.fd = fd;
    this.path = path;
    this.stage = new Uint8Array(Math.min(STAGE_BYTES, length));
  }

  add(bytes: Uint8Array, start: number, length: number): void {
    if (this.staged + length > this.stage.length) this.flush();
    if (length > this.stage.length) {
      writeFully(this.disk, this.fd, bytes, start, length, this.position, this.path);
      this.position += length;
      return;
    }
    this.stage.set(bytes.subarray(start, start + length), this.staged);
    this.staged += length;
  }

  flush(): void {
    writeFully(this.disk, this.fd, this.stage, 0, this.staged, this.position, this.path);
    this.position += this.staged;
    this.staged = 0;
  }
}

function changedWhileRead(path: string): EmberlogError {
  return new EmberlogError("DATA_ROTTEN", `${path} changed while it was read. To go on: start again`, { file: path });
}
