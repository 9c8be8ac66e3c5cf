/**
 * A backup in a simulated life: the server's own Shipping, with its desk on the same thread, over a store behind a bad network. It ships while the
 * server lives, dies with it, and the next server goes on. A server that was taken for dead may wake up beside it and ship or prune once more.
 * In some lives the server also prunes, by a retention of seconds, beside its passes and its own death.
 *
 * Held against it here: it fails by the store and the disk only; nobody fences off the one server that lives; the one that woke up is told that it
 * is not the writer any more; what was said to be restorable is on the disk of every server that comes after. What the store gives back is judged by
 * restored.ts.
 */
import { parseRetention } from "../../src/backup/retention.ts";
import { Shipping } from "../../src/backup/shipping.ts";
import { ShippingDesk } from "../../src/backup/shipping_desk.ts";
import { InlineShippingThread } from "../../src/backup/shipping_thread.ts";
import { EmberlogError } from "../../src/base/errors.ts";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { DiskError } from "../../src/disk/disk.ts";
import type { MemoryDisk } from "../../src/disk/memory_disk.ts";
import { crc32c } from "../../src/platform/checksum.ts";
import type { Counts } from "./counts.ts";
import { SIM_DIRECTORY } from "./directory.ts";
import { FlakyStore, StoreSession } from "./flaky_store.ts";
import { keySecrets } from "./keys.ts";
import { mix, type Plan } from "./plan.ts";
import type { SimServer } from "./server.ts";
import type { Schedule, SimClock } from "./world.ts";

/** Turns of the promises between two calls of the store, at most. */
const SETTLE_TICKS_MAX = 2000;
/** Lets draws of the backup be others than those of the life. */
const BACKUP = 0x3c6ef372;
const PRUNING = 0x1f83d9ab;
/** Ticks between two prunings, about. */
const PRUNE_TICKS = 12;
/** What a server has on its way arrives within it, as prune.ts expects. */
const SHORTEST_WINDOW_US = 1_000_000;
const RETENTIONS = ["1s", "1s daily 1", "2s", "4s weekly 1"] as const;

interface Process {
  readonly server: SimServer;
  readonly shipping: Shipping;
  readonly session: StoreSession;
  /** It proves and claims the store. */
  begins: boolean;
  prunes: boolean;
  dead: boolean;
}

export class SimBackup {
  readonly store: FlakyStore;
  /** What it did that it must not; "": nothing. */
  violation = "";
  /** Every command up to here can be restored, as some server said. */
  reported = 0;
  /** What any pruning so far had to keep: the state after this command, and all after it. */
  keptFrom = 0;
  private readonly plan: Plan;
  private readonly clock: SimClock;
  private readonly counts: Counts;
  private readonly note: (text: string) => void;
  private readonly windowFrom: (ms: number) => number;
  private readonly random;
  /** Draws of its own: a life in which nothing is pruned does not depend on them. */
  private readonly pruning;
  private readonly prunes: boolean;
  private diesPruning = false;
  private prunesNow = false;
  private process: Process | undefined;
  /** Was taken for dead and may wake up; and the one that did. */
  private sleeper: Process | undefined;
  private woken: Process | undefined;
  private processes = 0;
  private imageSeen: number | undefined;

  /** `windowFrom` says after which command the oldest state stands that a window which begins at a time, ms, must keep. */
  constructor(
    plan: Plan,
    clock: SimClock,
    schedule: Schedule,
    counts: Counts,
    note: (text: string) => void,
    windowFrom: (ms: number) => number,
  ) {
    this.plan = plan;
    this.clock = clock;
    this.counts = counts;
    this.note = note;
    this.windowFrom = windowFrom;
    this.random = seededRandom(mix(plan.seed, BACKUP));
    this.pruning = seededRandom(mix(plan.seed, PRUNING));
    this.prunes = uniform(this.pruning, 2) === 0;
    this.store = new FlakyStore(this.random, clock, schedule, counts, note);
    if (this.prunes) this.store.lateUs = SHORTEST_WINDOW_US;
  }

  /** The weather changes now and then. */
  beginStep(index: number): void {
    const random = seededRandom(mix(this.plan.seed ^ BACKUP, index));
    if (uniform(random, 6) === 0)
      this.store.weather = (["fair", "flaky", "flaky", "away"] as const)[uniform(random, 4)]!;
  }

  /** A server has started. */
  attach(server: SimServer, disk: MemoryDisk): void {
    const { clock, note } = this;
    const { seed } = this.plan;
    const random = seededRandom(mix(seed ^ BACKUP, 10_000 + ++this.processes));
    const session: StoreSession = new StoreSession(this.store, () => !process.dead && !server.ended);
    const startThread = (): InlineShippingThread => {
      const thread = new InlineShippingThread(
        (stored) => new ShippingDesk({ disk, crc32c, random, clock, openStore: async () => session, stored }),
      );
      const { call } = thread;
      thread.call = async (name, ask) => {
        try {
          return await call.call(thread, name, ask);
        } catch (thrown) {
          this.failed(process, thrown, name);
          throw thrown;
        }
      };
      return thread;
    };
    const shipping = new Shipping({
      startThread,
      target: {
        url: "sim:",
        recipients: [],
        identityFile: null,
        unencrypted: true,
        singleWriter: false,
        directory: SIM_DIRECTORY,
      },
      rate: { intervalMs: 1 + uniform(random, 300), bytes: 1000 + uniform(random, 20_000) },
      clock,
      random,
      log: { notice: note, warning: note },
    });
    const process: Process = { server, shipping, session, begins: true, prunes: false, dead: false };
    this.process = process;
    if (uniform(random, 2) === 0) this.store.weather = "fair";
    const { storage } = server;
    storage.images.isBackedUp = true;
    storage.images.isFree = ({ sealed }) => sealed !== null && shipping.isShipped(sealed.lastSequence);
    const { sequence } = storage.writer;
    if (sequence < this.reported)
      this.wrong(`a start has ${sequence} commands, and ${this.reported} were said to be in the backup`);
    void this.begin(process);
  }

  /** As the server does it: a store that is away is no reason not to serve. */
  private async begin(process: Process): Promise<void> {
    const { shipping, server } = process;
    const { keys } = this;
    const source = () => {
      const { writer, listed: manifest } = server.storage;
      if (manifest.state !== "complete") return undefined;
      const { sequence, durableSequence } = writer;
      const sync = (): void => void writer.durable().catch(() => undefined);
      return { manifest, sequence, durableSequence, loggedBytes: writer.statistics.bytes, sync, keys };
    };
    try {
      await shipping.prove();
      await shipping.begin(source);
    } catch (thrown) {
      if (!process.dead) shipping.beginLater(source, thrown as EmberlogError);
    }
    process.begins = false;
  }

  private get keys() {
    return this.plan.encrypted ? keySecrets() : [];
  }

  /** To be called at each tick of the server's timer. */
  tick(): void {
    const { process, random } = this;
    if (process === undefined || process.begins || process.server.ended) return;
    const newest = process.server.storage.listed.images.at(-1)?.chain;
    if (newest !== this.imageSeen && newest !== undefined && uniform(random, 4) > 0) process.shipping.wantImage();
    this.imageSeen = newest;
    process.shipping.tick();
    if (this.prunes && !process.prunes && process.shipping.state === "shipping") {
      if (this.prunesNow || uniform(this.pruning, PRUNE_TICKS) === 0) this.prune(process).catch(() => undefined);
    }
    this.wake();
  }

  /** As the server does it by the clock. What goes wrong `failed` has looked at. */
  private async prune(process: Process): Promise<void> {
    const { clock, counts } = this;
    const words = RETENTIONS[uniform(this.pruning, RETENTIONS.length)]!;
    if (process === this.process) {
      const from = this.windowFrom(clock.wallMs() - parseRetention(words).windowMs);
      this.keptFrom = Math.max(this.keptFrom, from);
      this.note(`prune ${words}: all from ${from} on stays`);
    }
    process.prunes = true;
    try {
      const { removed, locked, unreadable } = await process.shipping.prune(words);
      counts.add("backup: prunings");
      counts.add("backup: objects pruned", removed);
      if (locked.length + unreadable.length > 0) this.wrong(`pruning met ${[...locked, ...unreadable].join(", ")}`);
    } finally {
      process.prunes = false;
    }
  }

  /** The one that was taken for dead ships, or prunes, once more. */
  private wake(): void {
    const { sleeper, process } = this;
    if (sleeper === undefined || process === undefined || process.shipping.claim <= sleeper.shipping.claim) return;
    if (uniform(this.random, 4) !== 0) return;
    this.sleeper = undefined;
    this.woken = sleeper;
    sleeper.dead = false;
    this.note("a server that was taken for dead wakes up");
    this.counts.add("backup: servers that woke up beside another");
    const prunes = this.prunes && uniform(this.pruning, 2) === 0;
    const work: Promise<unknown> = prunes ? this.prune(sleeper) : sleeper.shipping.flush(false);
    work.then(
      () => {
        const what = prunes ? "pruned" : "shipped";
        if (!sleeper.dead) this.wrong(`a server has ${what} although another one had taken the backup over`);
      },
      () => undefined,
    );
  }

  /** The process ends. What it had sent is its schedule's to clear. */
  detach(): void {
    const { process } = this;
    if (process === undefined) return;
    this.process = undefined;
    this.prunesNow = false;
    process.dead = true;
    this.learn(process);
    const { shipping, begins } = process;
    if (this.woken !== undefined) this.woken.dead = true;
    this.woken = undefined;
    // One that sleeps is in the middle of nothing.
    const { writer } = process.server.storage;
    const idle = !begins && !process.prunes && !shipping.busy && shipping.state === "shipping" && !process.server.ended;
    if (idle && writer.durableSequence === writer.sequence && uniform(this.random, 3) === 0) this.sleeper = process;
    else shipping.stop();
  }

  /** After a start that has so many commands: those behind them have never been. */
  recovered(sequence: number): void {
    this.keptFrom = Math.min(this.keptFrom, sequence);
  }

  private learn({ shipping }: Process): void {
    this.reported = Math.max(this.reported, shipping.shippedSequence);
    this.counts.add("backup: passes", shipping.statistics.passes);
    if (shipping.statistics.holes > 0) this.counts.add("backup: servers that told of a hole where the log began anew");
  }

  /** Lets the promises go on until the store is asked, or there is nothing to do. */
  async settle(): Promise<void> {
    for (let i = 0; i < SETTLE_TICKS_MAX && (isRunning(this.process) || isRunning(this.woken)); i++)
      await Promise.resolve();
  }

  /** All that the server has written is in the store, and the images that were wished for. */
  get complete(): boolean {
    const { process } = this;
    if (process === undefined || process.begins) return false;
    const { shipping, server } = process;
    const { storage } = server;
    if (shipping.state !== "shipping" || shipping.busy || storage.images.busy) return false;
    return shipping.position >= storage.writer.sequence && Reflect.get(shipping, "images") === "needed";
  }

  /**
   * The next death is to come in the midst of a pruning or, where there is none, of an upload. Returns how many images are to be taken before, so that
   * there is something to prune.
   */
  dieMidway(): number {
    this.diesPruning = this.prunes && uniform(this.pruning, 2) === 0;
    return this.prunes ? uniform(this.pruning, 6) : 0;
  }

  /** Is it time for that death? */
  isMidway(): boolean {
    const { process } = this;
    this.prunesNow = this.diesPruning;
    if (process === undefined) return false;
    return this.diesPruning ? process.prunes && uniform(this.pruning, 12) === 0 : process.session.uploads > 0;
  }

  /** Why it is not complete yet. */
  get state(): string {
    const shipping = this.process?.shipping;
    return `${shipping?.state ?? "none"}, ${shipping?.position ?? 0} shipped: ${shipping?.statistics.lastError ?? ""}`;
  }

  private failed(process: Process, thrown: unknown, call: string): void {
    if (process.dead || process.server.ended || process !== this.process) return;
    // A log that has begun anew, here or before the start, has a claim of its own: the server took it while it pruned under the one before.
    const fenced = thrown instanceof EmberlogError && thrown.code === "STORE_FENCED";
    if (fenced && call === "prune" && process.session.claims > 1) return;
    const { counts } = this;
    this.note(`a pass came to nothing: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    if (thrown instanceof DiskError) return counts.add("backup: passes that failed by the disk");
    if (thrown instanceof EmberlogError && thrown.code === "STORE_UNAVAILABLE")
      return counts.add("backup: passes that failed by the store");
    this.wrong(`the backup fails: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
  }

  private wrong(what: string): void {
    this.violation ||= what;
  }
}

/** It has something to do, and waits for no call of the store. */
function isRunning(process: Process | undefined): boolean {
  if (process === undefined || process.dead || process.server.ended) return false;
  return process.session.pending === 0 && (process.begins || process.prunes || process.shipping.busy);
}
