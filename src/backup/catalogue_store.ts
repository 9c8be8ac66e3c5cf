/**
 * A catalogue seen as the store that it is of, to be read: whoever asks a store for its status, its history or its timeline can ask this instead. What it does not
 * hold (segments, images) can't be read from it.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Catalogue } from "./catalogue.ts";
import { type ObjectEntry, type ObjectStore, objectMissing } from "./object_store.ts";

/** Names asked for at a time. */
const LISTED_AT_ONCE = 1000;

export class CatalogueStore implements ObjectStore {
  readonly place: string;
  private readonly catalogue: Catalogue;

  constructor(catalogue: Catalogue) {
    this.catalogue = catalogue;
    this.place = catalogue.text("place");
  }

  create(name: string): Promise<"created" | "exists"> {
    return Promise.reject(this.refusal(name));
  }

  remove(name: string): Promise<void> {
    return Promise.reject(this.refusal(name));
  }

  async read(name: string, start = 0, length = Number.MAX_SAFE_INTEGER): Promise<Uint8Array> {
    const found = this.catalogue.find(name);
    if (found === undefined) throw objectMissing(this.place, name);
    if (found.body === null) throw this.refusal(name);
    return found.body.subarray(start, Math.min(found.body.length, start + length));
  }

  async size(name: string): Promise<number | undefined> {
    return this.catalogue.find(name)?.size;
  }

  async *list(prefix: string, after = ""): AsyncGenerator<ObjectEntry> {
    for (let last = after; ; ) {
      const entries = this.catalogue.list(prefix, last, LISTED_AT_ONCE);
      yield* entries;
      if (entries.length < LISTED_AT_ONCE) return;
      last = entries.at(-1)!.name;
    }
  }

  close(): void {
    this.catalogue.close();
  }

  private refusal(name: string): EmberlogError {
    return new EmberlogError("STORE_REFUSED", `${name} lies in ${this.place}: its catalogue only tells of it`);
  }
}
