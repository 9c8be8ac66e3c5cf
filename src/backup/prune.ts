/**
 * Removes what the retention no longer keeps.
 *
 * Kept are: the window, from the newest image that is older than it on, with every image and segment behind it; the images that the calendar keeps,
 * each with those that it stands on; and whatever the window says, the newest full image and the one before it, with the log behind them,
 * so that one damaged image never costs the present. Where there are no images the log is kept from its beginning.
 *
 * The window ends with the newest command stored, or now if that is earlier: a clock that runs ahead, here or at the server, removes nothing
 * that a right one would keep, and a server that has stood still for a month keeps its last week.
 *
 * Order, so that whoever dies in between leaves nothing half: the word that older holes are no loss (`pruned/`), generations, then the images
 * that no generation names any more, segments, their counts, claims that nothing is left of. Before each kind the claims are looked at: only the owner
 * of the newest one removes anything (claims.ts). What a running server has not named yet lies behind the newest
 * generation and is left alone. An object that the store refuses to remove, for a missing right or by an object lock, is reported and stays, and with it what it
 * needs; a prune after the lock has ended removes it.
 *
 * Numbers of commands are compared within the newest claim's line only (D17). What lies under other claims, of a server that nobody went on from or of other
 * data altogether, is counted; it goes only when somebody says so (`strangers`) and all of it is older than the window.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Crc32c } from "../log/format.ts";
import { CHECK_KINDS } from "./checks.ts";
import { type Claim, newestClaim, readClaims } from "./claims.ts";
import { decodeGeneration, type Generation } from "./generation.ts";
import { type History, historyOf, type Stored } from "./history.ts";
import {
  CHECKS,
  CLAIMS,
  COUNTS,
  GENERATIONS,
  type GenerationObject,
  IMAGES,
  PROBES,
  PRUNED,
  parseCheckRecordName,
  parseClaimName,
  parseCountsName,
  parseGenerationName,
  parseImageObject,
  parseProbeName,
  parsePrunedName,
  parseSegmentObject,
  prunedName,
  SEGMENTS,
} from "./layout.ts";
import { type ObjectEntry, ObjectLockedError, type ObjectStore } from "./object_store.ts";
import { keptByCalendar, type Retention } from "./retention.ts";

/** Records of verifications, and of drills, that are kept. */
const CHECKS_KEPT = 100;
/** Nobody looks at a probe any more after so long, ms. */
const PROBE_MS = 3_600_000;

export interface PruneReport {
  /** Objects removed, or with `dryRun` those that would be, and their bytes. */
  readonly removed: number;
  readonly bytes: number;
  /** Each command from here on can be restored, as far as it could before. */
  readonly windowFirst: number;
  /** Images kept as single points before the window, old to new. */
  readonly points: readonly { readonly sequence: number; readonly ms: number }[];
  /** Objects that the store did not let go. */
  readonly locked: readonly string[];
  /** The last of the locks that the store tells of ends then, ms; 0: it tells of none. */
  readonly lockedUntilMs: number;
  /** Generations that can't be read: they stay, and so do all images. */
  readonly unreadable: readonly string[];
  /** Objects under claims that the newest one did not come from, which stay. */
  readonly strangers: number;
}

export interface PruneOptions {
  readonly store: ObjectStore;
  readonly crc32c: Crc32c;
  readonly retention: Retention;
  /** The claim of whoever prunes. */
  readonly claim: number;
  /** Wall clock. */
  readonly nowMs: number;
  /** Remove nothing, only say what would be. */
  readonly dryRun: boolean;
  /** Remove also what belongs to no history of the newest claim, when it is older than the window. */
  readonly strangers: boolean;
}

interface Kept {
  /** Of generations. */
  readonly names: ReadonlySet<string>;
  readonly windowFirst: number;
  readonly cutoffMs: number;
  readonly points: PruneReport["points"];
}

/** Throws STORE_FENCED for who is not the owner, and what the store throws except refusals to remove an object. */
export async function prune(options: PruneOptions): Promise<PruneReport> {
  const { store, claim } = options;
  await requireOwner(options);
  const claims = await readClaims(store);
  const history = await historyOf(store, claims);
  const found = await findAll(options);
  const kept = keptOf(history, found, options);
  const judge = new Judge(options, history, kept, found);
  const removal = new Removal(options, new Set(history.claims.map((each) => each.claim)));
  const oldGenerations = found.generationEntries.filter(({ name }) => judge.generation(name));
  const oldSegments = found.segments.filter(({ name }) => judge.segment(name));
  const oldCounts = found.counts.filter(({ name }) => judge.counts(name, oldSegments));
  if (oldGenerations.length + oldSegments.length > 0) await removal.begin(kept.windowFirst);
  const doomed = new Set(oldGenerations.map(({ name }) => name));
  for (const name of await removal.remove(oldGenerations)) doomed.delete(name);
  await removal.remove(judge.images(doomed));
  await removal.remove(oldSegments);
  await removal.remove(oldCounts);
  if (!options.dryRun) await removal.remove(await doomedClaims(store, claims, history, claim, kept.cutoffMs));
  await removal.remove(oldChecks(await listed(store, CHECKS)));
  await removal.remove(oldProbes(await listed(store, PROBES), options.nowMs));
  return {
    removed: removal.removed,
    bytes: removal.bytes,
    windowFirst: kept.windowFirst,
    points: kept.points,
    locked: removal.locked,
    lockedUntilMs: removal.lockedUntilMs,
    unreadable: found.unreadable,
    strangers: judge.strangers,
  };
}

/** What lies there. */
interface Found {
  readonly generationEntries: readonly ObjectEntry[];
  /** Those that can be read, by name. */
  readonly generations: ReadonlyMap<string, Generation>;
  readonly unreadable: readonly string[];
  readonly images: readonly ObjectEntry[];
  readonly segments: readonly ObjectEntry[];
  readonly counts: readonly ObjectEntry[];
}

async function findAll({ store, crc32c }: PruneOptions): Promise<Found> {
  const generationEntries = await listed(store, GENERATIONS);
  const generations = new Map<string, Generation>();
  const unreadable: string[] = [];
  for (const { name } of generationEntries) {
    try {
      generations.set(name, decodeGeneration(name, await store.read(name), crc32c));
    } catch (thrown) {
      if (!(thrown instanceof EmberlogError) || thrown.code !== "BACKUP_UNREADABLE") throw thrown;
      unreadable.push(name);
    }
  }
  const images = await listed(store, IMAGES);
  const segments = await listed(store, SEGMENTS);
  const counts = await listed(store, COUNTS);
  return { generationEntries, generations, unreadable, images, segments, counts };
}

async function listed(store: ObjectStore, prefix: string): Promise<ObjectEntry[]> {
  const entries: ObjectEntry[] = [];
  for await (const entry of store.list(prefix)) entries.push(entry);
  return entries;
}

async function requireOwner({ store, claim }: PruneOptions): Promise<void> {
  const newest = await newestClaim(store);
  if (newest === claim) return;
  throw new EmberlogError(
    "STORE_FENCED",
    newest === 0
      ? `${store.place} holds no backup`
      : `${store.place} belongs to claim ${newest}, not to claim ${claim}: only its owner removes what is old`,
  );
}

function keptOf(history: History, found: Found, { retention, nowMs }: PruneOptions): Kept {
  const { generations } = found;
  const present = new Set(found.images.map(({ name }) => name));
  const whole = history.generations.filter(({ name }) =>
    generations.get(name)?.images.every(({ object }) => present.has(object)),
  );
  const newestMs = [...history.segments, ...history.generations].reduce(
    (latest, { object }) => Math.max(latest, object.lastMs),
    0,
  );
  const cutoffMs = Math.min(nowMs, newestMs) - retention.windowMs;
  const isFull = ({ name }: Stored<GenerationObject>): boolean => generations.get(name)!.images.length === 1;
  const older = whole.findLast(({ object }) => object.lastMs <= cutoffMs);
  const fulls = whole.filter(isFull);
  const insurance = fulls.at(-2) ?? fulls.at(-1);
  // Without an image before the window the log is needed from where it begins.
  const windowFirst = Math.max(history.origin, Math.min(older?.object.sequence ?? 0, insurance?.object.sequence ?? 0));
  const points = whole.map((stored) => ({ name: stored.name, ms: stored.object.lastMs, full: isFull(stored) }));
  const calendar = keptByCalendar(points, retention);
  const names = new Set<string>();
  const single: { sequence: number; ms: number }[] = [];
  for (const { name, object } of history.generations) {
    if (object.sequence >= windowFirst) names.add(name);
    else if (calendar.has(name)) {
      names.add(name);
      single.push({ sequence: object.sequence, ms: object.lastMs });
    }
  }
  return { names, windowFirst, cutoffMs, points: single };
}

/** Says of each object whether it goes. */
class Judge {
  /** Objects under other claims that stay. */
  strangers = 0;
  private readonly options: PruneOptions;
  private readonly kept: Kept;
  private readonly found: Found;
  /** Claims of the newest one's line. */
  private readonly line: ReadonlySet<number>;
  private readonly newestSequence: number;
  private readonly neededSegments = new Set<string>();

  constructor(options: PruneOptions, history: History, kept: Kept, found: Found) {
    this.options = options;
    this.kept = kept;
    this.found = found;
    this.line = new Set(history.claims.map(({ claim }) => claim));
    this.newestSequence = history.generations.at(-1)?.object.sequence ?? -1;
    // A part is needed as long as one behind it in the same segment is.
    for (const { pieces, object } of history.segments) {
      if (object.lastSequence > kept.windowFirst) for (const { name } of pieces) this.neededSegments.add(name);
    }
  }

  generation(name: string): boolean {
    const object = parseGenerationName(name);
    if (object === undefined || this.kept.names.has(name) || this.found.unreadable.includes(name)) return false;
    if (!this.line.has(object.claim)) return this.stranger(object.lastMs);
    return object.sequence < this.kept.windowFirst || object.lastMs < this.kept.cutoffMs;
  }

  segment(name: string): boolean {
    const object = parseSegmentObject(name);
    if (object === undefined || this.neededSegments.has(name)) return false;
    if (!this.line.has(object.claim)) return this.stranger(object.lastMs);
    // What an old server has written beyond the point from which the next one went on belongs to no history.
    const beyond = object.claim < this.options.claim && object.lastMs < this.kept.cutoffMs;
    return object.lastSequence <= this.kept.windowFirst || beyond;
  }

  /** The counts of segments that go. */
  counts(name: string, segments: readonly ObjectEntry[]): boolean {
    const object = parseCountsName(name);
    if (object === undefined) return false;
    if (this.line.has(object.claim)) return object.lastSequence <= this.kept.windowFirst;
    return segments.some((segment) => {
      const of = parseSegmentObject(segment.name);
      return of?.claim === object.claim && of.firstSequence === object.firstSequence;
    });
  }

  /** Those that no generation names when `doomed` are gone. Behind the newest one lies what a server may be about to name. */
  images(doomed: ReadonlySet<string>): ObjectEntry[] {
    const { generations, unreadable, images } = this.found;
    if (unreadable.length > 0) return [];
    const needed = new Set<string>();
    for (const [name, generation] of generations) {
      if (!doomed.has(name)) for (const { object } of generation.images) needed.add(object);
    }
    const gone = new Set<string>();
    for (const name of doomed) for (const { object } of generations.get(name)!.images) gone.add(object);
    return images.filter(({ name }) => {
      const object = parseImageObject(name);
      if (object === undefined || needed.has(name)) return false;
      return gone.has(name) || (this.line.has(object.claim) && object.sequence < this.newestSequence);
    });
  }

  private stranger(lastMs: number): boolean {
    if (this.options.strangers && lastMs < this.kept.cutoffMs) return true;
    this.strangers++;
    return false;
  }
}

/** All but the newest of each kind. */
function oldChecks(entries: readonly ObjectEntry[]): ObjectEntry[] {
  return CHECK_KINDS.flatMap((kind) => {
    const own = entries.filter(({ name }) => parseCheckRecordName(name)?.kind === kind);
    return own.slice(0, Math.max(0, own.length - CHECKS_KEPT));
  });
}

/** Those that a lock has kept, or whoever died. */
function oldProbes(entries: readonly ObjectEntry[], nowMs: number): ObjectEntry[] {
  return entries.filter(({ name }) => (parseProbeName(name) ?? Number.MAX_SAFE_INTEGER) < nowMs - PROBE_MS);
}

/**
 * Claims that nothing lies below any more, from the oldest on: one in the middle of the line holds it together. Those beside the line are
 * nobody's origin. One stays while it is not longer ago than the window that the next one was made: what its server had on its way when it
 * was taken over may still arrive, and without the claim it would look as if that had been lost.
 */
async function doomedClaims(
  store: ObjectStore,
  claims: readonly Claim[],
  history: History,
  claim: number,
  cutoffMs: number,
): Promise<ObjectEntry[]> {
  const used = new Set<number>();
  for (const prefix of [SEGMENTS, IMAGES, GENERATIONS, PRUNED]) {
    for await (const { name } of store.list(prefix)) {
      const object =
        parseSegmentObject(name) ?? parseImageObject(name) ?? parseGenerationName(name) ?? parsePrunedName(name);
      if (object !== undefined) used.add(object.claim);
    }
  }
  const line = history.claims.map((each) => each.claim);
  const oldest = line.find((each) => used.has(each)) ?? claim;
  const doomed: ObjectEntry[] = [];
  for await (const entry of store.list(CLAIMS)) {
    const number = parseClaimName(entry.name);
    if (number === undefined || number >= claim || used.has(number)) continue;
    const next = claims.find((each) => each.claim > number);
    if (next === undefined || next.madeMs >= cutoffMs) continue;
    if (number < oldest || !line.includes(number)) doomed.push(entry);
  }
  return doomed;
}

class Removal {
  removed = 0;
  bytes = 0;
  readonly locked: string[] = [];
  lockedUntilMs = 0;
  private readonly options: PruneOptions;
  private readonly line: ReadonlySet<number>;

  constructor(options: PruneOptions, line: ReadonlySet<number>) {
    this.options = options;
    this.line = line;
  }

  /** Says first, in the store, what is about to become true. What was said of another line's commands is that one's. // D17 */
  async begin(sequence: number): Promise<void> {
    const { store, claim, dryRun } = this.options;
    if (dryRun) return;
    const before: ObjectEntry[] = [];
    for await (const entry of store.list(PRUNED)) {
      if (this.line.has(parsePrunedName(entry.name)?.claim ?? 0)) before.push(entry);
    }
    if (before.some(({ name }) => (parsePrunedName(name)?.sequence ?? 0) >= sequence)) return;
    await store.create(prunedName({ claim, sequence }), Buffer.from(`${JSON.stringify({ through: sequence })}\n`));
    for (const { name } of before) await this.one(name);
  }

  /** Returns the names of what did not go. */
  async remove(entries: readonly ObjectEntry[]): Promise<string[]> {
    if (entries.length === 0) return [];
    const { dryRun } = this.options;
    if (!dryRun) await requireOwner(this.options);
    const stayed: string[] = [];
    for (const { name, size } of entries) {
      if (!dryRun && !(await this.one(name))) {
        stayed.push(name);
        continue;
      }
      this.removed++;
      this.bytes += size;
    }
    this.locked.push(...stayed);
    return stayed;
  }

  private async one(name: string): Promise<boolean> {
    try {
      await this.options.store.remove(name);
      return true;
    } catch (thrown) {
      if (thrown instanceof ObjectLockedError) this.lockedUntilMs = Math.max(this.lockedUntilMs, thrown.untilMs);
      else if (!(thrown instanceof EmberlogError) || thrown.code !== "STORE_REFUSED") throw thrown;
      return false;
    }
  }
}
