/**
 * Brings a catalogue to what its store holds: lists all of it, reads the small texts that are not known yet, forgets what is gone. Into an empty catalogue it is the
 * way to make one. Nothing is held open meanwhile: each batch is a transaction, and what is stored or removed by this process in between is noted beside it.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Catalogue, CataloguedObject } from "./catalogue.ts";
import { isKeptWhole } from "./catalogue.ts";
import { forAll } from "./for_all.ts";
import { CHECKS, CLAIMS, COUNTS, GENERATIONS, IMAGES, PRUNED, SEGMENTS } from "./layout.ts";
import type { ObjectEntry, ObjectStore } from "./object_store.ts";

/** A piece before what refers to it, so that a catalogue that is being made tells of nothing that is not in it. */
export const CATALOGUED = [CHECKS, COUNTS, SEGMENTS, IMAGES, GENERATIONS, PRUNED, CLAIMS] as const;

const READS_AT_ONCE = 16;
const BATCH_OBJECTS = 500;
const NAMES_AT_ONCE = 10_000;

export interface Listing {
  readonly store: ObjectStore;
  readonly nowMs: () => number;
  /** Was removed from the store since this began. */
  readonly isRemoved: (name: string) => boolean;
}

/** Objects below `prefix`; how many there are. Throws what the store throws, and SqliteFaults. */
export async function learnPrefix(catalogue: Catalogue, listing: Listing, prefix: string): Promise<number> {
  const { store, nowMs, isRemoved } = listing;
  const known = new Set<string>();
  for (let after = ""; ; ) {
    const entries = catalogue.list(prefix, after, NAMES_AT_ONCE);
    for (const { name } of entries) known.add(name);
    if (entries.length < NAMES_AT_ONCE) break;
    after = entries.at(-1)!.name;
  }
  let count = 0;
  let batch: ObjectEntry[] = [];
  const flush = async (): Promise<void> => {
    const objects = await bodiesOf(store, batch);
    batch = [];
    catalogue.apply((changes) => {
      for (const object of objects) if (!isRemoved(object.name)) changes.add(object);
    }, nowMs());
  };
  for await (const entry of store.list(prefix)) {
    count++;
    if (known.delete(entry.name)) continue;
    batch.push(entry);
    if (batch.length === BATCH_OBJECTS) await flush();
  }
  if (batch.length > 0) await flush();
  if (known.size > 0) {
    catalogue.apply((changes) => {
      for (const name of known) changes.remove(name);
    }, nowMs());
  }
  return count;
}

/** All of it; how many objects there are. Throws as `learnPrefix` does: what is learnt by then stays. */
export async function learnStore(catalogue: Catalogue, listing: Listing): Promise<number> {
  let count = 0;
  for (const prefix of CATALOGUED) count += await learnPrefix(catalogue, listing, prefix);
  catalogue.setListed(listing.nowMs());
  return count;
}

/** Without those that were removed meanwhile. */
async function bodiesOf(store: ObjectStore, entries: readonly ObjectEntry[]): Promise<CataloguedObject[]> {
  const objects: CataloguedObject[] = [];
  await forAll(entries, READS_AT_ONCE, async ({ name, size }) => {
    try {
      objects.push({ name, size, body: isKeptWhole(name) ? await store.read(name) : null });
    } catch (thrown) {
      if (!(thrown instanceof EmberlogError) || thrown.code !== "OBJECT_MISSING") throw thrown;
    }
  });
  return objects;
}
