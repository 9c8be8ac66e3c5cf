/** A store, and somebody who is told of each object that was stored in it or removed from it. */
import { isKeptWhole } from "./catalogue.ts";
import type { ObjectBody, ObjectEntry, ObjectStore } from "./object_store.ts";

export interface StoreNotes {
  /** `body` is there for what a catalogue keeps whole. */
  stored(name: string, size: number, body: Uint8Array | null): void;
  removed(name: string): void;
}

export class NotedStore implements ObjectStore {
  private readonly store: ObjectStore;
  private readonly notes: StoreNotes;

  constructor(store: ObjectStore, notes: StoreNotes) {
    this.store = store;
    this.notes = notes;
  }

  get place(): string {
    return this.store.place;
  }

  async create(name: string, body: ObjectBody): Promise<"created" | "exists"> {
    let size = 0;
    const counted = async function* (pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        size += piece.length;
        yield piece;
      }
    };
    const whole = body instanceof Uint8Array;
    const result = await this.store.create(name, whole ? body : counted(body));
    if (whole) size = body.length;
    // What is named by its sum is the same, whoever has stored it: an attempt before, whose answer was lost.
    if (result === "created" || (whole && !isKeptWhole(name)))
      this.notes.stored(name, size, whole && isKeptWhole(name) ? body : null);
    return result;
  }

  async remove(name: string): Promise<void> {
    await this.store.remove(name);
    this.notes.removed(name);
  }

  read(name: string, start?: number, length?: number): Promise<Uint8Array> {
    return this.store.read(name, start, length);
  }

  size(name: string): Promise<number | undefined> {
    return this.store.size(name);
  }

  list(prefix: string, after?: string): AsyncIterable<ObjectEntry> {
    return this.store.list(prefix, after);
  }

  close(): void {
    this.store.close();
  }
}
