/**
 * A data directory that is open (open_directory.ts): locked (D15), recovered, with a log that takes commits and a manifest that is kept up to
 * date as segments follow each other.
 *
 * Invariants: the manifest on disk lists exactly the segments that make up the data, each durable before it was listed (D3,
 * D13); one replacement of the manifest at a time, because a rotation waits until the one before is listed and `close` waits
 * for both. The lock is the first thing taken and the last given back.
 */
import { check } from "../base/check.ts";
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { type Keys, NO_KEYS } from "../base/key_ring.ts";
import type { Random } from "../base/random.ts";
import type { DirectoryLock, DiskSpace } from "../disk/disk.ts";
import { closeQuietly, type Disk, DiskError } from "../disk/disk.ts";
import { EBADF } from "../disk/errno.ts";
import {
  IMAGE_TEMPORARY_NAME,
  isImageName,
  isTemporaryName,
  joinPath,
  MANIFEST_NAME,
  parseSegmentName,
} from "../disk/file_names.ts";
import type { Crc32c, SegmentHeader } from "../log/format.ts";
import type { LogBuffers } from "../log/log_buffer.ts";
import type { LogIo } from "../log/log_io.ts";
import { keyIdOf } from "../log/sealing.ts";
import { ALL_SPACE, type SegmentFile, type SegmentSummary, type SpareBytes } from "../log/segment_file.ts";
import { readSegment, type SegmentVisitor, segmentKeyId } from "../log/segment_reader.ts";
import type { FsyncPolicy } from "../log/sync_schedule.ts";
import { LogWriter } from "../log/writer.ts";
import type { Manifest, ManifestImage, ManifestSegment } from "../manifest/format.ts";
import { chainOf, logIsWhole } from "../manifest/image_chain.ts";
import { writeManifest, writeManifestLater } from "../manifest/store.ts";
import { keepUnshippedLater, moveUnshipped } from "../manifest/unshipped.ts";
import type { ExaminedSegment } from "./examination.ts";
import { keyIdOfImage } from "./image_chain.ts";
import { removeImportMarker } from "./import_marker.ts";
import { createSegment } from "./new_segment.ts";
import type { RecoveryReport } from "./recovery.ts";

export interface DataDirectoryOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logIo: LogIo;
  readonly clock: Clock;
  readonly random: Random;
  readonly crc32c: Crc32c;
  /** For what is encrypted; without them nothing is. Asked whenever a segment begins. */
  readonly keys?: Keys;
  readonly policy: FsyncPolicy;
  readonly segmentBytesMax: number;
  /** Without it everything on the disk may be taken. */
  readonly spareBytes?: SpareBytes;
  readonly buffers?: LogBuffers;
}

export class DataDirectory {
  readonly report: RecoveryReport;
  /** The one that writes now: after `restart` it is another one. */
  writer: LogWriter;
  private readonly options: DataDirectoryOptions;
  private readonly lock: DirectoryLock;
  private manifest: Manifest;
  private open = true;
  /** The key of each encrypted segment, by its name; others are plain. */
  private readonly keyIds = new Map<string, string>();
  /** Resolves when the replacement of the manifest that is under way has ended. */
  private listing: Promise<void> = Promise.resolve();
  /** One is under way, and those that wait for it. */
  private changing = false;
  private readonly changes: ((release: () => void) => void)[] = [];

  constructor(
    options: DataDirectoryOptions,
    lock: DirectoryLock,
    manifest: Manifest,
    segment: SegmentFile,
    examined: readonly ExaminedSegment[],
    report: RecoveryReport,
  ) {
    for (const { name, scan } of examined) this.noteKey(name, scan.header);
    this.noteKey(segment.name, segment.header);
    for (const { name } of [...manifest.segments, ...manifest.images]) {
      if (this.keyIds.has(name) || name === segment.name) continue;
      const { disk, directory, crc32c } = options;
      const path = joinPath(directory, name);
      const id = isImageName(name) ? keyIdOfImage(disk, path, crc32c) : segmentKeyId(disk, path, crc32c);
      if (id !== undefined) this.keyIds.set(name, id);
    }
    this.options = options;
    this.lock = lock;
    this.manifest = manifest;
    this.report = report;
    this.writer = this.writerInto(segment, report.commitMs);
  }

  private writerInto(segment: SegmentFile, commitMs: number): LogWriter {
    const { options } = this;
    return new LogWriter(
      {
        ...options,
        keys: options.keys ?? NO_KEYS,
        commitMs,
        spareBytes: options.spareBytes ?? ALL_SPACE,
        listSegment: (sealed, opened, done) => this.listSegment(sealed, opened, done),
      },
      segment,
    );
  }

  /** The manifest lists the segment that is being written. Otherwise `replay` would miss what is in it. */
  get listsAll(): boolean {
    return this.manifest.segments[this.manifest.segments.length - 1]!.name === this.writer.segmentName;
  }

  /** Somebody has removed the directory, or the segment that is being written, from under this process. */
  get isGone(): boolean {
    try {
      return this.options.disk.status(joinPath(this.options.directory, this.writer.segmentName)) === undefined;
    } catch (thrown) {
      // A disk that does not even answer this is judged by what becomes of the next write.
      if (thrown instanceof DiskError) return false;
      throw thrown;
    }
  }

  /** Of the disk that it is on; undefined where nobody can say. */
  get space(): DiskSpace | undefined {
    return this.options.disk.space(this.options.directory);
  }

  /** What may be taken of that disk without going below the watermark at which writes are refused. */
  spareBytes(): number {
    return (this.options.spareBytes ?? ALL_SPACE)();
  }

  /** What the listed segments are encrypted with: how many by each key, the one being written last; undefined: by none. */
  get segmentKeys(): ReadonlyMap<string | undefined, number> {
    const counts = new Map<string | undefined, number>();
    for (const { name } of this.manifest.segments) {
      const id = this.keyIds.get(name);
      const count = counts.get(id) ?? 0;
      counts.delete(id);
      counts.set(id, count + 1);
    }
    return counts;
  }

  /** Of the keys that images are encrypted with. */
  get imageKeys(): string[] {
    const ids = this.manifest.images.map(({ name }) => this.keyIds.get(name));
    return [...new Set(ids.filter((id) => id !== undefined))];
  }

  private noteKey(name: string, header: SegmentHeader): void {
    const id = keyIdOf(header);
    if (id === undefined) this.keyIds.delete(name);
    else this.keyIds.set(name, id);
  }

  /** Where it is. */
  get path(): string {
    return this.options.directory;
  }

  /**
   * Hands every unit that is in the files now to `visitor`, as a start would. Throws DATA_ROTTEN where one can't be read. Only while
   * `listsAll` is true.
   */
  replay(visitor: SegmentVisitor): void {
    check(this.listsAll, "every segment is listed");
    const { disk, directory, crc32c, keys = NO_KEYS } = this.options;
    for (const { name, sealed } of this.manifest.segments) {
      const path = joinPath(directory, name);
      const result = readSegment(disk, path, crc32c, visitor, sealed?.lengthBytes, keys);
      const last = sealed === null ? this.writer.writtenSequence : sealed.lastSequence;
      if (result.kind !== "scan" || result.scan.lastSequence !== last || result.scan.locked) {
        throw new EmberlogError("DATA_ROTTEN", `${path} can't be read up to command ${last}`, { file: path });
      }
    }
  }

  /** Makes everything in the log durable and states that it holds the whole dataset from here on. */
  async complete(): Promise<void> {
    await this.writer.durable();
    while (this.changing) await this.listing;
    this.manifest = { ...this.manifest, state: "complete" };
    writeManifest(this.options.disk, this.options.directory, this.manifest, this.options.crc32c);
    removeImportMarker(this.options.disk, this.options.directory);
  }

  /** Writes and syncs everything, seals the last segment and gives the directory back. */
  async close(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    const { disk, directory, crc32c, clock } = this.options;
    try {
      while (this.changing) await this.listing;
      const summary = await this.writer.close();
      // A segment without commands stays listed as open: a manifest names at least one file.
      if (summary.lastSequence >= summary.firstSequence) {
        const segments = [...this.manifest.segments.slice(0, -1), sealedEntry(summary, clock.wallMs())];
        const manifest = { ...this.manifest, writtenMs: clock.wallMs(), segments };
        writeManifest(disk, directory, manifest, crc32c);
        this.manifest = manifest;
      }
    } finally {
      await this.giveBack();
    }
  }

  /** Gives the directory back as it is, as a crash would: after a failure that `close` can't survive. */
  async abandon(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    await this.giveBack();
  }

  /** Gives the directory back without the log that was being filled: as it was before. */
  async discard(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    const { disk, directory } = this.options;
    this.writer.abandon();
    await this.listing;
    try {
      removeFilled(disk, directory);
    } finally {
      this.lock.release();
    }
  }

  /** A replacement of the manifest that is under way ends first: whoever has the directory next must find his own there. */
  private async giveBack(): Promise<void> {
    this.writer.abandon();
    while (this.changing) await this.listing;
    this.lock.release();
  }

  /** What is listed now; after `close`, what the last one listed. */
  get listed(): Manifest {
    return this.manifest;
  }

  /** The images that are listed, from old to new. */
  get images(): readonly ManifestImage[] {
    return this.manifest.images;
  }

  /** What a start would read but for the segment that is being written, bytes. */
  get startBytes(): number {
    const { images, segments } = this.manifest;
    const newest = images[images.length - 1];
    const chain = newest === undefined ? [] : chainOf(images, newest);
    const behind = segments.filter(({ sealed }) => (sealed?.lastSequence ?? 0) > (newest?.sequence ?? 0));
    return (
      chain.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0) +
      behind.reduce((sum, { sealed }) => sum + sealed!.lengthBytes, 0)
    );
  }

  get epoch(): Uint8Array {
    return this.manifest.epoch;
  }

  /** Segments alone are the whole dataset. */
  get logIsWhole(): boolean {
    return logIsWhole(this.manifest);
  }

  /** Removes an image that has come to nothing; where the disk refuses even that, the next image or the next start does. */
  dropImage(): void {
    try {
      this.prepareImage();
    } catch (thrown) {
      if (!(thrown instanceof DiskError)) throw thrown;
    }
  }

  /** The name under which an image is written. Whatever is left there of an earlier one goes. */
  prepareImage(): string {
    const { disk, directory } = this.options;
    const path = joinPath(directory, IMAGE_TEMPORARY_NAME);
    if (disk.status(path) !== undefined) disk.unlink(path);
    return path;
  }

  /**
   * Gives an image that is whole and synced its name and lists it; then what it makes unnecessary goes. // D3
   * `done` is called later; with an error it is not listed, or a crash may still bring the old manifest back.
   */
  addImage(
    image: ManifestImage,
    keyId: string | undefined,
    change: (manifest: Manifest) => Manifest,
    done: (error: DiskError | undefined) => void,
  ): void {
    const { disk, directory, crc32c, clock } = this.options;
    this.exclusively((release) => {
      const end = (operation: string, result: number): void => {
        release();
        done(result < 0 ? new DiskError(operation, directory, result) : undefined);
      };
      if (!this.open) return end("change", EBADF);
      const path = joinPath(directory, image.name);
      const add = (): void => {
        const failed = attempt(() => disk.rename(joinPath(directory, IMAGE_TEMPORARY_NAME), path));
        if (failed < 0) return end("rename an image in", failed);
        disk.syncDirectoryLater(directory, (synced) => {
          if (synced < 0) return end("sync", synced);
          const before = this.manifest;
          const manifest = { ...change(before), writtenMs: clock.wallMs() };
          writeManifestLater(disk, directory, manifest, crc32c, (replaced) => {
            if (replaced < 0) return end("replace the manifest in", replaced);
            this.manifest = manifest;
            if (keyId !== undefined) this.keyIds.set(image.name, keyId);
            // What stays because of the disk is removed by the next start.
            attempt(() => this.unlinkUnlisted(before));
            end("", 0);
          });
        });
      };
      if (disk.status(path) === undefined) return add();
      // Left by an attempt after the same command, whose manifest may be on the disk although its sync failed: it must not list another file's bytes.
      writeManifestLater(disk, directory, { ...this.manifest, writtenMs: clock.wallMs() }, crc32c, (replaced) => {
        if (replaced < 0) return end("replace the manifest in", replaced);
        add();
      });
    });
  }

  /**
   * After a failed sync: `image`, whole and synced under its temporary name, holds all that was executed. With an empty segment behind it, in the
   * image's own epoch, it takes the place of all that was listed; the segment whose sync failed is neither read nor trusted. // D9 D17
   *
   * Only while nothing is on its way to that one. `done` is called later: without an error `writer` is another one. With an error nothing has
   * changed, or a crash may bring either state, which both hold whatever was acknowledged as durable. `isAll` is asked last. `isFree`, where a backup
   * ships this directory, says of a segment that it has it: the others are kept for it (manifest/unshipped.ts).
   */
  restart(
    image: ManifestImage,
    keyId: string | undefined,
    isAll: () => boolean,
    isFree: ((segment: ManifestSegment) => boolean) | undefined,
    done: (error: DiskError | undefined) => void,
  ): void {
    const { disk, directory, crc32c } = this.options;
    this.exclusively((release) => {
      if (isFree === undefined) return this.beginAnew(image, keyId, isAll, release, done);
      const kept = (result: number): void => {
        if (result >= 0) return this.beginAnew(image, keyId, isAll, release, done);
        release();
        done(new DiskError("keep what the backup needs in", directory, result));
      };
      const failed = attempt(() => keepUnshippedLater(disk, directory, this.manifest, isFree, crc32c, kept));
      if (failed < 0) kept(failed);
    });
  }

  private beginAnew(
    image: ManifestImage,
    keyId: string | undefined,
    isAll: () => boolean,
    release: () => void,
    done: (error: DiskError | undefined) => void,
  ): void {
    const { disk, directory, crc32c, clock } = this.options;
    const { epoch, sequence } = image;
    let opened: SegmentFile | undefined;
    const end = (operation: string, result: number): void => {
      if (result < 0 && opened !== undefined) closeQuietly(disk, opened.fd);
      release();
      done(result < 0 ? new DiskError(operation, directory, result) : undefined);
    };
    const begun = attempt(() => {
      disk.rename(joinPath(directory, IMAGE_TEMPORARY_NAME), joinPath(directory, image.name));
      opened = createSegment(this.options, epoch, sequence, sequence + 1);
    });
    if (opened === undefined) return end("begin a segment in", begun);
    const segment: SegmentFile = opened;
    disk.fdatasyncLater(segment.fd, (stored) => {
      if (stored < 0) return end("sync", stored);
      disk.syncDirectoryLater(directory, (named) => {
        if (named < 0) return end("sync", named);
        const segments: ManifestSegment[] = [{ name: segment.name, epoch, firstSequence: sequence + 1, sealed: null }];
        const manifest: Manifest = {
          ...this.manifest,
          writtenMs: clock.wallMs(),
          state: "complete",
          epoch,
          forkSequence: sequence,
          // The segments alone are the whole never again.
          origin: 0,
          images: [image],
          segments,
        };
        writeManifestLater(disk, directory, manifest, crc32c, (replaced) => {
          if (replaced < 0) return end("replace the manifest in", replaced);
          this.manifest = manifest;
          if (!this.open || !isAll()) return end("go on in", EBADF);
          this.goOnIn(segment, image.name, keyId);
          // What stays because of the disk is moved or removed by the next start.
          attempt(() => {
            moveUnshipped(disk, directory, manifest, crc32c);
            this.unlinkForgotten();
          });
          end("", 0);
        });
      });
    });
  }

  private goOnIn(segment: SegmentFile, imageName: string, keyId: string | undefined): void {
    const { writer: failed } = this;
    failed.abandon();
    this.writer = this.writerInto(segment, failed.commitMs);
    Object.assign(this.writer.statistics, failed.statistics, { segments: failed.statistics.segments + 1 });
    this.keyIds.clear();
    this.noteKey(segment.name, segment.header);
    if (keyId !== undefined) this.keyIds.set(imageName, keyId);
  }

  /** Whatever looks like ours and is not listed: also what attempts before have left. */
  private unlinkForgotten(): void {
    const { disk, directory } = this.options;
    const kept = new Set([...this.manifest.images, ...this.manifest.segments].map(({ name }) => name));
    for (const name of disk.list(directory)) {
      if (kept.has(name) || (!isImageName(name) && parseSegmentName(name) === undefined)) continue;
      disk.unlink(joinPath(directory, name));
    }
  }

  /** What the manifest before listed and the one now does not. */
  private unlinkUnlisted(before: Manifest): void {
    const { disk, directory } = this.options;
    const kept = new Set([...this.manifest.images, ...this.manifest.segments].map(({ name }) => name));
    for (const { name } of [...before.images, ...before.segments]) {
      if (!kept.has(name)) disk.unlink(joinPath(directory, name));
    }
  }

  /** Runs `work`, which replaces the manifest, when nothing else does; until it calls what it is given. At once, if nothing does. */
  private exclusively(work: (release: () => void) => void): void {
    if (this.changing) {
      this.changes.push(work);
      return;
    }
    this.changing = true;
    let settle = (): void => {};
    this.listing = new Promise((resolve) => {
      settle = resolve;
    });
    work(() => {
      this.changing = false;
      const next = this.changes.shift();
      if (next !== undefined) this.exclusively(next);
      settle();
    });
  }

  /** A rotation: the new segment durable (D1), then the manifest that lists it (D2). */
  private listSegment(sealed: SegmentSummary, opened: SegmentFile, listed: (result: number) => void): void {
    const { disk, directory, crc32c, clock } = this.options;
    const { epoch, firstSequence } = opened.header;
    this.noteKey(opened.name, opened.header);
    const list = (release: () => void): void => {
      const done = (result: number): void => {
        release();
        listed(result);
      };
      const segments = this.manifest.segments.slice(0, -1);
      if (sealed.lastSequence >= sealed.firstSequence) segments.push(sealedEntry(sealed, clock.wallMs()));
      segments.push({ name: opened.name, epoch, firstSequence, sealed: null });
      const manifest = { ...this.manifest, writtenMs: clock.wallMs(), segments };
      writeManifestLater(disk, directory, manifest, crc32c, (result) => {
        if (result === 0) this.manifest = manifest;
        done(result);
      });
    };
    this.exclusively((release) => {
      const fail = (result: number): void => {
        release();
        listed(result);
      };
      disk.fdatasyncLater(opened.fd, (fileResult) => {
        if (fileResult < 0) return fail(fileResult);
        disk.syncDirectoryLater(directory, (directoryResult) => {
          if (directoryResult < 0) return fail(directoryResult);
          list(release);
        });
      });
    });
  }
}

/** Removes a log that was being filled. The marker goes last: until then no start takes what is left for data. */
export function removeFilled(disk: Disk, directory: string): void {
  for (const name of disk.list(directory)) {
    if (parseSegmentName(name) !== undefined || isTemporaryName(name) || name === MANIFEST_NAME) {
      disk.unlink(joinPath(directory, name));
    }
  }
  disk.syncDirectory(directory);
  removeImportMarker(disk, directory);
}

/** Zero, or the negative error number of what went wrong with the disk. */
export function attempt(work: () => void): number {
  try {
    work();
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof DiskError)) throw thrown;
    return thrown.errno;
  }
}

function sealedEntry(summary: SegmentSummary, sealedMs: number): ManifestSegment {
  const { name, epoch, firstSequence, lastSequence, lengthBytes, chain } = summary;
  return { name, epoch, firstSequence, sealed: { lastSequence, lengthBytes, chain, sealedMs } };
}
