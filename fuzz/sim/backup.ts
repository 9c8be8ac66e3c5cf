/**
 * A backup in a simulated life: the server's own Shipping, with its desk on the same thread, over a store behind a bad network. It ships while the
 * server lives, dies with it, and the next server goes on. A server that was taken for dead may wake up beside it and ship once more.
 *
 * Held against it here: it fails by the store and the disk only; nobody fences off the one server that lives; the one that woke up is told that it
 * is not the writer any more; what was said to be restorable is on the disk of every server that comes after. What the store gives back is judged by
 * restored.ts.
 */
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

interface Process {
  readonly server: SimServer;
  readonly shipping: Shipping;
  readonly session: StoreSession;
  /** It proves and claims the store. */
  begins: boolean;
  dead: boolean;
}

export class SimBackup {
  readonly store: FlakyStore;
  /** What it did that it must not; "": nothing. */
  violation = "";
  /** Every command up to here can be restored, as some server said. */
  reported = 0;
  private readonly plan: Plan;
  private readonly clock: SimClock;
  private readonly counts: Counts;
  private readonly note: (text: string) => void;
  private readonly random;
  private process: Process | undefined;
  /** Was taken for dead and may wake up; and the one that did. */
  private sleeper: Process | undefined;
  private woken: Process | undefined;
  private processes = 0;
  private imageSeen: number | undefined;

  constructor(plan: Plan, clock: SimClock, schedule: Schedule, counts: Counts, note: (text: string) => void) {
    this.plan = plan;
    this.clock = clock;
    this.counts = counts;
    this.note = note;
    this.random = seededRandom(mix(plan.seed, BACKUP));
    this.store = new FlakyStore(this.random, schedule, counts, note);
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
          this.failed(process, thrown);
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
    const process: Process = { server, shipping, session, begins: true, dead: false };
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
    this.wake();
  }

  /** The one that was taken for dead ships once more. */
  private wake(): void {
    const { sleeper, process } = this;
    if (sleeper === undefined || process === undefined || process.shipping.claim <= sleeper.shipping.claim) return;
    if (uniform(this.random, 4) !== 0) return;
    this.sleeper = undefined;
    this.woken = sleeper;
    sleeper.dead = false;
    this.note("a server that was taken for dead wakes up");
    this.counts.add("backup: servers that woke up beside another");
    sleeper.shipping.flush(false).then(
      () => {
        if (!sleeper.dead) this.wrong("a server has shipped although another one had taken the backup over");
      },
      () => undefined,
    );
  }

  /** The process ends. What it had sent is its schedule's to clear. */
  detach(): void {
    const { process } = this;
    if (process === undefined) return;
    this.process = undefined;
    process.dead = true;
    this.learn(process);
    const { shipping, begins } = process;
    if (this.woken !== undefined) this.woken.dead = true;
    this.woken = undefined;
    // One that sleeps is in the middle of nothing.
    const { writer } = process.server.storage;
    const idle = !begins && !shipping.busy && shipping.state === "shipping" && !process.server.ended;
    if (idle && writer.durableSequence === writer.sequence && uniform(this.random, 3) === 0) this.sleeper = process;
    else shipping.stop();
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

  /** An object is on its way. */
  get uploading(): boolean {
    return (this.process?.session.uploads ?? 0) > 0;
  }

  /** Why it is not complete yet. */
  get state(): string {
    const shipping = this.process?.shipping;
    return `${shipping?.state ?? "none"}, ${shipping?.position ?? 0} shipped: ${shipping?.statistics.lastError ?? ""}`;
  }

  private failed(process: Process, thrown: unknown): void {
    if (process.dead || process.server.ended || process !== this.process) return;
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
  return process.session.pending === 0 && (process.begins || process.shipping.busy);
}
