/**
 * The names of objects, and what they tell.
 *
 * ```
 * claims/<claim>.json                                                 a server's word that it writes from here on
 * segments/<claim>/<first>-<last>-<time>-<epoch>-<sum>.seg[.age]      a sealed segment of the log, as it was on disk
 * segments/<claim>/<first>-<last>-<time>-<epoch>-<begin>-<offset>-<sum>.part[.age]     some of a segment, whole units of it: the bytes
 *                                                                     from <offset> on of the one that begins with command <begin>
 * images/<claim>/<sequence>-<chain>-<full|delta>-<sum>.img[.age]      an image, as it was on disk
 * generations/<claim>/<sequence>-<time>-<chain>.json                  the images that together are the state at a sequence; written last
 * pruned/<claim>/<sequence>.json                                      segments up to this command were removed on purpose (prune.ts)
 * checks/<time>-<verify|drill>-<8 hex digits>.json                     what somebody found who looked whether this can be restored (checks.ts)
 * probe/<time>-<hex digits>[.age]                                       small, gone at once where the store has no object lock
 * counts/<claim>/<first>-<last>.json                                  what the segment of these commands did when (counts.ts); before it
 *
 * claim     10 decimal digits, from 1: names sort as numbers
 * first, last, sequence    16 hex digits: command sequence numbers
 * time      12 hex digits: ms since 1970, no command in it was committed later
 * epoch     32 hex digits
 * begin     16 hex digits: a command sequence number; offset 16 hex digits: bytes
 * chain     8 hex digits: the checksum chain of the file in it, as the manifest has it
 * sum       32 hex digits: the first half of the SHA-256 of the object's bytes as stored, so that they are verified without a key
 * .age      sealed in the age v1 format
 * ```
 * Stored names: do not change. No two writers ever share a claim, so nothing below one is written by two.
 */
import { createHash } from "node:crypto";

export const CLAIMS = "claims/";
export const SEGMENTS = "segments/";
export const IMAGES = "images/";
export const GENERATIONS = "generations/";
export const COUNTS = "counts/";
export const PRUNED = "pruned/";
export const CHECKS = "checks/";
export const PROBES = "probe/";

const SUM_CHARS = 32;

/** A segment, or a part of one: parts of one segment, each beginning where the one before ends, are together its beginning. */
export interface SegmentObject {
  readonly claim: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** No command in it was committed later, ms. */
  readonly lastMs: number;
  /** 32 hex digits. */
  readonly epoch: string;
  /** The first command of the segment that this is, or is a part of. */
  readonly segmentFirst: number;
  /** Where in that segment its bytes begin. */
  readonly offset: number;
  /** Named as a part: more of the segment may come. */
  readonly part: boolean;
  readonly sum: string;
  readonly sealed: boolean;
}

export interface ImageObject {
  readonly claim: number;
  readonly sequence: number;
  /** 8 hex digits. */
  readonly chain: string;
  readonly delta: boolean;
  readonly sum: string;
  readonly sealed: boolean;
}

export interface GenerationObject {
  readonly claim: number;
  readonly sequence: number;
  /** No command in it was committed later, ms. */
  readonly lastMs: number;
  readonly chain: string;
}

export interface CountsObject {
  readonly claim: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

const COUNTS_NAME = /^counts\/(\d{10})\/([0-9a-f]{16})-([0-9a-f]{16})\.json$/;
const CLAIM = /^claims\/(\d{10})\.json$/;
const SEGMENT =
  /^segments\/(\d{10})\/([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{12})-([0-9a-f]{32})-(?:([0-9a-f]{16})-([0-9a-f]{16})-)?([0-9a-f]{32})\.(seg|part)(\.age)?$/;
const IMAGE = /^images\/(\d{10})\/([0-9a-f]{16})-([0-9a-f]{8})-(full|delta)-([0-9a-f]{32})\.img(\.age)?$/;
const GENERATION = /^generations\/(\d{10})\/([0-9a-f]{16})-([0-9a-f]{12})-([0-9a-f]{8})\.json$/;

function decimal(claim: number): string {
  return String(claim).padStart(10, "0");
}

function hexNumber(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

export function claimName(claim: number): string {
  return `${CLAIMS}${decimal(claim)}.json`;
}

export function parseClaimName(name: string): number | undefined {
  const match = CLAIM.exec(name);
  return match === null ? undefined : Number(match[1]);
}

export function segmentObjectName(object: SegmentObject): string {
  const { claim, firstSequence, lastSequence, lastMs, epoch, segmentFirst, offset, part, sum, sealed } = object;
  const range = `${hexNumber(firstSequence, 16)}-${hexNumber(lastSequence, 16)}-${hexNumber(lastMs, 12)}`;
  const place = part ? `${hexNumber(segmentFirst, 16)}-${hexNumber(offset, 16)}-` : "";
  return `${SEGMENTS}${decimal(claim)}/${range}-${epoch}-${place}${sum}.${part ? "part" : "seg"}${sealed ? ".age" : ""}`;
}

/** A name that those of all segments under older claims, and of those under `claim` that begin before command `sequence`, come before. */
export function segmentsBefore(claim: number, sequence: number): string {
  return `${SEGMENTS}${decimal(claim)}/${hexNumber(sequence, 16)}`;
}

export function parseSegmentObject(name: string): SegmentObject | undefined {
  const match = SEGMENT.exec(name);
  if (match === null) return undefined;
  const [, claim, first, last, time, epoch, begin, offset, sum, kind, age] = match;
  if ((begin === undefined) !== (kind === "seg")) return undefined;
  return {
    claim: Number(claim),
    firstSequence: Number.parseInt(first!, 16),
    lastSequence: Number.parseInt(last!, 16),
    lastMs: Number.parseInt(time!, 16),
    epoch: epoch!,
    segmentFirst: Number.parseInt(begin ?? first!, 16),
    offset: Number.parseInt(offset ?? "0", 16),
    part: kind === "part",
    sum: sum!,
    sealed: age !== undefined,
  };
}

export function imageObjectName(object: ImageObject): string {
  const { claim, sequence, chain, delta, sum, sealed } = object;
  const kind = delta ? "delta" : "full";
  return `${IMAGES}${decimal(claim)}/${hexNumber(sequence, 16)}-${chain}-${kind}-${sum}.img${sealed ? ".age" : ""}`;
}

export function parseImageObject(name: string): ImageObject | undefined {
  const match = IMAGE.exec(name);
  if (match === null) return undefined;
  const [, claim, sequence, chain, kind, sum, age] = match;
  return {
    claim: Number(claim),
    sequence: Number.parseInt(sequence!, 16),
    chain: chain!,
    delta: kind === "delta",
    sum: sum!,
    sealed: age !== undefined,
  };
}

export function generationName({ claim, sequence, lastMs, chain }: GenerationObject): string {
  return `${GENERATIONS}${decimal(claim)}/${hexNumber(sequence, 16)}-${hexNumber(lastMs, 12)}-${chain}.json`;
}

export function parseGenerationName(name: string): GenerationObject | undefined {
  const match = GENERATION.exec(name);
  if (match === null) return undefined;
  const [, claim, sequence, time, chain] = match;
  return {
    claim: Number(claim),
    sequence: Number.parseInt(sequence!, 16),
    lastMs: Number.parseInt(time!, 16),
    chain: chain!,
  };
}

export function countsName({ claim, firstSequence, lastSequence }: CountsObject): string {
  return `${COUNTS}${decimal(claim)}/${hexNumber(firstSequence, 16)}-${hexNumber(lastSequence, 16)}.json`;
}

export function parseCountsName(name: string): CountsObject | undefined {
  const match = COUNTS_NAME.exec(name);
  if (match === null) return undefined;
  const [, claim, first, last] = match;
  return {
    claim: Number(claim),
    firstSequence: Number.parseInt(first!, 16),
    lastSequence: Number.parseInt(last!, 16),
  };
}

export interface PrunedObject {
  readonly claim: number;
  readonly sequence: number;
}

const PRUNED_NAME = /^pruned\/(\d{10})\/([0-9a-f]{16})\.json$/;

export function prunedName({ claim, sequence }: PrunedObject): string {
  return `${PRUNED}${decimal(claim)}/${hexNumber(sequence, 16)}.json`;
}

export function parsePrunedName(name: string): PrunedObject | undefined {
  const match = PRUNED_NAME.exec(name);
  return match === null ? undefined : { claim: Number(match[1]), sequence: Number.parseInt(match[2]!, 16) };
}

export interface CheckRecordObject {
  /** When it ended, ms. */
  readonly ms: number;
  readonly kind: "verify" | "drill";
  readonly unique: string;
}

const CHECK_NAME = /^checks\/([0-9a-f]{12})-(verify|drill)-([0-9a-f]{8})\.json$/;

export function checkRecordName({ ms, kind, unique }: CheckRecordObject): string {
  return `${CHECKS}${hexNumber(ms, 12)}-${kind}-${unique}.json`;
}

export function parseCheckRecordName(name: string): CheckRecordObject | undefined {
  const match = CHECK_NAME.exec(name);
  if (match === null) return undefined;
  return { ms: Number.parseInt(match[1]!, 16), kind: match[2] === "drill" ? "drill" : "verify", unique: match[3]! };
}

const PROBE_NAME = /^probe\/([0-9a-f]{12})-[0-9a-f]+(\.age)?$/;

/** Of a small object by which somebody finds out what the store does, at `ms`; `.age` is appended where it is sealed. */
export function probeName(ms: number, unique: string): string {
  return `${PROBES}${hexNumber(ms, 12)}-${unique}`;
}

/** When it was made, ms. */
export function parseProbeName(name: string): number | undefined {
  const match = PROBE_NAME.exec(name);
  return match === null ? undefined : Number.parseInt(match[1]!, 16);
}

/** What a name says of an object's bytes; undefined for claims and generations, which are text and carry their own checksum. */
export function sumInName(name: string): string | undefined {
  return (parseSegmentObject(name) ?? parseImageObject(name))?.sum;
}

/** The sum that names carry, of bytes that come piece by piece. */
export class ObjectSum {
  private readonly hash = createHash("sha256");
  size = 0;

  add(bytes: Uint8Array): void {
    this.hash.update(bytes);
    this.size += bytes.length;
  }

  digest(): string {
    return this.hash.digest("hex").slice(0, SUM_CHARS);
  }
}
