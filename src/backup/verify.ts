/**
 * Is what a store holds still what was stored? Every object that the newest history needs is fetched and compared with the sum in its
 * name, for which no identity is needed; with one, the content is opened too. What the frames and
 * blocks in it say is a restore's to verify.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Crc32c } from "../log/format.ts";
import { lastChecks } from "./checks.ts";
import { type Claim, readClaims } from "./claims.ts";
import { type FetchOptions, fetchContent, fetchStored } from "./fetch.ts";
import { forAll } from "./for_all.ts";
import { decodeGeneration } from "./generation.ts";
import { type Gap, gapsOf, type History, historyOf, reaches } from "./history.ts";
import {
  claimName,
  GENERATIONS,
  IMAGES,
  parseGenerationName,
  parseImageObject,
  parseSegmentObject,
  SEGMENTS,
} from "./layout.ts";
import type { ObjectStore } from "./object_store.ts";

const OBJECTS_AT_ONCE = 4;

export interface VerifyReport {
  readonly objects: number;
  readonly bytes: number;
  /** Whether the contents were opened, too. */
  readonly opened: boolean;
  /** What is wrong, one line an object. */
  readonly wrong: readonly string[];
  /** Commands that can't be reached because segments in front of them are missing. */
  readonly gaps: readonly Gap[];
  /** The oldest state that can be restored, and the last command that is there. */
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** `begun` is told how many bytes there are to be looked at. Throws DATA_MISSING where nobody has ever written: a wrong name is no sound backup. */
export async function verifyBackup(
  options: FetchOptions,
  crc32c: Crc32c,
  begun: (bytes: number) => void = () => undefined,
): Promise<VerifyReport> {
  const { store, identities } = options;
  const claims = await readClaims(store);
  if (claims.length === 0) throw new EmberlogError("DATA_MISSING", `${store.place} holds no backup`);
  const history = await historyOf(store, claims);
  const objects = new Map<string, number>();
  const wrong = [...(await claimProblems(store, claims, history)), ...(await lostEnds(store, claims, history))];
  for (const { pieces } of history.segments) for (const { name, size } of pieces) objects.set(name, size);
  for (const { name } of history.generations) {
    try {
      for (const { object, size } of decodeGeneration(name, await store.read(name), crc32c).images)
        objects.set(object, size);
    } catch (thrown) {
      wrong.push(wordsOf(thrown));
    }
  }
  begun([...objects.values()].reduce((sum, size) => sum + size, 0));
  let bytes = 0;
  await forAll([...objects], OBJECTS_AT_ONCE, async ([name, size]) => {
    try {
      const stored = await store.size(name);
      if (stored !== size)
        throw new EmberlogError("BACKUP_UNREADABLE", `${name} has ${stored ?? "no"} bytes, not ${size}`);
      const body = identities === null ? fetchStored(options, name, size) : fetchContent(options, name, size);
      for await (const piece of body) bytes += piece.length;
    } catch (thrown) {
      wrong.push(wordsOf(thrown));
    }
  });
  return {
    objects: objects.size,
    bytes,
    opened: identities !== null,
    wrong: wrong.sort(),
    gaps: gapsOf(history),
    firstSequence: firstSequenceOf(history),
    lastSequence: lastSequenceOf(history),
  };
}

function firstSequenceOf(history: History): number {
  return reaches(history)[0]?.first ?? lastSequenceOf(history);
}

function lastSequenceOf({ segments, generations }: History): number {
  return Math.max(0, segments.at(-1)?.object.lastSequence ?? 0, generations.at(-1)?.object.sequence ?? 0);
}

/**
 * Claims that must have been there: objects lie below them, or a later one goes on from what they brought. Prune takes away those of which nothing is
 * left, and says before up to which command that is.
 */
async function claimProblems(store: ObjectStore, claims: readonly Claim[], history: History): Promise<string[]> {
  const there = new Set(claims.map(({ claim }) => claim));
  const missing = new Set<number>();
  for (const prefix of [SEGMENTS, GENERATIONS, IMAGES]) {
    for await (const { name } of store.list(prefix)) {
      const object = parseSegmentObject(name) ?? parseGenerationName(name) ?? parseImageObject(name);
      if (object !== undefined && !there.has(object.claim)) missing.add(object.claim);
    }
  }
  const from = history.claims[0]?.from ?? null;
  if (from !== null && from.sequence > history.prunedThrough) missing.add(from.claim);
  return [...missing].map((claim) => `${claimName(claim)} is missing, and with it what it led to`);
}

/**
 * What an earlier look could have restored and this one can't, although nobody has claimed the backup or pruned it since: objects that are gone from an
 * end of the history leave no other trace.
 */
async function lostEnds(store: ObjectStore, claims: readonly Claim[], history: History): Promise<string[]> {
  const claimedMs = claims.at(-1)?.madeMs ?? 0;
  const oldest = firstSequenceOf(history);
  const last = lastSequenceOf(history);
  const wrong: string[] = [];
  for (const { kind, ms, first, sequence } of Object.values(await lastChecks(store))) {
    if (ms < claimedMs) continue;
    const look = `a ${kind} of ${new Date(ms).toISOString()}`;
    if (sequence > last) wrong.push(`${look} saw command ${sequence}, and now the last one is ${last}`);
    if (first < oldest && history.prunedThrough <= first)
      wrong.push(`${look} could restore command ${first}, and now the first one is ${oldest}`);
  }
  return wrong;
}

/** A store that is away is no finding about an object. */
function wordsOf(thrown: unknown): string {
  if (thrown instanceof EmberlogError && ["BACKUP_UNREADABLE", "OBJECT_MISSING"].includes(thrown.code))
    return thrown.message;
  throw thrown;
}
