/**
 * Continuous shipping, seen from the thread that serves: when a pass is made, what becomes of its errors, how far the store lags behind. The
 * passes themselves are made elsewhere (shipping_desk.ts); what this does at a tick is a few comparisons.
 *
 * ```
 * begin ── refused: the server does not start ── away, never proven from here: neither
 *   │
 *   ├──> shipping <──> failing     a pass came to nothing: it is made again, with growing random pauses
 *   └──> away, proven earlier: failing
 * any ──> fenced                   another server has taken the backup over; this one ships nothing more
 * ```
 * Invariants: one pass at a time; only what is on stable storage is shipped; what `isShipped` has not said of a segment, compaction must not
 * remove.
 */
import type { KeyObject } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { uniform } from "../base/random.ts";
import type { Manifest } from "../manifest/format.ts";
import type { CatalogueEvent, CatalogueState } from "./catalogue_keeper.ts";
import { LagClock } from "./lag.ts";
import type { PruneReport } from "./prune.ts";
import type { ShipReport, ShipWish } from "./ship.ts";
import type { LastChecks, ShipAnswer, ShippingTarget, StoredBackup } from "./shipping_desk.ts";
import type { ShippingThread } from "./shipping_thread.ts";
import type { VerifyReport } from "./verify.ts";

/** Between attempts after an error, ms: doubled from the first to the second, and half of it random. */
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 15_000;

/** The log that is shipped, as it is now. */
export interface ShippingSource {
  readonly manifest: Manifest;
  /** The last command written, and the last on stable storage. */
  readonly sequence: number;
  readonly durableSequence: number;
  /** Written to the log since start, bytes. */
  readonly loggedBytes: number;
  /** Begins to make durable what is written, whatever the policy. */
  sync(): void;
  readonly keys: readonly KeyObject[];
}

export interface ShippingRate {
  readonly intervalMs: number;
  /** A pass is made earlier when so much has been logged. */
  readonly bytes: number;
}

export type ShippingState = "starting" | "shipping" | "failing" | "fenced" | "stopped";

/** What is said aloud. */
export interface ShippingLog {
  notice(line: string): void;
  warning(line: string): void;
}

export interface ShippingOptions {
  /** Starts the thread that does the work; again where one has ended by itself. */
  readonly startThread: () => ShippingThread;
  readonly target: ShippingTarget;
  readonly rate: ShippingRate;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ShippingLog;
}

export interface ShippingStatistics {
  passes: number;
  objects: number;
  bytes: number;
  errors: number;
  lastError: string;
  lastErrorMs: number;
  /** Of the last pass that succeeded, wall clock, ms; 0: none has. */
  lastPassMs: number;
  /** What it took, ms. */
  lastTookMs: number;
  holes: number;
}

interface Waiter {
  resolve(answer: ShipAnswer): void;
  reject(error: unknown): void;
}

export class Shipping {
  state: ShippingState = "starting";
  readonly statistics: ShippingStatistics = {
    passes: 0,
    objects: 0,
    bytes: 0,
    errors: 0,
    lastError: "",
    lastErrorMs: 0,
    lastPassMs: 0,
    lastTookMs: 0,
    holes: 0,
  };
  rate: ShippingRate;
  /** Where the backup lies, without secrets. */
  place: string;
  claim = 0;
  /** Every command up to here can be restored; the log is in the store up to `position`, whose last commit was at `positionMs`. */
  shippedSequence = 0;
  position = -1;
  positionMs = 0;
  imageSequence = 0;
  imageMs = 0;
  /** null: none is kept, or nothing was heard of it yet. */
  catalogue: CatalogueState | null = null;

  private readonly options: ShippingOptions;
  private thread: ShippingThread;
  private source: (() => ShippingSource | undefined) | undefined;
  private readonly lag = new LagClock();
  private opened = false;
  private pass: Promise<void> | undefined;
  private passBeganUs = 0;
  private passBytes = 0;
  private passObjects = 0;
  private passStoredBytes = 0;
  private loggedBytes = 0;
  private retryUs = 0;
  private failures = 0;
  private images: ShipWish["images"] = "needed";
  private waiters: Waiter[] = [];

  constructor(options: ShippingOptions) {
    this.options = options;
    this.rate = options.rate;
    this.place = options.target.url;
    this.thread = this.begunThread();
  }

  private begunThread(): ShippingThread {
    const thread = this.options.startThread();
    thread.onStored = (progress) => {
      this.statistics.objects += progress.objects - this.passObjects;
      this.statistics.bytes += progress.bytes - this.passStoredBytes;
      this.passObjects = progress.objects;
      this.passStoredBytes = progress.bytes;
      this.reach(progress);
    };
    return thread;
  }

  /** Proves the store. Throws why it can't be used; STORE_UNAVAILABLE where it may be later. */
  async prove(): Promise<void> {
    const { place } = await this.thread.call("open", this.options.target);
    this.place = place;
    this.opened = true;
  }

  /** Claims the store for what `source` says, which is shipped from here on. Throws what that came to. */
  async begin(source: () => ShippingSource | undefined): Promise<void> {
    const now = source();
    if (now !== undefined) {
      const { manifest, durableSequence, keys } = now;
      const answer = await this.thread.call("claim", { manifest, durableSequence, keys });
      this.reach(answer);
      this.noteClaim(answer);
      this.state = "shipping";
    }
    this.source = source;
  }

  /** Goes on trying, for a store that is away. */
  beginLater(source: () => ShippingSource | undefined, why: EmberlogError): void {
    this.source = source;
    this.fail(why);
  }

  /** A segment whose commands up to `lastSequence` are in the store is needed here for no backup. */
  isShipped(lastSequence: number): boolean {
    return lastSequence <= this.position;
  }

  /** A pass is being made. */
  get busy(): boolean {
    return this.pass !== undefined;
  }

  /** At most so old is the oldest write that is not in the store, ms; 0: there is none. */
  get lagMs(): number {
    const source = this.source?.();
    if (source === undefined) return 0;
    const { clock } = this.options;
    return this.lag.lagUs(this.position, source.sequence, clock.monotonicUs()) / 1000;
  }

  /** To be called every 100 ms or so. */
  tick(): void {
    const source = this.source?.();
    if (source === undefined || this.state === "stopped") return;
    const nowUs = this.options.clock.monotonicUs();
    this.lag.sample(source.sequence, nowUs);
    if (this.pass !== undefined || this.state === "fenced" || nowUs < this.retryUs) return;
    const wanted = this.waiters.length > 0 || this.images !== "needed";
    if (source.sequence <= this.position && !wanted && this.state === "shipping") return;
    const elapsedMs = (nowUs - this.passBeganUs) / 1000;
    const due = elapsedMs >= this.rate.intervalMs || source.loggedBytes - this.loggedBytes >= this.rate.bytes;
    if (wanted || due || this.failures > 0) void this.run();
  }

  /**
   * Makes a pass that brings everything written so far, and with `image` the newest image too; resolves when that is in the store. Throws what the pass came to.
   */
  flush(image: boolean): Promise<ShipAnswer> {
    if (image) this.images = "newest";
    this.retryUs = 0;
    return new Promise((resolve, reject) => {
      const wait = (): void => {
        this.waiters.push({ resolve, reject });
        if (this.pass === undefined) void this.run();
      };
      // What is under way may have begun before the last write.
      if (this.pass === undefined) wait();
      else void this.pass.then(wait);
    });
  }

  /** An image has been taken that belongs into the store. */
  wantImage(): void {
    this.images = "newest";
  }

  list(): Promise<StoredBackup> {
    return this.thread.call("list", undefined);
  }

  verify(): Promise<VerifyReport> {
    return this.thread.call("verify", undefined);
  }

  checks(): Promise<LastChecks> {
    return this.thread.call("checks", undefined);
  }

  /** What the catalogue tells of errors, verifications and drills, the newest first. */
  recent(): Promise<readonly CatalogueEvent[]> {
    return this.thread.call("recent", undefined);
  }

  /** A drill has written down what it found, in a thread of its own. */
  learnChecks(): Promise<undefined> {
    return this.thread.call("learnChecks", undefined);
  }

  /** For the catalogue: something was tried elsewhere and came to nothing. */
  noteFailure(doing: string, thrown: unknown): Promise<undefined> {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return this.thread.call("noteFailure", { doing, message });
  }

  /** Removes what `retention` no longer keeps. */
  prune(retention: string): Promise<PruneReport> {
    return this.thread.call("prune", retention);
  }

  /** The log is closed: what is left of it goes, if that takes no longer than `limitMs`. True: everything is in the store. */
  async finish(limitMs: number): Promise<boolean> {
    const source = this.source?.();
    let complete = false;
    if (source !== undefined && this.state !== "fenced") {
      const timer: { stop: () => void } = { stop: () => undefined };
      const limit = new Promise<void>((resolve) => {
        const timeout = setTimeout(resolve, limitMs);
        timer.stop = () => clearTimeout(timeout);
      });
      const work = async (): Promise<void> => {
        await this.pass;
        if (this.position < source.sequence) await this.run();
        complete = this.position >= source.sequence;
      };
      await Promise.race([work(), limit]);
      timer.stop();
    }
    this.stop();
    return complete;
  }

  /** Ends as it is. */
  stop(): void {
    this.state = "stopped";
    this.thread.end();
    for (const { reject } of this.waiters.splice(0)) reject(new EmberlogError("CLOSED", "the server stops"));
  }

  private run(): Promise<void> {
    this.pass = this.attempt().finally(() => {
      this.pass = undefined;
    });
    return this.pass;
  }

  private async attempt(): Promise<void> {
    const { clock } = this.options;
    const waiters = this.waiters.splice(0);
    this.passBeganUs = clock.monotonicUs();
    try {
      if (this.thread.ended) {
        this.thread = this.begunThread();
        this.opened = false;
      }
      if (!this.opened) await this.prove();
      const source = this.source?.();
      if (source === undefined) throw new EmberlogError("CLOSED", "there is no log to ship");
      if (source.durableSequence < source.sequence) source.sync();
      if (waiters.length > 0) await this.durable(source.sequence);
      const { manifest, durableSequence, loggedBytes, keys } = this.source?.() ?? source;
      this.passBytes = loggedBytes;
      this.passObjects = 0;
      this.passStoredBytes = 0;
      const { images = "needed" } = this;
      this.images = "needed";
      try {
        this.succeed(await this.thread.call("ship", { manifest, durableSequence, images, keys }), waiters);
      } catch (thrown) {
        if (images !== "needed") this.images = images;
        throw thrown;
      }
    } catch (thrown) {
      for (const { reject } of waiters) reject(thrown);
      if (this.state !== "stopped") this.fail(thrown);
    }
  }

  /** Resolves when everything up to `sequence` is on stable storage, or nothing will be. */
  private async durable(sequence: number): Promise<void> {
    for (let looks = 0; looks < 1000; looks++) {
      const source = this.source?.();
      if (source === undefined || source.durableSequence >= sequence || this.state === "stopped") return;
      source.sync();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  private succeed(answer: ShipAnswer, waiters: readonly Waiter[]): void {
    const { clock, log } = this.options;
    const { statistics } = this;
    const nowUs = clock.monotonicUs();
    this.reach(answer);
    this.loggedBytes = this.passBytes;
    this.noteClaim(answer);
    statistics.passes++;
    statistics.lastPassMs = clock.wallMs();
    statistics.lastTookMs = (nowUs - this.passBeganUs) / 1000;
    if (answer.holes > 0 && statistics.holes !== answer.holes) {
      log.warning(
        `The backup in ${this.place} has a hole: commands were removed from the log before they were shipped. An image stands behind it`,
      );
    }
    statistics.holes = answer.holes;
    if (this.failures > 0)
      log.notice(`The backup in ${this.place} goes on: everything up to command ${answer.position} is there`);
    this.failures = 0;
    if (this.state !== "stopped") this.state = "shipping";
    for (const { resolve } of waiters) resolve(answer);
  }

  private noteClaim({ claim, replaces, catalogue }: ShipAnswer): void {
    for (const line of catalogue?.lines ?? []) this.options.log.notice(line);
    this.catalogue = catalogue;
    if (claim === this.claim) return;
    const { log } = this.options;
    this.claim = claim;
    log.notice(`The log is shipped to ${this.place} (claim ${claim})`);
    if (!replaces) return;
    log.warning(
      `${this.place} held a backup of other data. What is there stays, but from here on a restore gives this server's data: was another prefix meant?`,
    );
  }

  private reach({ position, positionMs, shippedSequence, imageSequence, imageMs }: ShipReport): void {
    const { clock } = this.options;
    // What an earlier run has left unshipped was written after what it has shipped.
    if (this.position < 0 && positionMs > 0) {
      this.lag.seed(position, clock.monotonicUs() - Math.max(0, clock.wallMs() - positionMs) * 1000);
    }
    this.position = position;
    this.positionMs = positionMs;
    this.shippedSequence = shippedSequence;
    this.imageSequence = imageSequence;
    this.imageMs = imageMs;
    this.lag.shipped(position);
  }

  private fail(thrown: unknown): void {
    const { clock, random, log } = this.options;
    const { statistics } = this;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const fenced = thrown instanceof EmberlogError && thrown.code === "STORE_FENCED";
    const news = this.failures === 0 || message !== statistics.lastError;
    statistics.errors++;
    statistics.lastError = message;
    statistics.lastErrorMs = clock.wallMs();
    this.failures++;
    this.state = fenced ? "fenced" : "failing";
    const pauseMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.failures - 1, 10));
    this.retryUs = clock.monotonicUs() + (pauseMs / 2 + uniform(random, Math.ceil(pauseMs / 2))) * 1000;
    if (fenced) log.warning(`NOTHING IS BACKED UP ANY MORE: ${message}`);
    else if (news)
      log.warning(`The backup lags behind: ${message}. It is tried again; nothing is lost as long as the log has room`);
  }
}
