/**
 * What a backup still needs of a log that an image has taken the place of (D9): its last manifest, reduced to the segments that were not shipped, and their
 * files under names that nothing else reads.
 *
 * ```
 * 1. unshipped-0001-<epoch>.manifest   durable, while the directory's own manifest still lists the same
 * 2. the directory's manifest          replaced: the log has begun anew
 * 3. log-….seg                         becomes log-….unshipped, each that 1 lists and 2 does not
 * 4. all of it goes                    when the store has what can be had of it, and a claim that says what goes on from it
 * ```
 * A start finishes 3, or takes 1 back where 2 never happened (the epoch tells). Where several logs were replaced before any was shipped their numbers tell
 * the order.
 *
 * Of the last segment, which is listed as open, the beginning is on stable storage and the rest may be gone; all of it was executed and is in the image.
 */
import { MANIFEST_BYTES_MAX } from "../base/limits.ts";
import { type Disk, readWholeFile } from "../disk/disk.ts";
import {
  hex,
  joinPath,
  parseUnshippedName,
  UNSHIPPED_TEMPORARY_NAME,
  unshippedName,
  unshippedSegmentName,
} from "../disk/file_names.ts";
import { replaceFileLater } from "../disk/replace_file.ts";
import { type Crc32c, decodeManifest, encodeManifest, type Manifest, type ManifestSegment } from "./format.ts";
import { readManifest } from "./store.ts";

/** A log that has been replaced; the names in its manifest are those that the files have now. */
export interface UnshippedLog {
  /** Of the file that says so. */
  readonly name: string;
  readonly manifest: Manifest;
}

/** Step 1. `isFree`: nobody needs that segment. `done` gets zero or a negative error number, later. */
export function keepUnshippedLater(
  disk: Disk,
  directory: string,
  manifest: Manifest,
  isFree: (segment: ManifestSegment) => boolean,
  crc32c: Crc32c,
  done: (result: number) => void,
): void {
  const { segments } = manifest;
  const needed = segments.findIndex((segment) => !isFree(segment));
  // The last one at least, which says what the store's history goes on from.
  const kept = segments.slice(needed < 0 ? -1 : needed);
  const bytes = encodeManifest({ ...manifest, images: [], segments: kept }, crc32c);
  const known = disk.list(directory).map(parseUnshippedName);
  const epoch = hex(manifest.epoch);
  // An attempt before may have come so far and no further.
  const own = known.find((each) => each?.epoch === epoch);
  const number = own?.number ?? known.reduce((most, each) => Math.max(most, each?.number ?? 0), 0) + 1;
  replaceFileLater(disk, directory, unshippedName(number, manifest.epoch), UNSHIPPED_TEMPORARY_NAME, bytes, done);
}

/** Step 3. `listed` is the directory's manifest. */
export function moveUnshipped(disk: Disk, directory: string, listed: Manifest, crc32c: Crc32c): void {
  const own = new Set(listed.segments.map(({ name }) => name));
  let moved = false;
  for (const { manifest } of unshippedManifests(disk, directory, crc32c)) {
    for (const { name } of manifest.segments) {
      if (own.has(name) || disk.status(joinPath(directory, name)) === undefined) continue;
      disk.rename(joinPath(directory, name), joinPath(directory, unshippedSegmentName(name)));
      moved = true;
    }
  }
  if (moved) disk.syncDirectory(directory);
}

/** What a process has left that ended between two steps: before anything else is done with the directory. */
export function settleUnshipped(disk: Disk, directory: string, crc32c: Crc32c): void {
  const logs = unshippedManifests(disk, directory, crc32c);
  if (logs.length === 0) return;
  const read = readManifest(disk, directory, crc32c);
  if (read.kind !== "sound") return;
  const { manifest } = read;
  const epoch = hex(manifest.epoch);
  for (const { name } of logs.filter((log) => hex(log.manifest.epoch) === epoch))
    disk.unlink(joinPath(directory, name));
  disk.syncDirectory(directory);
  moveUnshipped(disk, directory, manifest, crc32c);
}

/** In the order in which they were replaced. What can't be read is left out. */
export function readUnshipped(disk: Disk, directory: string, crc32c: Crc32c): UnshippedLog[] {
  return unshippedManifests(disk, directory, crc32c).map(({ name, manifest }) => ({
    name,
    manifest: {
      ...manifest,
      segments: manifest.segments.map((segment) => ({ ...segment, name: unshippedSegmentName(segment.name) })),
    },
  }));
}

/** Step 4. */
export function removeUnshipped(disk: Disk, directory: string, { name, manifest }: UnshippedLog): void {
  for (const segment of manifest.segments) {
    const path = joinPath(directory, segment.name);
    if (disk.status(path) !== undefined) disk.unlink(path);
  }
  disk.syncDirectory(directory);
  disk.unlink(joinPath(directory, name));
  disk.syncDirectory(directory);
}

/** Of files that wait for the backup in that way, bytes. */
export function unshippedBytes(disk: Disk, directory: string): number {
  return disk
    .list(directory)
    .filter((name) => name.endsWith(".unshipped"))
    .reduce((sum, name) => sum + (disk.status(joinPath(directory, name))?.size ?? 0), 0);
}

/** With the names that the files had in the log. */
function unshippedManifests(disk: Disk, directory: string, crc32c: Crc32c): UnshippedLog[] {
  const logs: UnshippedLog[] = [];
  for (const name of disk.list(directory)) {
    if (parseUnshippedName(name) === undefined) continue;
    const bytes = readWholeFile(disk, joinPath(directory, name), MANIFEST_BYTES_MAX);
    const read = bytes === undefined ? undefined : decodeManifest(bytes, crc32c);
    if (read?.kind === "sound") logs.push({ name, manifest: read.manifest });
  }
  return logs;
}
