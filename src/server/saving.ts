/**
 * When images are taken, by whose wish, and what Redis's commands and INFO fields say about it.
 *
 * BGSAVE, SAVE and the save points take the next image as it comes, mostly a delta. BGREWRITEAOF and the growth of the log beyond
 * auto-aof-rewrite-percentage take a full one, because only full images let the log become shorter. Both are one mechanism: one image at a
 * time, and what is wished for meanwhile is scheduled, as Redis schedules it.
 *
 * A failed image loses nothing, since the log has everything: it is told once, and tried again after RETRY_MS at the earliest.
 */
import type { Clock } from "../base/clock.ts";
import type { EmberlogError } from "../base/errors.ts";
import { humanBytes } from "../base/memory_size.ts";
import type { Engine } from "../engine/engine.ts";
import type { ImageResult } from "../engine/images.ts";
import type { Storage } from "../engine/storage.ts";
import { readTimesOfDay, type SavePoint } from "./config/special_values.ts";

/** After an image that failed, and between attempts of triggers, ms: Redis's pause. */
const RETRY_MS = 5000;

export type SaveKind = "save" | "rewrite";
type Done = (error: EmberlogError | undefined) => void;

/** What it asks of a server; the crash harness has a small one (fuzz/sim). */
export interface SavingHost {
  /** Wall clock, ms. */
  readonly startedMs: number;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly storage: Storage | undefined;
  readonly logger: { notice(message: string): void; warning(message: string): void };
  readonly config: { text(name: string): string; integer(name: string): number; savePoints(): SavePoint[] };
  readonly shutdown: { readonly initiated: boolean };
  isStopping(): boolean;
}

export class Saving {
  /** Wall clock of the last success, or of the start, ms. */
  lastSaveMs: number;
  lastSaveOk = true;
  lastRewriteOk = true;
  /** Seconds that the last one took, -1 for none yet. */
  lastSaveSeconds = -1;
  lastRewriteSeconds = -1;
  saves = 0;
  rewrites = 0;
  rewriteFailures = 0;
  rewriteScheduled = false;
  saveScheduled = false;
  /** What is being taken; undefined: nothing. */
  current: SaveKind | undefined;
  private readonly server: SavingHost;
  private dirtyAtSave = 0;
  private dirtyAtBegin = 0;
  private triedMs = 0;
  /** Bytes of image and log when the log was last made short: its growth counts from there. */
  private baseBytes = -1;
  private minute = -1;

  constructor(server: SavingHost) {
    this.server = server;
    this.lastSaveMs = server.startedMs;
  }

  /** Changes that the last image does not contain. */
  get changes(): number {
    return this.server.engine.journal.dirty - this.dirtyAtSave;
  }

  /** Seconds since the current image was begun, -1 for none. */
  secondsOf(kind: SaveKind): number {
    const beganUs = this.server.storage?.images.beganUs;
    if (this.current !== kind || beganUs === undefined) return -1;
    return Math.floor((this.server.clock.monotonicUs() - beganUs) / 1_000_000);
  }

  /** Bytes that a start would read: the images it begins with and the log behind them; and the same when that was last made short. */
  get sizes(): { current: number; base: number } {
    const { storage } = this.server;
    if (storage === undefined) return { current: 0, base: 0 };
    const current = storage.startBytes;
    if (this.baseBytes < 0) this.baseBytes = current;
    return { current, base: this.baseBytes };
  }

  /** Why no image can be taken now, as an error reply; undefined: it can. */
  get refusal(): string | undefined {
    const { storage } = this.server;
    if (storage === undefined) {
      return "ERR there is no data directory to save to (appendonly no); CONFIG SET appendonly yes begins one";
    }
    if (storage.filling) return "ERR the dataset is still being written to its new log; try again when that is done";
    return storage.imageRefusal;
  }

  /** Begins an image; a text says why that can't be. */
  begin(kind: SaveKind, done: Done = () => {}): string | undefined {
    const { server } = this;
    const { refusal } = this;
    if (refusal !== undefined) return refusal;
    const images = server.storage!.images;
    this.current = kind;
    this.triedMs = server.clock.wallMs();
    if (kind === "rewrite") this.rewriteScheduled = false;
    else this.saveScheduled = false;
    server.logger.notice(kind === "rewrite" ? "Making the log shorter by a full image" : "Background saving started");
    this.dirtyAtBegin = server.engine.journal.dirty;
    images.begin(kind === "rewrite", (error, result) => {
      this.current = undefined;
      this.ended(kind, error, result);
      done(error);
    });
    return undefined;
  }

  /** Takes an image at once, or as soon as the one under way has ended. Resolves with what went wrong, as an error reply. */
  async saveNext(): Promise<string | undefined> {
    for (let images = this.server.storage?.images; images?.busy === true; images = this.server.storage?.images) {
      await images.idle();
    }
    return new Promise((resolve) => {
      const refusal = this.begin("save", (error) => resolve(error === undefined ? undefined : `ERR ${error.message}`));
      if (refusal !== undefined) resolve(refusal);
    });
  }

  /** At each tick of the server's timer. */
  tick(): void {
    const { server } = this;
    const { config, storage } = server;
    if (storage === undefined || storage.images.busy || server.isStopping() || server.shutdown.initiated) return;
    if (this.refusal !== undefined) return;
    const nowMs = server.clock.wallMs();
    const { current, base } = this.sizes;
    if (this.rewriteScheduled) return void this.begin("rewrite");
    if (this.saveScheduled) return void this.begin("save");
    if (this.isTimeOfDay(nowMs, config.text("snapshot-schedule"))) return void this.begin("save");
    const mayTry = (this.lastSaveOk && this.lastRewriteOk) || nowMs - this.triedMs > RETRY_MS;
    if (!mayTry) return;
    const { changes } = this;
    for (const point of config.savePoints()) {
      if (changes < point.changes || changes === 0 || nowMs - this.lastSaveMs <= point.seconds * 1000) continue;
      server.logger.notice(`${point.changes} changes in ${point.seconds} seconds. Saving...`);
      return void this.begin("save");
    }
    const percentage = config.integer("auto-aof-rewrite-percentage");
    if (percentage === 0 || current < config.integer("auto-aof-rewrite-min-size")) return;
    const growth = (current * 100) / Math.max(1, base) - 100;
    if (growth < percentage) return;
    server.logger.notice(`Starting automatic rewriting of AOF on ${Math.floor(growth)}% growth`);
    this.begin("rewrite");
  }

  private ended(kind: SaveKind, error: EmberlogError | undefined, result: ImageResult | undefined): void {
    const { server } = this;
    const nowMs = server.clock.wallMs();
    const seconds = Math.floor((nowMs - this.triedMs) / 1000);
    // What was called off has neither succeeded nor failed.
    const calledOff = error?.code === "CLOSED";
    if (kind === "save") {
      if (!calledOff) this.lastSaveOk = error === undefined;
      this.lastSaveSeconds = seconds;
    } else {
      if (!calledOff) this.lastRewriteOk = error === undefined;
      this.lastRewriteSeconds = seconds;
    }
    if (error !== undefined || result === undefined) {
      if (calledOff) return;
      if (kind === "rewrite") this.rewriteFailures++;
      server.logger.warning(`The image came to nothing: ${error?.message ?? ""}`);
      return;
    }
    this.dirtyAtSave = this.dirtyAtBegin;
    this.lastSaveMs = nowMs;
    if (kind === "save") this.saves++;
    else {
      this.rewrites++;
      this.rewriteFailures = 0;
    }
    const { image, summary } = result;
    if (image.place === 0) this.baseBytes = server.storage?.startBytes ?? -1;
    const what = image.place === 0 ? "A full image" : `Delta ${image.place}`;
    server.logger.notice(
      `${what} is on disk: ${image.name}, ${humanBytes(summary.fileBytes)} for ${summary.pages} pages, after command ${image.sequence}`,
    );
  }

  /** Is this the first look in a minute that the schedule names? */
  private isTimeOfDay(nowMs: number, schedule: string): boolean {
    const minute = Math.floor(nowMs / 60_000);
    if (schedule === "" || minute === this.minute) return false;
    this.minute = minute;
    const local = new Date(nowMs);
    return readTimesOfDay(schedule).includes(local.getHours() * 60 + local.getMinutes());
  }
}
