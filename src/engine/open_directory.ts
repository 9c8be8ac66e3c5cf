/**
 * The ways into a data directory: recovered, to be filled, or repaired. Each locks it (D15) and leaves it as it was where it refuses.
 *
 * Here stand steps 4 to 6 of recovery.ts; what becomes of the directory then is data_directory.ts.
 */
import { EmberlogError } from "../base/errors.ts";
import { NO_KEYS } from "../base/key_ring.ts";
import type { DirectoryLock } from "../disk/disk.ts";
import { closeQuietly, type Disk, syncFully } from "../disk/disk.ts";
import { joinPath } from "../disk/file_names.ts";
import { EPOCH_BYTES } from "../log/format.ts";
import type { SegmentVisitor } from "../log/segment_reader.ts";
import type { Manifest, ManifestSegment } from "../manifest/format.ts";
import { writeManifest } from "../manifest/store.ts";
import { settleUnshipped } from "../manifest/unshipped.ts";
import { attempt, DataDirectory, type DataDirectoryOptions, removeFilled } from "./data_directory.ts";
import { directoryState, type Examination } from "./examination.ts";
import type { ImageMemory } from "./image_chain.ts";
import { refuseUnfinishedImport, removeImportMarker, writeImportMarker } from "./import_marker.ts";
import { createSegment } from "./new_segment.ts";
import { clearAway, type Recovered, recover, reportOf } from "./recovery.ts";
import { refuseUnfinishedRestore } from "./unfinished_restore.ts";

const NOTHING_EXAMINED: Examination = {
  directory: "ours",
  manifestState: "missing",
  manifest: null,
  segments: "none",
  images: "none",
  base: [],
  baseMs: 0,
  badImages: [],
  covered: [],
  findings: [],
  examined: [],
  leftovers: [],
  tornNext: null,
  lastSequence: 0,
};

/** `appendonly no`: a directory with data must not be hidden behind an empty server. Throws DIRECTORY_HOLDS_DATA. */
export function refuseDirectoryWithData(disk: Disk, directory: string): void {
  const state = directoryState(disk, directory);
  if (state !== "ours" && state !== "redis") return;
  const whose = state === "ours" ? "" : " of redis-server";
  throw new EmberlogError(
    "DIRECTORY_HOLDS_DATA",
    `the data directory ${directory} holds data${whose}, which appendonly no would ignore and then contradict. ` +
      `To go on: start with appendonly yes, or choose another directory with --dir.`,
    { file: directory },
  );
}

/**
 * Opens a data directory: creates it if need be, locks it, hands every unit that it holds to `visitor`, and begins a new
 * segment. Throws an EmberlogError where the start is refused; the directory is then as it was.
 */
export function openDataDirectory(
  options: DataDirectoryOptions,
  visitor: SegmentVisitor,
  memory: ImageMemory,
): DataDirectory {
  const { disk, directory, crc32c, clock } = options;
  return withLock(disk, directory, (lock) => {
    refuseUnfinishedImport(disk, directory, crc32c);
    refuseUnfinishedRestore(disk, directory);
    settleUnshipped(disk, directory, crc32c);
    const beganUs = clock.monotonicUs();
    const recovered = recover(disk, directory, crc32c, clock.wallMs(), visitor, memory, options.keys ?? NO_KEYS);
    const tookMs = (clock.monotonicUs() - beganUs) / 1000;
    const opened = begin(options, lock, recovered, recovered.lastSequence + 1, "complete", tookMs);
    removeImportMarker(disk, directory);
    return opened;
  });
}

/**
 * Opens a data directory for a log that is yet to be filled: with a dataset that lives in memory only (`CONFIG SET appendonly yes`), or with
 * what is imported from `importedFrom`. What the directory held before goes. Until `complete` is called a start discards the log again, or begins
 * the import again (import_marker.ts).
 */
export function openDataDirectoryToFill(
  options: DataDirectoryOptions,
  firstSequence: number,
  importedFrom?: string,
): DataDirectory {
  const { disk, directory } = options;
  return withLock(disk, directory, (lock) => {
    const state = directoryState(disk, directory);
    if (importedFrom === undefined && state === "redis") refuseDirectoryWithData(disk, directory);
    const recovered: Recovered = {
      examination: { ...NOTHING_EXAMINED, directory: state, lastSequence: firstSequence - 1 },
      decision: "create",
      sealed: [],
      images: [],
      origin: firstSequence - 1,
      setAside: [],
      newEpoch: true,
      lastSequence: firstSequence - 1,
      commitMs: 0,
    };
    try {
      if (importedFrom !== undefined) writeImportMarker(disk, directory, importedFrom);
      return begin(options, lock, recovered, firstSequence, "filling", 0);
    } catch (thrown) {
      // As far as the disk allows. Where there was data of Emberlog, the manifest decides what the marker means.
      if (importedFrom !== undefined && state !== "ours") attempt(() => removeFilled(disk, directory));
      throw thrown;
    }
  });
}

/** What a repair keeps, ready to be listed. */
export type Repaired = Pick<Recovered, "sealed" | "images" | "origin" | "setAside" | "lastSequence" | "commitMs">;

/** Opens a data directory with what `repair` keeps of it: in a new epoch, and what is not listed goes. */
export function openRepaired(options: DataDirectoryOptions, repair: () => Repaired): DataDirectory {
  const { disk, directory } = options;
  return withLock(disk, directory, (lock) => {
    const repaired = repair();
    const examination = { ...NOTHING_EXAMINED, lastSequence: repaired.lastSequence };
    const recovered: Recovered = { examination, decision: "cut", newEpoch: true, ...repaired };
    return begin(options, lock, recovered, repaired.lastSequence + 1, "complete", 0);
  });
}

function withLock(disk: Disk, directory: string, open: (lock: DirectoryLock) => DataDirectory): DataDirectory {
  disk.makeDirectory(directory);
  const lock = disk.lock(directory);
  try {
    return open(lock);
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

/** Steps 4 to 6 of recovery.ts. */
function begin(
  options: DataDirectoryOptions,
  lock: DirectoryLock,
  recovered: Recovered,
  firstSequence: number,
  state: Manifest["state"],
  tookMs: number,
): DataDirectory {
  const { disk, directory, clock, random, crc32c } = options;
  const { manifest: old } = recovered.examination;
  const continued = recovered.newEpoch ? null : old;
  const epoch = continued === null ? random.bytes(EPOCH_BYTES) : continued.epoch;
  const forkSequence = continued === null ? firstSequence - 1 : continued.forkSequence;
  const segment = createSegment(options, epoch, forkSequence, firstSequence);
  try {
    // D1, and D3: the segment is durable before the manifest lists it.
    syncFully(disk, segment.fd, joinPath(directory, segment.name));
    disk.syncDirectory(directory);
    const opened: ManifestSegment = { name: segment.name, epoch, firstSequence, sealed: null };
    const manifest: Manifest = {
      writtenMs: clock.wallMs(),
      state,
      epoch,
      forkSequence,
      origin: recovered.origin,
      images: recovered.images,
      segments: [...recovered.sealed, opened],
    };
    writeManifest(disk, directory, manifest, crc32c);
    clearAway(disk, directory, recovered, segment.name);
    const report = reportOf(directory, recovered, epoch, tookMs);
    return new DataDirectory(options, lock, manifest, segment, recovered.examination.examined, report);
  } catch (thrown) {
    closeQuietly(disk, segment.fd);
    throw thrown;
  }
}
