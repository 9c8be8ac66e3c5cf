/**
 * What a store holds, put in order: the one line of history that counts, through all claims.
 *
 * Claims form a tree: each says which one it goes on from, and up to which command. The history of a claim is that of its
 * origin, up to that command, and then its own. Objects that lie beyond (an old server that woke up) count for nobody.
 * Commands are numbered without gaps; where a segment is missing, what lies behind it can be reached only from an image behind it.
 */
import type { Claim } from "./claims.ts";
import { readClaims } from "./claims.ts";
import {
  GENERATIONS,
  type GenerationObject,
  PRUNED,
  parseGenerationName,
  parsePrunedName,
  parseSegmentObject,
  SEGMENTS,
  type SegmentObject,
  segmentsBefore,
} from "./layout.ts";
import type { ObjectStore } from "./object_store.ts";

export interface Stored<T> {
  readonly name: string;
  readonly size: number;
  readonly object: T;
}

/** A segment of the log, or its beginning, in one object or in the parts that make it up, in order. */
export interface StoredSegment {
  /** Bytes of all pieces as stored. */
  readonly size: number;
  readonly pieces: readonly Stored<SegmentObject>[];
  /** The beginning is there; without it nothing of the rest can be read. */
  readonly readable: boolean;
  /** What the pieces are together. */
  readonly object: Pick<SegmentObject, "firstSequence" | "lastSequence" | "lastMs" | "epoch">;
}

export interface History {
  /** The log alone is the whole where it begins right behind this sequence. */
  readonly origin: number;
  readonly claims: readonly Claim[];
  /** In the order of their sequences, none of them twice; not necessarily without gaps. */
  readonly segments: readonly StoredSegment[];
  readonly generations: readonly Stored<GenerationObject>[];
  /** Segments up to this command were removed on purpose, so that holes before it are no loss; 0: none were. */
  readonly prunedThrough: number;
}

/** The claims that lead to `last`, oldest first, each with the last command that counts of it. */
function lineOf(claims: readonly Claim[], last: Claim): { readonly claim: Claim; readonly until: number }[] {
  const line: { claim: Claim; until: number }[] = [];
  let until = Number.MAX_SAFE_INTEGER;
  for (let claim: Claim | undefined = last; claim !== undefined; ) {
    line.unshift({ claim, until });
    const origin: Claim["from"] = claim.from;
    if (origin === null) break;
    until = Math.min(until, origin.sequence);
    // A claim that names a later one as its origin would lead in a circle.
    const number: number = claim.claim;
    claim = claims.find((each) => each.claim === origin.claim && each.claim < number);
  }
  return line;
}

/** The history of the newest claim, or of claim number `of`. */
export async function readHistory(store: ObjectStore, of?: number): Promise<History> {
  return historyOf(store, await readClaims(store), of);
}

export async function historyOf(store: ObjectStore, all: readonly Claim[], of?: number): Promise<History> {
  const last = of === undefined ? all.at(-1) : all.find((claim) => claim.claim === of);
  if (last === undefined) return { origin: 0, claims: [], segments: [], generations: [], prunedThrough: 0 };
  const line = lineOf(all, last);
  return historyIn(store, line, await listGenerations(store, line), 0);
}

/** Images before the one that a short listing is to begin behind: a segment may have been going on when it was taken. */
const IMAGES_BEFORE = 3;

/**
 * The same for a server whose log begins with command `begin`, without listing all that was ever stored: from an image some before that command on. Segments
 * and parts before are left out; how far states can be restored, and that an image stands before the log that is here, it tells like the whole. Where it could not
 * it is the whole.
 */
export async function recentHistoryOf(store: ObjectStore, all: readonly Claim[], begin: number): Promise<History> {
  const last = all.at(-1);
  if (last === undefined) return historyOf(store, all);
  const line = lineOf(all, last);
  const generations = await listGenerations(store, line);
  const floor =
    generations.filter(({ object }) => object.sequence < begin - 1).at(-IMAGES_BEFORE)?.object.sequence ?? 0;
  if (floor > 0) {
    const recent = await historyIn(store, line, generations, floor);
    const isKnown = ({ first, last: end }: Reach): boolean => first > floor && first < begin - 1 && end >= begin - 1;
    if (reaches(recent).some(isKnown)) return recent;
  }
  return historyIn(store, line, generations, 0);
}

/** What a new claim, which nothing lies below yet, makes of the history that it goes on from. */
export function continuedBy(history: History, claim: Claim): History {
  const { from, origin } = claim;
  if (from === null) return { origin, claims: [claim], segments: [], generations: [], prunedThrough: 0 };
  const pieces = history.segments.flatMap((segment) => segment.pieces);
  return {
    ...history,
    claims: [...history.claims, claim],
    segments: segmentsOf(pieces.filter(({ object }) => object.lastSequence <= from.sequence)),
    generations: history.generations.filter(({ object }) => object.sequence <= from.sequence),
  };
}

type Line = ReturnType<typeof lineOf>;

async function listGenerations(store: ObjectStore, line: Line): Promise<Stored<GenerationObject>[]> {
  const untils = new Map(line.map(({ claim, until }) => [claim.claim, until]));
  const generations: Stored<GenerationObject>[] = [];
  for await (const { name, size } of store.list(GENERATIONS)) {
    const object = parseGenerationName(name);
    if (object !== undefined && object.sequence <= (untils.get(object.claim) ?? -1))
      generations.push({ name, size, object });
  }
  return generations.sort((a, b) => a.object.sequence - b.object.sequence);
}

/** With segments and parts that begin with command `floor` or later. One listing for all claims: there may be many, with little below each. */
async function historyIn(
  store: ObjectStore,
  line: Line,
  generations: readonly Stored<GenerationObject>[],
  floor: number,
): Promise<History> {
  const untils = new Map(line.map(({ claim, until }) => [claim.claim, until]));
  const pieces: Stored<SegmentObject>[] = [];
  let reached = 0;
  const oldest = line.find(({ until }) => until > floor)?.claim.claim ?? 0;
  for await (const { name, size } of store.list(SEGMENTS, segmentsBefore(oldest, floor))) {
    const object = parseSegmentObject(name);
    if (object === undefined || object.lastSequence > (untils.get(object.claim) ?? -1)) continue;
    if (object.firstSequence <= reached || object.firstSequence < floor) continue;
    pieces.push({ name, size, object });
    reached = object.lastSequence;
  }
  const claims = line.map(({ claim }) => claim);
  const prunedThrough = await readPrunedThrough(store, claims);
  return { origin: line[0]!.claim.origin, claims, segments: segmentsOf(pieces), generations, prunedThrough };
}

async function readPrunedThrough(store: ObjectStore, line: readonly Claim[]): Promise<number> {
  let through = 0;
  for await (const { name } of store.list(PRUNED)) {
    const object = parsePrunedName(name);
    if (object !== undefined && line.some(({ claim }) => claim === object.claim))
      through = Math.max(through, object.sequence);
  }
  return through;
}

/** Joins parts to the segments that they are parts of, as long as none is missing between two. */
function segmentsOf(pieces: readonly Stored<SegmentObject>[]): StoredSegment[] {
  const segments: Stored<SegmentObject>[][] = [];
  for (const piece of pieces) {
    const { epoch, segmentFirst, firstSequence, offset } = piece.object;
    const last = segments.at(-1)?.at(-1)?.object;
    const follows =
      last?.epoch === epoch && last.segmentFirst === segmentFirst && last.lastSequence === firstSequence - 1;
    if (follows && last.offset < offset) segments.at(-1)!.push(piece);
    else segments.push([piece]);
  }
  return segments.map(joined);
}

/** `pieces` are at least one. */
export function joined(pieces: readonly Stored<SegmentObject>[]): StoredSegment {
  const { epoch, firstSequence, offset } = pieces[0]!.object;
  return {
    size: pieces.reduce((sum, { size }) => sum + size, 0),
    pieces,
    readable: offset === 0,
    object: {
      firstSequence,
      lastSequence: pieces.at(-1)!.object.lastSequence,
      lastMs: pieces.reduce((latest, { object }) => Math.max(latest, object.lastMs), 0),
      epoch,
    },
  };
}

/** A run of commands that can be restored, each of them as a point of its own. */
export interface Reach {
  /** The state at `first` is restorable, and after each command up to `last`. */
  readonly first: number;
  readonly last: number;
  /** Where it begins: with an image, or with the empty database. */
  readonly generation: Stored<GenerationObject> | null;
  readonly segments: readonly StoredSegment[];
}

/** From each possible beginning as far as the segments go without a gap. */
export function reaches(history: History): Reach[] {
  const beginnings: (Stored<GenerationObject> | null)[] = [...history.generations];
  if (history.segments[0]?.object.firstSequence === history.origin + 1) beginnings.unshift(null);
  return beginnings.map((generation) => {
    const first = generation?.object.sequence ?? history.origin;
    const segments: StoredSegment[] = [];
    let last = first;
    for (const segment of history.segments) {
      if (segment.object.lastSequence <= first) continue;
      if (segment.object.firstSequence > last + 1 || !segment.readable) break;
      segments.push(segment);
      last = segment.object.lastSequence;
    }
    return { first, last, generation, segments };
  });
}

/** Commands that no state can be restored between: `after` is the last one before the hole, `before` the first one behind it. */
export interface Gap {
  readonly after: number;
  readonly before: number;
}

/**
 * Where the stored history has holes. What lies before the oldest state that can be restored is none: it was pruned, or never there.
 */
export function gapsOf(history: History, covered: readonly Reach[] = reaches(history)): Gap[] {
  const gaps: Gap[] = [];
  const [oldest] = covered;
  if (oldest === undefined) {
    const [segment] = history.segments;
    return segment === undefined ? [] : [{ after: history.origin, before: segment.object.firstSequence }];
  }
  let end = oldest.last;
  for (const { first, last } of covered) {
    if (first > end + 1 && first > history.prunedThrough) gaps.push({ after: end, before: first });
    end = Math.max(end, last);
  }
  const beyond = history.segments.find(({ object }) => object.lastSequence > end);
  if (beyond !== undefined) gaps.push({ after: end, before: beyond.object.firstSequence });
  return gaps;
}

/** States that can be restored, whatever they begin with. */
export function joinedRanges(
  covered: readonly { readonly first: number; readonly last: number }[],
): { readonly first: number; readonly last: number }[] {
  const ranges: { first: number; last: number }[] = [];
  for (const { first, last } of covered) {
    const before = ranges.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else ranges.push({ first, last });
  }
  return ranges;
}
