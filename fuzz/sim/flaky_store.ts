/**
 * An object store as a simulated server sees it over a bad network: calls take their time, fail before or after they were worked on, all of them
 * for a while; a listing comes in pages, between which objects are created and the next of which may fail; what a process had sent when it
 * died is stored then, later, or never.
 *
 * The store itself never loses or changes anything: `memory` is what it holds, for those who judge it.
 */
import { MemoryStore, type StoreOperation } from "../../src/backup/memory_store.ts";
import { type ObjectBody, type ObjectEntry, type ObjectStore, wholeBody } from "../../src/backup/object_store.ts";
import { EmberlogError } from "../../src/base/errors.ts";
import { type Random, uniform } from "../../src/base/random.ts";
import type { Counts } from "./counts.ts";
import type { Schedule, SimClock } from "./world.ts";

const PAGE_ENTRIES = 3;
/** Of a call, and of one in sixteen, of uploads one in three. */
const LATENCY_US = 400;
const LATENCY_US_MAX = 100_000;

interface Late {
  readonly untilUs: number;
  readonly untilMs: number;
  readonly work: () => void;
}

/** What the network does: nothing wrong, something now and then, or nothing at all. */
export type Weather = "fair" | "flaky" | "away";

export class FlakyStore {
  readonly memory = new MemoryStore();
  weather: Weather = "fair";
  readonly random: Random;
  readonly schedule: Schedule;
  readonly counts: Counts;
  readonly note: (text: string) => void;
  readonly clock: SimClock;
  /** A call is worked on so long after its server has died, at most, by either clock. */
  lateUs = Number.POSITIVE_INFINITY;
  /** What the dead have sent and the store has not worked on yet. */
  private late: Late[] = [];

  constructor(random: Random, clock: SimClock, schedule: Schedule, counts: Counts, note: (text: string) => void) {
    this.random = random;
    this.clock = clock;
    this.schedule = schedule;
    this.counts = counts;
    this.note = note;
  }

  /** A process died with this call under way. */
  leave(work: () => void): void {
    const { clock, lateUs } = this;
    this.late.push({ untilUs: clock.nowUs + lateUs, untilMs: clock.wallMs() + lateUs / 1000, work });
  }

  /** Some of what is late arrives, or all of it. */
  arrive(all: boolean): void {
    while (this.late.length > 0 && (all || uniform(this.random, 40) === 0)) {
      const { untilUs, untilMs, work } = this.late.shift()!;
      if (this.clock.nowUs > untilUs || this.clock.wallMs() > untilMs) continue;
      this.counts.add("store: calls of a server worked on after it had died");
      work();
    }
  }
}

/** The store as one process sees it; once that is dead nothing is answered any more. */
export class StoreSession implements ObjectStore {
  readonly place = "sim:";
  /** Calls under way, and those of them that bring an object. */
  pending = 0;
  uploads = 0;
  /** Claims that this process has brought. */
  claims = 0;
  private readonly store: FlakyStore;
  private readonly isAlive: () => boolean;

  constructor(store: FlakyStore, isAlive: () => boolean) {
    this.store = store;
    this.isAlive = isAlive;
  }

  async create(name: string, body: ObjectBody): Promise<"created" | "exists"> {
    const bytes = Uint8Array.from(await wholeBody(body));
    const { memory } = this.store;
    return this.call("create", name, async () => {
      const outcome = await memory.create(name, bytes);
      if (outcome === "created" && name.startsWith("claims/")) this.claims++;
      return outcome;
    });
  }

  async read(name: string, start?: number, length?: number): Promise<Uint8Array> {
    return this.call("read", name, () => this.store.memory.read(name, start, length));
  }

  async size(name: string): Promise<number | undefined> {
    return this.call("size", name, () => this.store.memory.size(name));
  }

  async *list(prefix: string, after = ""): AsyncGenerator<ObjectEntry> {
    for (let last = after; ; ) {
      const page = await this.call("list", prefix, () => this.page(prefix, last));
      yield* page;
      if (page.length < PAGE_ENTRIES) return;
      last = page.at(-1)!.name;
    }
  }

  private async page(prefix: string, after: string): Promise<ObjectEntry[]> {
    const page: ObjectEntry[] = [];
    for await (const entry of this.store.memory.list(prefix, after)) {
      page.push(entry);
      if (page.length === PAGE_ENTRIES) break;
    }
    return page;
  }

  async remove(name: string): Promise<void> {
    return this.call("remove", name, () => this.store.memory.remove(name));
  }

  close(): void {}

  private async call<T>(operation: StoreOperation, name: string, work: () => Promise<T>): Promise<T> {
    const { store } = this;
    const fails = (what: string): EmberlogError => {
      store.counts.add(`store: ${what}`);
      return new EmberlogError("STORE_UNAVAILABLE", `${operation} ${name}: ${what}`, { file: name });
    };
    const probe = name.startsWith("probe/");
    const upload = operation === "create" && !probe;
    const changes = operation === "create" || (operation === "remove" && !probe);
    await this.wait(upload, changes, work);
    store.arrive(false);
    const dice = uniform(store.random, upload ? 5 : 16);
    store.note(`store ${operation} ${name}`);
    if (store.weather === "away" || (store.weather === "flaky" && dice === 0)) throw fails("no answer");
    const result = await work();
    if (store.weather === "flaky" && dice === 1) throw fails("the answer was lost");
    const kind = name.split("/")[0]!;
    const removal = operation === "remove" && !probe;
    store.counts.add(upload ? `store: uploads, ${kind}` : removal ? `store: removals, ${kind}` : "store: other calls");
    return result;
  }

  /** Until the store works on a call; for ever, where the process has died by then. */
  private wait(upload: boolean, changes: boolean, work: () => Promise<unknown>): Promise<void> {
    const { store } = this;
    if (!this.isAlive()) return new Promise(() => {});
    this.pending++;
    if (upload) this.uploads++;
    return new Promise((resolve) => {
      const done = (): void => {
        this.pending--;
        if (upload) this.uploads--;
        if (this.isAlive()) resolve();
      };
      const unseen = (): void => {
        if (store.weather !== "away" && changes) store.leave(() => void work());
      };
      const most = uniform(store.random, upload ? 3 : 16) === 0 ? LATENCY_US_MAX : LATENCY_US;
      store.schedule.after(1 + uniform(store.random, most), done, unseen);
    });
  }
}
