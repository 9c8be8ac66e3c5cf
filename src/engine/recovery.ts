/**
 * Carries out what `recovery_cases.ts` decides about a data directory, up to the point where a new segment can begin.
 *
 * Order, so that a crash at any point changes nothing that counts and recovering again gives the same state:
 *  1. read and apply (examination.ts); refuse here, before anything is changed
 *  2. copy what will be cut or discarded into the quarantine, durably; remove what no manifest vouches for
 *  3. store what was read: a killed process may have left it in the page cache only (D11), and after a failed sync the kernel
 *     takes these pages for stored (D9). So what no frame states to be durable is copied into a new file, which is synced
 *  4. begin the new segment, durably (D1), in a new epoch if anything is dropped (D17)
 *  5. replace the manifest (D2): from here on the cut is a fact
 *  6. only then truncate, unlink and remove leftovers (D3)
 * A crash before 5 leaves the old manifest and a segment without commands; a crash after 5 leaves bytes behind a sealed end,
 * or files that nobody lists. The next start clears these away.
 */
import { EmberlogError, type ErrorCode } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { type Disk, syncFully, writeFully } from "../disk/disk.ts";
import {
  hex,
  isImageName,
  isTemporaryName,
  joinPath,
  MANIFEST_NAME,
  parseSegmentName,
  QUARANTINE_NAME,
  quarantineName,
} from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import type { SegmentScan, SegmentVisitor } from "../log/segment_reader.ts";
import type { Manifest, ManifestImage, ManifestSegment } from "../manifest/format.ts";
import { chainOf } from "../manifest/image_chain.ts";
import { type Examination, examine } from "./examination.ts";
import type { BadImage, ImageMemory } from "./image_chain.ts";
import { casesFor, type Decision } from "./recovery_cases.ts";
import { copySegment } from "./segment_copy.ts";

/** What was cut off or set aside. */
export interface SetAside {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** Where the copy is, under the data directory. */
  readonly copy: string;
  readonly reason: string;
}

export interface RecoveryReport {
  readonly decision: Decision;
  readonly directory: string;
  /** Segments that held commands. */
  readonly segments: number;
  readonly frames: number;
  readonly commands: number;
  readonly bytes: number;
  readonly lastSequence: number;
  /** When the last frame was committed, ms since 1970; 0 if there was none. */
  readonly commitMs: number;
  readonly epoch: string;
  readonly newEpoch: boolean;
  readonly setAside: readonly SetAside[];
  /** Images that the state began with, the last sequence in them, and their bytes. */
  readonly images: number;
  readonly imageSequence: number;
  readonly imageBytes: number;
  /** Images that were damaged or gone, with the reason. */
  readonly badImages: readonly BadImage[];
  /** Reading and applying, ms. */
  readonly tookMs: number;
}

/** A recovery half done: what is left to do once the new manifest is in place. */
export interface Recovered {
  readonly examination: Examination;
  readonly decision: Decision;
  /** To be listed before the new segment. */
  readonly sealed: readonly ManifestSegment[];
  readonly images: readonly ManifestImage[];
  readonly origin: number;
  readonly setAside: readonly SetAside[];
  readonly newEpoch: boolean;
  readonly lastSequence: number;
  readonly commitMs: number;
}

const COPY_BYTES = 4 * 1024 * 1024;

/** What the decision is for an examined directory. */
export function decide(examination: Examination): { decision: Decision; why: string } {
  const [row] = casesFor(examination.directory, examination.manifestState, examination.segments, examination.images);
  if (row === undefined) throw new Error("invariant broken: no recovery case fits");
  return row;
}

/** Steps 1 to 3. Throws an EmberlogError where the start must be refused; then nothing has been changed. */
export function recover(
  disk: Disk,
  directory: string,
  crc32c: Crc32c,
  nowMs: number,
  visitor: SegmentVisitor,
  memory: ImageMemory,
  keys: Keys,
): Recovered {
  const examination = examine(disk, directory, crc32c, visitor, memory, false, keys, "all");
  const { decision, why } = decide(examination);
  if (decision.startsWith("refuse")) throw refusal(directory, decision, why, examination);
  const setAside: SetAside[] = [];
  if (decision === "discard") setAsideAll(disk, directory, nowMs, setAside);
  // A start that died may have left bytes behind what is listed by now: that nothing is lost with them makes no copy needless.
  if (decision === "cut" || decision === "open") copyTails(disk, directory, nowMs, examination, setAside);
  const kept = decision === "open" || decision === "cut" ? examination.examined : [];
  if (decision === "open" || decision === "cut") copyBadImages(disk, directory, nowMs, examination, setAside);
  const continues = decision === "open" || decision === "cut";
  const sealed: ManifestSegment[] = continues ? [...examination.covered] : [];
  // What an image holds was committed before it was taken, and a start may read no more than the image.
  let commitMs = continues ? examination.baseMs : 0;
  for (const { name, epoch, firstSequence, listed, scan } of kept) {
    commitMs = Math.max(commitMs, scan.commitMs);
    // Without commands it needs no entry, but bytes behind its end stay explained until they have been trimmed; space that was only
    // written ahead needs no explanation, and the next segment may have its name.
    const unused = listed?.sealed == null && scan.damage === null;
    if (scan.commands === 0 && (unused || scan.fileBytes === scan.endOffset)) continue;
    const end = listed?.sealed == null ? storedEnd(disk, directory, name, crc32c, scan) : endOf(scan);
    const sealedMs = listed?.sealed == null ? nowMs : listed.sealed.sealedMs;
    sealed.push({ name, epoch, firstSequence, sealed: { lastSequence: scan.lastSequence, ...end, sealedMs } });
  }
  inListedOrder(sealed, examination.manifest);
  if (kept.length > 0) disk.syncDirectory(directory);
  const lastSequence = continues ? examination.lastSequence : 0;
  const newEpoch = decision !== "open";
  const { images, origin } = continues ? keptImages(examination) : { images: [], origin: 0 };
  return { examination, decision, sealed, images, origin, setAside, newEpoch, lastSequence, commitMs };
}

/**
 * One after the other, as the manifest had them: what was read and what wasn't need not take turns. A segment that it did not list is the
 * newest.
 */
function inListedOrder(segments: ManifestSegment[], manifest: Manifest | null): void {
  const order = new Map(manifest?.segments.map(({ name }, place) => [name, place]));
  const placeOf = ({ name }: ManifestSegment): number => order.get(name) ?? order.size;
  segments.sort((a, b) => placeOf(a) - placeOf(b));
}

/** An image that can't be used is kept for whoever wants to look at it. */
function copyBadImages(
  disk: Disk,
  directory: string,
  nowMs: number,
  { badImages }: Examination,
  out: SetAside[],
): void {
  for (const { name, reason, missing } of badImages) {
    if (!missing) out.push(copyAside(disk, directory, name, 0, nowMs, reason));
  }
}

/** Images that are damaged are listed no more, nor what stands on them. */
function keptImages({ manifest, badImages }: Examination): Pick<Recovered, "images" | "origin"> {
  const listed = manifest?.images ?? [];
  const bad = new Set(badImages.map(({ name }) => name));
  const images = listed.filter((image) => chainOf(listed, image).every(({ name }) => !bad.has(name)));
  return { images, origin: manifest?.origin ?? 0 };
}

interface SegmentEnd {
  readonly lengthBytes: number;
  readonly chain: number;
}

function endOf({ endOffset, chain }: SegmentScan): SegmentEnd {
  return { lengthBytes: endOffset, chain };
}

/** Where a segment ends that was open: it is durable up to there from now on. */
function storedEnd(disk: Disk, directory: string, name: string, crc32c: Crc32c, scan: SegmentScan): SegmentEnd {
  // Marks behind the last command are not needed: the manifest will say more.
  if (scan.commands > 0 && scan.lastSequence <= scan.durableSequence) {
    return { lengthBytes: scan.durableOffset, chain: scan.durableChain };
  }
  copySegment(disk, directory, name, crc32c, scan);
  return endOf(scan);
}

/** Step 6: what the manifest no longer needs goes. */
export function clearAway(disk: Disk, directory: string, recovered: Recovered, opened: string): void {
  const listed = new Map(recovered.sealed.map((segment) => [segment.name, segment]));
  let changed = false;
  const images = new Set(recovered.images.map(({ name }) => name));
  for (const name of disk.list(directory)) {
    if (isImageName(name) && !images.has(name)) {
      disk.unlink(joinPath(directory, name));
      changed = true;
    } else if (
      isTemporaryName(name) ||
      (parseSegmentName(name) !== undefined && name !== opened && !listed.has(name))
    ) {
      disk.unlink(joinPath(directory, name));
      changed = true;
    }
  }
  for (const { name, sealed } of recovered.sealed) trimSegment(disk, joinPath(directory, name), sealed!.lengthBytes);
  if (changed) disk.syncDirectory(directory);
}

function trimSegment(disk: Disk, path: string, lengthBytes: number): void {
  if (disk.status(path)!.size <= lengthBytes) return;
  const fd = disk.open(path, "write");
  try {
    disk.truncate(fd, lengthBytes);
    syncFully(disk, fd, path);
  } finally {
    disk.close(fd);
  }
}

function copyTails(disk: Disk, directory: string, nowMs: number, examination: Examination, out: SetAside[]): void {
  for (const { name, scan } of examination.examined) {
    if (scan.damage === null || scan.fileBytes <= scan.endOffset) continue;
    out.push(copyAside(disk, directory, name, scan.endOffset, nowMs, scan.damage.reason));
  }
  const { tornNext } = examination;
  if (tornNext === null) return;
  out.push(copyAside(disk, directory, tornNext, 0, nowMs, "the segment was just being begun"));
  // Nothing lists it, so that it was torn shows in the file alone: empty, it is a leftover for every later start.
  trimSegment(disk, joinPath(directory, tornNext), 0);
}

/** Copies a file from `offset` to its end into the quarantine, durably (D1). */
export function copyAside(
  disk: Disk,
  directory: string,
  name: string,
  offset: number,
  nowMs: number,
  reason: string,
): SetAside {
  const quarantine = joinPath(directory, QUARANTINE_NAME);
  if (disk.makeDirectory(quarantine)) disk.syncDirectory(directory);
  const copyName = quarantineName(name, offset, nowMs);
  const path = joinPath(quarantine, copyName);
  // Of an earlier start at the same millisecond that did not get any further.
  if (disk.status(path) !== undefined) disk.unlink(path);
  const source = disk.open(joinPath(directory, name), "read");
  const target = disk.open(path, "create");
  let bytes = 0;
  try {
    const buffer = new Uint8Array(Math.min(COPY_BYTES, disk.length(source) - offset + 1));
    for (;;) {
      const read = disk.read(source, buffer, 0, buffer.length, offset + bytes);
      if (read === 0) break;
      writeFully(disk, target, buffer, 0, read, bytes, path);
      bytes += read;
    }
    syncFully(disk, target, path);
  } finally {
    disk.close(source);
    disk.close(target);
  }
  disk.syncDirectory(quarantine);
  return { file: name, offset, bytes, copy: joinPath(QUARANTINE_NAME, copyName), reason };
}

/**
 * Copies every segment aside and removes it. The manifest goes on saying that the log is not complete, so a crash here leads
 * to the same decision again.
 */
function setAsideAll(disk: Disk, directory: string, nowMs: number, out: SetAside[]): void {
  const names = disk.list(directory).filter((name) => parseSegmentName(name) !== undefined);
  for (const name of names) out.push(copyAside(disk, directory, name, 0, nowMs, "the log was not complete yet"));
  for (const name of names) disk.unlink(joinPath(directory, name));
  disk.syncDirectory(directory);
}

const CODES: Partial<Record<Decision, ErrorCode>> = {
  "refuse redis": "DIRECTORY_HOLDS_DATA",
  "refuse missing": "DATA_MISSING",
  "refuse rotten": "DATA_ROTTEN",
  "refuse locked": "KEY_MISSING",
  "refuse unknown": "VERSION_UNKNOWN",
  "refuse stray": "DATA_ROTTEN",
};

/** How to go on, as a person would have to type it. */
export function advice(directory: string, decision: Decision): string {
  switch (decision) {
    case "refuse redis":
      return "choose an empty directory with --dir, or move these files away";
    case "refuse unknown":
      return "start the version named above";
    case "refuse locked":
      return "give the key named above with encryption-key-file, encryption-key-env or encryption-key-command";
    case "refuse missing":
    case "refuse rotten":
    case "refuse stray":
      return (
        `restore the file from a backup; or keep what is before the damage: \`emberlog repair ${directory}\` says what that ` +
        `loses, and does it with --apply (\`emberlog dump ${directory} --resp\` prints it for \`redis-cli --pipe\`). ` +
        `\`emberlog check ${directory}\` explains in full`
      );
    default:
      return "start the server";
  }
}

function refusal(directory: string, decision: Decision, why: string, examination: Examination): EmberlogError {
  const { findings, manifestState, segments } = examination;
  // Where the manifest is the matter, what else was found follows from that.
  const worst =
    manifestState === "sound"
      ? (findings.find((finding) => finding.state === segments) ?? findings[0])
      : findings.find((finding) => finding.file === MANIFEST_NAME);
  const where =
    worst === undefined
      ? ""
      : ` (${worst.file}${worst.offset === undefined ? "" : ` at ${worst.offset}`}: ${worst.text})`;
  const detail: { file?: string; offset?: number } = {};
  if (manifestState !== "sound" && decision !== "refuse redis") detail.file = joinPath(directory, MANIFEST_NAME);
  if (worst !== undefined) {
    detail.file = joinPath(directory, worst.file);
    if (worst.offset !== undefined) detail.offset = worst.offset;
  }
  const message = `${directory}: ${why}${where}. To go on: ${advice(directory, decision)}.`;
  return new EmberlogError(CODES[decision] ?? "DATA_ROTTEN", message, detail);
}

/** The report for the banner. */
export function reportOf(directory: string, recovered: Recovered, epoch: Uint8Array, tookMs: number): RecoveryReport {
  const { decision, setAside, newEpoch, lastSequence, commitMs } = recovered;
  const kept = decision === "open" || decision === "cut" ? recovered.examination.examined : [];
  let frames = 0;
  let commands = 0;
  let bytes = 0;
  for (const { scan } of kept) {
    frames += scan.frames;
    commands += scan.commands;
    bytes += scan.endOffset;
  }
  const segments = recovered.sealed.length;
  const { base, badImages } = recovered.examination;
  return {
    images: base.length,
    imageSequence: base[base.length - 1]?.sequence ?? 0,
    imageBytes: base.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
    badImages,
    decision,
    directory,
    segments,
    frames,
    commands,
    bytes,
    lastSequence,
    commitMs,
    epoch: hex(epoch),
    newEpoch,
    setAside,
    tookMs,
  };
}
