/**
 * A data directory out of a store: fetched, verified, opened, cut where it is wanted, in a new epoch (D17). What follows is an ordinary
 * start, which reads it as it reads any other directory.
 *
 * 1. The directory must be empty or absent.
 * 2. Images and segments are fetched, several at once; each becomes a file under its own name only when it is whole and its bytes
 *    are those that were stored (D1).
 * 3. Each segment is read as a start would read it. The last one may go beyond what is wanted: of it the whole frames before that point stay, and the
 *    commands of the next frame that are wanted too are written anew behind them, a transaction whole or not at all (D18).
 * 4. The manifest is written, last. Until then a start finds files without one, and refuses; a restore that was interrupted is
 *    begun again in an empty directory.
 */
import path from "node:path";
import { check } from "../base/check.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { humanBytes } from "../base/memory_size.ts";
import { type Disk, syncFully } from "../disk/disk.ts";
import { fromHex, joinPath, LOCK_NAME, segmentName } from "../disk/file_names.ts";
import { createFile } from "../disk/object_files.ts";
import { type Crc32c, FLAG_CONTINUES, type FrameHeader } from "../log/format.ts";
import { readSegment, type SegmentScan, type SegmentVisitor } from "../log/segment_reader.ts";
import type { ManifestImage, ManifestSegment } from "../manifest/format.ts";
import { scanCommands } from "./command_scan.ts";
import { type FetchOptions, fetchContent, fetchSegment } from "./fetch.ts";
import { forAll } from "./for_all.ts";
import type { Generation } from "./generation.ts";
import type { StoredSegment } from "./history.ts";
import type { RestorePlan, RestoreTarget } from "./restore_plan.ts";

/** Objects fetched at the same time. */
const OBJECTS_AT_ONCE = 4;

export interface Restored {
  /** The last command in the restored state. */
  readonly sequence: number;
  /** Its commit time, ms; 0 where nothing was read that tells it. */
  readonly commitMs: number;
  readonly files: number;
}

/** What is kept of a directory that has been fetched, ready to be listed. */
export interface KeptFiles {
  readonly sealed: readonly ManifestSegment[];
  readonly images: readonly ManifestImage[];
  readonly origin: number;
  readonly lastSequence: number;
  readonly commitMs: number;
}

/** A directory whose manifest lists those files, in a new epoch. */
export interface BegunDirectory {
  /** Writes commands behind what is there, as one unit, durably. `database` is the one selected at their start. */
  append(payload: Uint8Array, commands: number, database: number): Promise<void>;
  close(): Promise<void>;
}

export interface RestoreOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly crc32c: Crc32c;
  readonly keys: Keys;
  /** Step 4, the engine's part. */
  readonly begin: (kept: KeptFiles) => BegunDirectory;
  /** Writes a file; absent: as `createFile` does, on the machine's disk. */
  readonly createFile?: typeof createFile;
}

/** The bytes that carrying `plan` out fetches, as stored. */
export function bytesToFetch(plan: RestorePlan, generation: Generation | null): number {
  const images = generation?.images ?? [];
  return [...images, ...plan.segments].reduce((sum, { size }) => sum + size, 0);
}

/** Step 1, for whoever wants to know before anything is fetched. Throws DIRECTORY_HOLDS_DATA. */
export function requireEmpty(disk: Disk, directory: string): void {
  // A server that refused to start there has left its lock.
  if (disk.status(directory) === undefined || disk.list(directory).every((name) => name === LOCK_NAME)) return;
  throw new EmberlogError("DIRECTORY_HOLDS_DATA", `${directory} is not empty: a restore goes into an empty directory`, {
    file: directory,
  });
}

/** Whether what is fetched will fit, as far as anybody knows, before anything is: the directory is there. Throws DISK_FULL. */
export function requireSpace(disk: Disk, directory: string, bytes: number): void {
  const free = disk.space(directory)?.freeBytes;
  if (free === undefined || free >= bytes) return;
  throw new EmberlogError(
    "DISK_FULL",
    `${directory} has room for ${humanBytes(free)}, and what is restored takes ${humanBytes(bytes)}: nothing was fetched`,
    { file: directory },
  );
}

/** Steps 1 to 4. Throws DIRECTORY_HOLDS_DATA, BACKUP_UNREADABLE, and what store and disk throw. */
export async function restore(
  options: RestoreOptions,
  fetching: FetchOptions,
  plan: RestorePlan,
  generation: Generation | null,
): Promise<Restored> {
  const { disk, directory } = options;
  requireEmpty(disk, directory);
  disk.makeDirectory(directory);
  const images = generation?.images ?? [];
  const files = [
    ...images.map(
      ({ object, size, image }) =>
        () =>
          writeFile(options, fetchContent(fetching, object, size), image.name),
    ),
    ...plan.segments.map((segment) => () => {
      const name = segmentName(segment.object.firstSequence, epochOf(segment));
      return writeFile(options, fetchSegment(fetching, segment), name);
    }),
  ];
  await forAll(files, OBJECTS_AT_ONCE, (fetch) => fetch());
  return assemble(
    options,
    plan,
    images.map(({ image }) => image),
  );
}

function epochOf({ object }: StoredSegment): Uint8Array {
  return fromHex(object.epoch)!;
}

async function writeFile(
  { directory, createFile: create = createFile }: RestoreOptions,
  content: AsyncIterable<Uint8Array>,
  name: string,
): Promise<void> {
  const created = await create(path.join(directory, name), content, path.join(directory, `${name}.part`));
  check(created, "an empty directory has no such file");
}

/** What of the last segment's next frame is wanted. */
interface Remainder {
  readonly payload: Uint8Array;
  readonly commands: number;
  readonly database: number;
  readonly sequence: number;
  readonly commitMs: number;
}

async function assemble(
  options: RestoreOptions,
  plan: RestorePlan,
  images: readonly ManifestImage[],
): Promise<Restored> {
  const sealed: ManifestSegment[] = [];
  let commitMs = 0;
  let lastSequence = plan.first;
  let remainder: Remainder | undefined;
  for (const stored of plan.segments) {
    check(remainder === undefined, "only the last segment is cut");
    const part = takeSegment(options, stored, plan.target);
    remainder = part.remainder;
    commitMs = Math.max(commitMs, part.commitMs);
    lastSequence = Math.max(lastSequence, part.segment.sealed!.lastSequence);
    if (part.segment.sealed!.lastSequence >= part.segment.firstSequence) sealed.push(part.segment);
  }
  const begun = options.begin({ sealed, images, origin: plan.origin, lastSequence, commitMs });
  try {
    if (remainder !== undefined) {
      await begun.append(remainder.payload, remainder.commands, remainder.database);
      lastSequence = remainder.sequence;
      commitMs = Math.max(commitMs, remainder.commitMs);
    }
  } finally {
    await begun.close();
  }
  return { sequence: lastSequence, commitMs, files: images.length + sealed.length };
}

interface Part {
  readonly segment: ManifestSegment;
  readonly commitMs: number;
  readonly remainder: Remainder | undefined;
}

/** Step 3: a segment as it will be listed, cut where the target lies inside it. */
function takeSegment(options: RestoreOptions, segment: StoredSegment, target: RestoreTarget): Part {
  const { disk, directory, crc32c, keys } = options;
  const { object } = segment;
  const name = segmentName(object.firstSequence, epochOf(segment));
  const file = joinPath(directory, name);
  const search = new CutSearch(target);
  const whole = readSegment(disk, file, crc32c, search, undefined, keys);
  if (whole.kind === "unknown") {
    throw new EmberlogError(
      "VERSION_UNKNOWN",
      `${name} has version ${whole.version}; Emberlog ${whole.reader} can read it`,
      { file },
    );
  }
  if (whole.kind === "damaged") throw new EmberlogError("BACKUP_UNREADABLE", `${name}: ${whole.reason}`, { file });
  const { scan } = whole;
  if (scan.damage !== null || (!scan.stopped && scan.lastSequence !== object.lastSequence)) {
    throw new EmberlogError("BACKUP_UNREADABLE", `${name}: ${scan.damage?.reason ?? "it ends too early"}`, {
      file,
      offset: scan.damage?.offset ?? scan.endOffset,
    });
  }
  if (scan.locked) {
    throw new EmberlogError(
      "KEY_MISSING",
      `${name} is encrypted with the key ${scan.keyId ?? ""}: give that key to cut inside it`,
      { file },
    );
  }
  const kept = search.cutAt < 0 ? scan : cutAt(options, file, search.cutAt);
  return {
    segment: {
      name,
      epoch: epochOf(segment),
      firstSequence: object.firstSequence,
      sealed: {
        lastSequence: kept.lastSequence,
        lengthBytes: kept.endOffset,
        chain: kept.chain,
        sealedMs: kept.commitMs,
      },
    },
    commitMs: kept.commitMs,
    remainder: search.remainder,
  };
}

/** Cuts a segment behind a whole frame and says what is left. */
function cutAt(options: RestoreOptions, file: string, offset: number): SegmentScan {
  const { disk, crc32c, keys } = options;
  const fd = disk.open(file, "write");
  try {
    disk.truncate(fd, offset);
    syncFully(disk, fd, file);
  } finally {
    disk.close(fd);
  }
  const read = readSegment(disk, file, crc32c, { unit: () => undefined }, offset, keys);
  check(read.kind === "scan" && read.scan.endOffset === offset, "whole frames stay whole");
  return read.scan;
}

/** Looks for the first unit that is not wanted, or not wanted whole. */
class CutSearch implements SegmentVisitor {
  /** Where that unit begins in the file; -1: all is wanted. */
  cutAt = -1;
  remainder: Remainder | undefined;
  private readonly target: RestoreTarget;
  private unitAt = 0;
  private inUnit = false;
  private commitMs = 0;

  constructor(target: RestoreTarget) {
    this.target = target;
  }

  frame(header: FrameHeader, offset: number): void {
    if (!this.inUnit) this.unitAt = offset;
    this.inUnit = (header.flags & FLAG_CONTINUES) !== 0;
    this.commitMs = header.commitMs;
  }

  unit(
    payload: Uint8Array,
    start: number,
    end: number,
    commands: number,
    database: number,
    firstSequence: number,
  ): boolean {
    const { target } = this;
    if (target.kind === "latest") return true;
    if (target.kind === "time") {
      if (this.commitMs <= target.ms) return true;
      this.cutAt = this.unitAt;
      return false;
    }
    if (firstSequence + commands - 1 <= target.sequence) return true;
    this.cutAt = this.unitAt;
    this.remainder = beginningOf(payload, start, end, database, firstSequence, target.sequence, this.commitMs);
    return false;
  }
}

/** The commands of a unit up to `sequence`; of a transaction that is not wanted whole, nothing. */
function beginningOf(
  payload: Uint8Array,
  start: number,
  end: number,
  database: number,
  firstSequence: number,
  sequence: number,
  commitMs: number,
): Remainder | undefined {
  let at = start;
  let last = firstSequence - 1;
  for (const command of scanCommands(payload, start, end, firstSequence)) {
    if (command.sequence > sequence) break;
    if (command.joined) continue;
    at = command.end;
    last = command.sequence;
  }
  if (last < firstSequence) return undefined;
  return { payload: payload.slice(start, at), commands: last - firstSequence + 1, database, sequence: last, commitMs };
}
