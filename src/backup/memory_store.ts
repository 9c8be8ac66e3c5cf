/**
 * A store in memory, for tests: what it does can be made to fail, to be slow, to lose the answer after the work was done, and
 * its objects can be damaged. Behaves as the interface says where nothing is asked to go wrong.
 */
import { EmberlogError } from "../base/errors.ts";
import {
  checkObjectName,
  type ObjectBody,
  type ObjectEntry,
  ObjectLockedError,
  type ObjectStore,
  objectMissing,
  wholeBody,
} from "./object_store.ts";

export type StoreOperation = "create" | "read" | "size" | "list" | "remove";

/**
 * What becomes of one call: `work`, fail before anything was done (`unavailable`, `refused`), or fail after the work was done
 * (`answer lost`), as a network may.
 */
export type StoreFate = "work" | "unavailable" | "refused" | "answer lost";

export class MemoryStore implements ObjectStore {
  readonly place = "memory:";
  private readonly replaces: boolean;
  /** Objects by name; tests damage them here. */
  readonly objects = new Map<string, Uint8Array>();
  /** Objects that can't be removed before a time, ms. */
  readonly locks = new Map<string, number>();
  /** By this clock. */
  nowMs: () => number = () => 0;
  /** Decides the fate of each call. */
  fate: (operation: StoreOperation, name: string) => StoreFate = () => "work";
  /** Awaited before each call is worked on. */
  delay: () => Promise<void> = () => Promise.resolve();

  /** With `replaces` it is a store without conditional writes, where the last of two creators wins. */
  constructor(options: { readonly replaces?: boolean } = {}) {
    this.replaces = options.replaces ?? false;
  }

  async create(name: string, body: ObjectBody): Promise<"created" | "exists"> {
    checkObjectName(name);
    const bytes = Uint8Array.from(await wholeBody(body));
    return this.attempt("create", name, () => {
      if (this.objects.has(name) && !this.replaces) return "exists";
      this.objects.set(name, bytes);
      return "created";
    });
  }

  async read(name: string, start = 0, length = Number.MAX_SAFE_INTEGER): Promise<Uint8Array> {
    checkObjectName(name);
    return this.attempt("read", name, () => {
      const bytes = this.objects.get(name);
      if (bytes === undefined) throw objectMissing(this.place, name);
      return bytes.slice(start, Math.min(bytes.length, start + length));
    });
  }

  async size(name: string): Promise<number | undefined> {
    checkObjectName(name);
    return this.attempt("size", name, () => this.objects.get(name)?.length);
  }

  async *list(prefix: string, after = ""): AsyncGenerator<ObjectEntry> {
    const names = await this.attempt("list", prefix, () => [...this.objects.keys()].sort());
    for (const name of names) {
      const size = this.objects.get(name)?.length;
      if (name.startsWith(prefix) && name > after && size !== undefined) yield { name, size };
    }
  }

  async remove(name: string): Promise<void> {
    checkObjectName(name);
    await this.attempt("remove", name, () => {
      const untilMs = this.locks.get(name) ?? 0;
      if (untilMs > this.nowMs()) throw new ObjectLockedError(this.place, name, untilMs);
      this.objects.delete(name);
    });
  }

  close(): void {}

  private async attempt<T>(operation: StoreOperation, name: string, work: () => T): Promise<T> {
    const fate = this.fate(operation, name);
    await this.delay();
    if (fate === "refused")
      throw new EmberlogError("STORE_REFUSED", `${operation} ${name} was refused`, { file: name });
    if (fate === "unavailable")
      throw new EmberlogError("STORE_UNAVAILABLE", `${operation} ${name} got no answer`, { file: name });
    const result = work();
    if (fate === "answer lost")
      throw new EmberlogError("STORE_UNAVAILABLE", `the answer to ${operation} ${name} was lost`, { file: name });
    return result;
  }
}
