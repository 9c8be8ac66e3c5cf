/**
 * Finds out what a data directory holds, without changing anything: the same eyes for a start (which applies the units on
 * the way, in one pass) and for `emberlog check` (which only looks).
 *
 * What counts as whole:
 *  - a sealed segment: its header, every frame, and length, last sequence and chain as the manifest says (D13). Bytes behind
 *    its length are what a cut left when the process ended in the middle of it; they are in the quarantine.
 *  - the open segment, listed or the one after it that the manifest did not list yet (a rotation or a start was interrupted;
 *    nothing in it was acknowledged as durable): every frame up to its end. Damage there is torn or rot by D8. That the next
 *    segment exists proves the whole of this one durable, because it got its name only after that sync (D11).
 *  - an unlisted segment without commands is a leftover of a start that crashed (D3); without any manifest only one that begins with command 1,
 *    because no other is the first. One whose commands all lie before the first listed
 *    segment of a log that images have made shorter is a leftover too: its name was removed, and a power cut has brought it back. Any
 *    other one with commands is a stray.
 *
 * Where there are images the newest chain that is whole is the beginning (image_chain.ts), and units that it contains are not applied. A
 * start doesn't read segments that lie wholly before it: they are there for the day on which an image is damaged, and `check` reads them.
 *
 * Units are applied only while everything before them was whole.
 *
 * Which keys the segments need is looked at before any of them is read: a start needs them all, and one that lacks a key says so at once. Who only
 * looks can do without, and then verifies the files without their contents.
 */

import { equalBytes } from "../base/bytes.ts";
import { type Keys, NO_KEYS } from "../base/key_ring.ts";
import type { Disk } from "../disk/disk.ts";
import {
  IMPORT_NAME,
  isImageName,
  isRedisDataName,
  isTemporaryName,
  joinPath,
  LOCK_NAME,
  MANIFEST_NAME,
  parseSegmentName,
  QUARANTINE_NAME,
  segmentName,
} from "../disk/file_names.ts";
import { findProofOfRot } from "../log/damage.ts";
import { type Crc32c, SEGMENT_HEADER_BYTES } from "../log/format.ts";
import { readSegment, type SegmentScan, type SegmentVisitor, segmentKeyId } from "../log/segment_reader.ts";
import type { Manifest, ManifestImage, ManifestSegment } from "../manifest/format.ts";
import { readManifest } from "../manifest/store.ts";
import { type BadImage, chooseImages, type ImageMemory, imageProblem } from "./image_chain.ts";
import type { DirectoryState, ImagesState, ManifestState, SegmentsState } from "./recovery_cases.ts";
import { appendOnlyFolders } from "./redis_files.ts";

/** One thing found, good or bad, for people. */
export interface Finding {
  readonly state: SegmentsState | "note";
  readonly file: string;
  readonly offset: number | undefined;
  readonly text: string;
}

export interface ExaminedSegment {
  readonly name: string;
  readonly epoch: Uint8Array;
  readonly firstSequence: number;
  readonly listed: ManifestSegment | null;
  readonly scan: SegmentScan;
}

export interface Examination {
  readonly directory: DirectoryState;
  readonly manifestState: ManifestState;
  readonly manifest: Manifest | null;
  readonly segments: SegmentsState;
  readonly images: ImagesState;
  /** The images that the state begins with, the full one first. */
  readonly base: readonly ManifestImage[];
  /** When the last of them was taken, ms: nothing in them was committed later. */
  readonly baseMs: number;
  readonly badImages: readonly BadImage[];
  /** Listed segments that lie before the base and were not read. */
  readonly covered: readonly ManifestSegment[];
  readonly findings: readonly Finding[];
  /** Segments that were read, in order. */
  readonly examined: readonly ExaminedSegment[];
  /** Unlisted files without commands. */
  readonly leftovers: readonly string[];
  /** The unlisted segment after the open one if its header is torn: it holds nothing that counts. */
  readonly tornNext: string | null;
  /** Last sequence of the good part. */
  readonly lastSequence: number;
}

/** From good to bad: the worst one names the state of all. */
const SEVERITY: readonly SegmentsState[] = [
  "none",
  "blank",
  "sound",
  "torn",
  "stray",
  "locked",
  "unknown",
  "missing",
  "rotten",
];

const LOOK_ONLY: SegmentVisitor = { unit: () => undefined };

/** Which segments' keys must be there: of all, as a start needs them; or none must, and what they open is verified all the deeper. */
export type KeysNeeded = "all" | "none";

/** `memory` takes the images; `all`: read what a start does not need, too. */
export function examine(
  disk: Disk,
  directory: string,
  crc32c: Crc32c,
  visitor: SegmentVisitor,
  memory: ImageMemory,
  all: boolean,
  keys: Keys = NO_KEYS,
  needed: KeysNeeded = "none",
): Examination {
  return new Examiner(disk, directory, crc32c, visitor, memory, all, keys, needed).run();
}

/** Does a directory hold data, ours or redis-server's? For `appendonly no`, which must not hide it. */
export function directoryState(disk: Disk, directory: string): DirectoryState {
  if (disk.status(directory) === undefined) return "missing";
  const names = disk
    .list(directory)
    .filter((name) => name !== LOCK_NAME && name !== IMPORT_NAME && !isTemporaryName(name));
  if (names.length === 0) return "empty";
  const ours = names.some(
    (name) =>
      name === MANIFEST_NAME || name === QUARANTINE_NAME || parseSegmentName(name) !== undefined || isImageName(name),
  );
  if (ours) return "ours";
  return names.some(isRedisDataName) || appendOnlyFolders(disk, directory, names).length > 0 ? "redis" : "foreign";
}

class Examiner {
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly crc32c: Crc32c;
  private readonly visitor: SegmentVisitor;
  private readonly keys: Keys;
  private readonly needed: KeysNeeded;
  private readonly memory: ImageMemory;
  private readonly all: boolean;
  private images: ImagesState = "none";
  private base: readonly ManifestImage[] = [];
  private badImages: readonly BadImage[] = [];
  private baseMs = 0;
  private covered: ManifestSegment[] = [];
  /** Last sequence of the base. */
  private baseSequence = 0;
  private readonly findings: Finding[] = [];
  private readonly examined: ExaminedSegment[] = [];
  private readonly leftovers: string[] = [];
  private tornNext: string | null = null;
  private worst: SegmentsState = "none";
  /** The manifest's; undefined where none can be read. */
  private epoch: Uint8Array | undefined;
  private lastSequence = 0;

  constructor(
    disk: Disk,
    directory: string,
    crc32c: Crc32c,
    visitor: SegmentVisitor,
    memory: ImageMemory,
    all: boolean,
    keys: Keys,
    needed: KeysNeeded,
  ) {
    this.disk = disk;
    this.directory = directory;
    this.crc32c = crc32c;
    this.visitor = behind(visitor, () => this.baseSequence);
    this.memory = memory;
    this.all = all;
    this.keys = keys;
    this.needed = needed;
  }

  run(): Examination {
    const directory = directoryState(this.disk, this.directory);
    if (directory !== "ours") return this.result(directory, "missing", null);
    const read = readManifest(this.disk, this.directory, this.crc32c);
    const names = this.disk.list(this.directory).filter((name) => parseSegmentName(name) !== undefined);
    if (read.kind !== "sound") {
      if (read.kind === "torn" || read.kind === "rotten") this.find("note", MANIFEST_NAME, undefined, read.reason);
      if (read.kind === "unknown") {
        this.find("note", MANIFEST_NAME, undefined, `version ${read.version}, which Emberlog ${read.reader} can read`);
      }
      for (const name of names) this.lookAtUnlisted(name, 0);
      return this.result(directory, read.kind, null);
    }
    const { manifest } = read;
    if (manifest.state === "filling") return this.result(directory, "filling", manifest);
    this.lookAtImages(manifest);
    if (USABLE.includes(this.images)) this.lookAtListed(manifest, names);
    return this.result(directory, "sound", manifest);
  }

  private result(directory: DirectoryState, manifestState: ManifestState, manifest: Manifest | null): Examination {
    const { findings, examined, leftovers, tornNext, lastSequence, images, base, baseMs, badImages, covered } = this;
    const segments = this.worst;
    return {
      directory,
      manifestState,
      manifest,
      segments,
      images,
      base,
      baseMs,
      badImages,
      covered,
      findings,
      examined,
      leftovers,
      tornNext,
      lastSequence,
    };
  }

  private find(state: Finding["state"], file: string, offset: number | undefined, text: string): void {
    this.findings.push({ state, file, offset, text });
    if (state !== "note") this.note(state);
  }

  private note(state: SegmentsState): void {
    if (SEVERITY.indexOf(state) > SEVERITY.indexOf(this.worst)) this.worst = state;
  }

  /** Units go to the visitor only while nothing was damaged. */
  private currentVisitor(): SegmentVisitor {
    return SEVERITY.indexOf(this.worst) < SEVERITY.indexOf("torn") ? this.visitor : LOOK_ONLY;
  }

  private lookAtImages(manifest: Manifest): void {
    const chosen = chooseImages(
      this.disk,
      this.directory,
      this.crc32c,
      manifest,
      this.memory,
      this.keys,
      this.needed === "all",
    );
    this.images = chosen.state;
    this.base = chosen.base;
    this.baseMs = chosen.frozenMs;
    this.badImages = chosen.bad;
    this.baseSequence = chosen.base[chosen.base.length - 1]?.sequence ?? 0;
    this.lastSequence = this.baseSequence;
    for (const { name, reason } of chosen.bad) this.find("note", name, undefined, reason);
    const seen = new Set([...chosen.base, ...chosen.bad].map(({ name }) => name));
    for (const image of this.all ? manifest.images : []) {
      if (seen.has(image.name)) continue;
      const reason = imageProblem(this.disk, this.directory, this.crc32c, image);
      if (reason !== undefined) this.find("note", image.name, undefined, reason);
    }
    if (chosen.locked !== undefined) {
      this.find("note", chosen.locked.name, undefined, lacking(chosen.locked.id, this.keys, []));
    }
    if (chosen.unknown !== "") this.find("note", MANIFEST_NAME, undefined, chosen.unknown);
  }

  /** A segment that the base makes unnecessary, and that nobody wants to read: it is kept while it looks whole. */
  private isCovered({ name, sealed }: ManifestSegment): boolean {
    if (this.all || sealed === null || sealed.lastSequence > this.baseSequence) return false;
    return this.disk.status(joinPath(this.directory, name))?.size === sealed.lengthBytes;
  }

  private lookAtListed(manifest: Manifest, names: readonly string[]): void {
    const next = this.nextOf(manifest, names);
    const there = [...manifest.segments.map(({ name }) => name), next ?? ""].filter((name) => names.includes(name));
    if (this.needed === "all" && this.lacksKeys(there)) return;
    for (const listed of manifest.segments) {
      if (this.isCovered(listed)) {
        this.covered.push(listed);
        // One before it may have been read, because bytes lay behind its end.
        this.lastSequence = Math.max(this.lastSequence, listed.sealed!.lastSequence);
        this.note("sound");
      } else this.lookAtSegment(listed, next);
    }
    const known = new Set(manifest.segments.map((segment) => segment.name));
    const first = manifest.segments[0]?.firstSequence ?? 0;
    const shortenedTo = first > manifest.origin + 1 ? first : 0;
    this.epoch = manifest.epoch;
    for (const name of names) if (!known.has(name) && name !== next) this.lookAtUnlisted(name, shortenedTo);
    if (next !== null) this.lookAtNext(manifest, next);
    if (this.lastSequence < this.baseSequence && SEVERITY.indexOf(this.worst) < SEVERITY.indexOf("rotten")) {
      // D3: an image is listed only after the log was durable through its end.
      const { name } = manifest.segments[manifest.segments.length - 1]!;
      const text = `it ends with ${this.lastSequence}, and an image shows that ${this.baseSequence} was durable`;
      this.find("rotten", name, undefined, text);
    }
  }

  /** Segments that no key given opens: one finding a key. */
  private lacksKeys(names: readonly string[]): boolean {
    const wanted = new Map<string, string[]>();
    for (const name of names) {
      const id = segmentKeyId(this.disk, joinPath(this.directory, name), this.crc32c);
      if (id === undefined || this.keys.find(id) !== undefined) continue;
      wanted.set(id, [...(wanted.get(id) ?? []), name]);
    }
    for (const [id, [first, ...more]] of wanted) this.find("locked", first!, undefined, lacking(id, this.keys, more));
    return wanted.size > 0;
  }

  /** The unlisted segment that follows the last listed one in the same epoch. */
  private nextOf(manifest: Manifest, names: readonly string[]): string | null {
    const last = manifest.segments[manifest.segments.length - 1];
    if (last === undefined) return null;
    const first = last.sealed === null ? last.firstSequence + 1 : last.sealed.lastSequence + 1;
    const listed = new Set(manifest.segments.map((segment) => segment.name));
    const prefix = parseSegmentName(segmentName(0, manifest.epoch))?.epochPrefix;
    for (const name of names) {
      const parsed = parseSegmentName(name);
      if (parsed === undefined || listed.has(name) || parsed.epochPrefix !== prefix) continue;
      if (parsed.firstSequence >= first) return name;
    }
    return null;
  }

  private lookAtSegment(listed: ManifestSegment, next: string | null): void {
    const { name, sealed } = listed;
    const path = joinPath(this.directory, name);
    if (this.disk.status(path) === undefined) {
      const range =
        sealed === null ? `from ${listed.firstSequence} on` : `${listed.firstSequence} to ${sealed.lastSequence}`;
      this.find("missing", name, undefined, `the file is gone, and with it the commands ${range}`);
      return;
    }
    const read = readSegment(this.disk, path, this.crc32c, this.currentVisitor(), sealed?.lengthBytes, this.keys);
    if (read.kind === "damaged") {
      this.find("rotten", name, 0, read.reason);
      return;
    }
    if (read.kind === "unknown") {
      this.find("unknown", name, 0, `version ${read.version}, which Emberlog ${read.reader} can read`);
      return;
    }
    const { scan } = read;
    if (!isHeaderOf(scan, listed)) {
      this.find("rotten", name, 0, "the header belongs to another segment");
      return;
    }
    this.examined.push({ name, epoch: listed.epoch, firstSequence: listed.firstSequence, listed, scan });
    if (scan.locked) this.find("note", name, undefined, unopened(scan));
    this.lastSequence = scan.lastSequence;
    this.note(scan.commands > 0 ? "sound" : "blank");
    if (sealed === null) this.judgeOpen(name, scan, next);
    else this.judgeSealed(name, scan, sealed);
  }

  private judgeSealed(name: string, scan: SegmentScan, sealed: NonNullable<ManifestSegment["sealed"]>): void {
    if (this.isUnknownDamage(name, scan)) return;
    if (scan.damage !== null) {
      this.find("rotten", name, scan.damage.offset, lost(scan.damage.reason, scan, sealed.lastSequence));
      return;
    }
    if (scan.endOffset !== sealed.lengthBytes || scan.lastSequence !== sealed.lastSequence) {
      const reason = `it ends at ${scan.endOffset} and not at ${sealed.lengthBytes}`;
      this.find("rotten", name, scan.endOffset, lost(reason, scan, sealed.lastSequence));
      return;
    }
    if ((scan.chain ^ sealed.chain) !== 0) {
      this.find("rotten", name, undefined, "its frames are not those that the manifest has the checksum of");
      return;
    }
    if (scan.fileBytes > sealed.lengthBytes) {
      this.find("note", name, sealed.lengthBytes, `${scan.fileBytes - sealed.lengthBytes} bytes behind its end`);
    }
  }

  private isUnknownDamage(name: string, scan: SegmentScan): boolean {
    if (scan.damage === null || !scan.damage.unknown) return false;
    this.find("unknown", name, scan.damage.offset, scan.damage.reason);
    return true;
  }

  private judgeOpen(name: string, scan: SegmentScan, next: string | null): void {
    if (this.isUnknownDamage(name, scan)) return;
    const nextFirst = next === null ? undefined : parseSegmentName(next)?.firstSequence;
    if (nextFirst !== undefined) {
      // D11: that segment got its name only after everything before it was durable.
      if (scan.lastSequence === nextFirst - 1) return;
      const reason = scan.damage?.reason ?? `it ends with sequence ${scan.lastSequence}`;
      this.find("rotten", name, scan.endOffset, lost(`${reason}, and ${next} follows`, scan, nextFirst - 1));
      return;
    }
    const { damage } = scan;
    if (damage === null) return;
    if (damage.forged) {
      this.find("rotten", name, damage.offset, lost(damage.reason, scan, damage.sequence));
      return;
    }
    const proof = findProofOfRot(this.disk, joinPath(this.directory, name), this.crc32c, scan);
    if (proof !== null) {
      const known = `the frame at ${proof.offset} knew sequence ${proof.durableSequence} to be durable`;
      this.find("rotten", name, damage.offset, lost(`${damage.reason}, and ${known}`, scan, proof.durableSequence));
      return;
    }
    const bytes = scan.fileBytes - damage.unitOffset;
    this.find("torn", name, damage.unitOffset, `${damage.reason}; ${bytes} bytes were not known to be durable`);
  }

  /** The segment that the manifest did not list yet. */
  private lookAtNext(manifest: Manifest, name: string): void {
    const path = joinPath(this.directory, name);
    const parsed = parseSegmentName(name)!;
    const { epoch } = manifest;
    const torn = (reason: string): void => {
      this.tornNext = name;
      this.find("torn", name, 0, `${reason}; the segment was just being begun`);
    };
    // D5: what stood on its place before it was synced may be the header of another one, whose frames, too, are there then: nobody is shown these.
    const head = readSegment(this.disk, path, this.crc32c, LOOK_ONLY, SEGMENT_HEADER_BYTES, this.keys);
    const own = { name, epoch, firstSequence: parsed.firstSequence, sealed: null };
    if (head.kind === "scan" && !isHeaderOf(head.scan, own)) return torn("the header belongs to another segment");
    const read = readSegment(this.disk, path, this.crc32c, this.currentVisitor(), undefined, this.keys);
    if (read.kind === "unknown") {
      this.find("unknown", name, 0, `version ${read.version}, which Emberlog ${read.reader} can read`);
      return;
    }
    if (read.kind === "damaged") return torn(read.reason);
    const { scan } = read;
    if (scan.header.firstSequence !== this.lastSequence + 1) {
      this.find("stray", name, 0, `it begins with ${parsed.firstSequence}, not with ${this.lastSequence + 1}`);
      return;
    }
    this.examined.push({ name, epoch, firstSequence: parsed.firstSequence, listed: null, scan });
    if (scan.locked) this.find("note", name, undefined, unopened(scan));
    this.lastSequence = scan.lastSequence;
    this.note(scan.commands > 0 ? "sound" : "blank");
    this.judgeOpen(name, scan, null);
  }

  /** `shortenedTo`: the log once had commands before this one; 0: it never had. */
  private lookAtUnlisted(name: string, shortenedTo: number): void {
    const read = readSegment(this.disk, joinPath(this.directory, name), this.crc32c, LOOK_ONLY);
    if (read.kind === "unknown") {
      this.find("unknown", name, 0, `version ${read.version}, which Emberlog ${read.reader} can read`);
      return;
    }
    const blank =
      read.kind === "damaged" ? read.fileBytes <= 4096 : read.scan.commands === 0 && read.scan.damage === null;
    const { epoch } = this;
    // D9: what is damaged in an epoch before this one is where a sync failed; the image that this epoch begins with holds more.
    const whole = (scan: SegmentScan): boolean =>
      scan.damage === null || (epoch !== undefined && !equalBytes(scan.header.epoch, 0, epoch, 0, epoch.length));
    // The sync that failed may have been that of its header: then its name must do. The last one of its epoch may have the number with which
    // this epoch begins: the image holds all that was executed before.
    const { firstSequence, epochPrefix } = parseSegmentName(name)!;
    const unnecessary =
      read.kind === "scan"
        ? whole(read.scan) && read.scan.lastSequence < shortenedTo
        : epoch !== undefined &&
          epochPrefix !== parseSegmentName(segmentName(0, epoch))!.epochPrefix &&
          firstSequence <= shortenedTo;
    if (unnecessary) {
      // D3: the manifest that does without it was durable before its name went.
      this.leftovers.push(name);
      this.note("blank");
      this.find("note", name, 0, "a segment that an image has made unnecessary");
      return;
    }
    // A first start begins with command 1: before this segment there was something, in images or in segments, that a manifest listed.
    if (epoch === undefined && firstSequence > 1) {
      this.find("stray", name, 0, "it goes on from a database whose manifest is gone");
      return;
    }
    if (!blank) {
      this.find("stray", name, 0, "no manifest lists this segment, and it is not empty");
      return;
    }
    this.leftovers.push(name);
    this.note("blank");
    this.find("note", name, 0, "a segment without commands that no manifest lists");
  }
}

const USABLE: readonly ImagesState[] = ["none", "sound", "fallback"];

/** Hands on only units that are not in the base; a unit is in it whole or not at all. */
function behind(visitor: SegmentVisitor, base: () => number): SegmentVisitor {
  return {
    unit: (payload, start, end, commands, database, firstSequence) =>
      firstSequence <= base() ? undefined : visitor.unit(payload, start, end, commands, database, firstSequence),
    ...(visitor.frame === undefined ? {} : { frame: visitor.frame.bind(visitor) }),
  };
}

function isHeaderOf(scan: SegmentScan, listed: ManifestSegment): boolean {
  const { header } = scan;
  return (
    header.firstSequence === listed.firstSequence && equalBytes(header.epoch, 0, listed.epoch, 0, header.epoch.length)
  );
}

function lacking(id: string, { ids }: Keys, more: readonly string[]): string {
  const others = more.length === 0 ? "" : `, and so are ${more.length} more`;
  const given = ids.length === 0 ? "no key was given" : `the keys given are ${ids.join(", ")}`;
  return `it is encrypted with key ${id}${others}; ${given}`;
}

function unopened({ keyId }: SegmentScan): string {
  return `it is encrypted with key ${keyId}, which was not given: its checksums were verified, its contents were not`;
}

function lost(reason: string, scan: SegmentScan, through: number): string {
  const first = scan.lastSequence + 1;
  return `${reason}; damaged or lost: commands ${first} to ${Math.max(first, through)} and what follows them`;
}
