/** What a store holds at a glance: who writes it, how far it reaches, what lies there, where it has holes. */
import { type CheckKind, type CheckRecord, lastChecks } from "./checks.ts";
import type { Claim } from "./claims.ts";
import { readClaims } from "./claims.ts";
import { type Gap, gapsOf, type History, historyOf, reaches } from "./history.ts";
import { IMAGES, SEGMENTS } from "./layout.ts";
import type { ObjectStore } from "./object_store.ts";

/** Objects and their bytes as stored. */
export interface Amount {
  readonly objects: number;
  readonly bytes: number;
}

export interface BackupStatus {
  /** The newest; null: nobody has written here. */
  readonly claim: Claim | null;
  /** Everything of its kind that lies there, also what belongs to no history any more. */
  readonly segments: Amount;
  readonly images: Amount;
  /** The newest state that an image gives at once; null: there is none. */
  readonly image: { readonly sequence: number; readonly lastMs: number } | null;
  /** States from `first` to `last` can be restored, but for the gaps; null: none. */
  readonly restorable: { readonly first: number; readonly last: number; readonly lastMs: number } | null;
  readonly gaps: readonly Gap[];
  /** What the last verification and the last drill found. */
  readonly checks: Partial<Record<CheckKind, CheckRecord>>;
}

export async function readStatus(store: ObjectStore): Promise<BackupStatus> {
  const claims = await readClaims(store);
  const history = await historyOf(store, claims);
  const newest = history.generations.at(-1)?.object;
  return {
    claim: claims.at(-1) ?? null,
    segments: await amountOf(store, SEGMENTS),
    images: await amountOf(store, IMAGES),
    image: newest === undefined ? null : { sequence: newest.sequence, lastMs: newest.lastMs },
    restorable: restorableIn(history),
    gaps: gapsOf(history),
    checks: await lastChecks(store),
  };
}

function restorableIn(history: History): BackupStatus["restorable"] {
  const covered = reaches(history);
  if (covered.length === 0) return null;
  const last = covered.reduce((most, reach) => Math.max(most, reach.last), 0);
  const times = [...history.segments, ...history.generations]
    .filter(({ object }) => ("lastSequence" in object ? object.lastSequence : object.sequence) <= last)
    .map(({ object }) => object.lastMs);
  return { first: covered[0]!.first, last, lastMs: times.reduce((a, b) => Math.max(a, b), 0) };
}

async function amountOf(store: ObjectStore, prefix: string): Promise<Amount> {
  let objects = 0;
  let bytes = 0;
  for await (const { size } of store.list(prefix)) {
    objects++;
    bytes += size;
  }
  return { objects, bytes };
}
