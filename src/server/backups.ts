/**
 * The backup of a running server: what the directives ask for, joined to the shipping of backup/shipping.ts. Images by schedule, what happens when the store is away for too long.
 *
 * Never a start without the backup that was asked for: a wrong key, bucket or permission ends it. A store that is only away does so where it was
 * never reached before (backup/proven_target.ts); else the server starts, says so, and ships when the store is back.
 */
import { provenTarget, writeProvenTarget } from "../backup/proven_target.ts";
import { Shipping, type ShippingSource } from "../backup/shipping.ts";
import type { ShipAnswer, ShippingTarget } from "../backup/shipping_desk.ts";
import { WorkerShippingThread } from "../backup/shipping_thread.ts";
import { EmberlogError } from "../base/errors.ts";
import { humanBytes } from "../base/memory_size.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import type { Storage } from "../engine/storage.ts";
import { unshippedBytes } from "../manifest/unshipped.ts";
import { BackupCare } from "./backup_care.ts";
import {
  type ImageTime,
  type LagLimit,
  readImageSchedule,
  readLagLimit,
  readShippingRate,
} from "./config/backup_values.ts";
import { CronTimes } from "./cron_times.ts";
import type { Server } from "./server.ts";

/** What a stop waits for the store, ms: less than what supervisors wait for a process. */
const STOP_MS = 8000;
/** Between two looks at how much waits for the store, ms. */
const LOOK_MS = 1000;
/** What CONFIG SET may change. */
export const BACKUP_DIRECTIVES = [
  "backup-interval",
  "backup-schedule",
  "backup-verify",
  "backup-drill",
  "backup-lag-max",
];

export class Backups {
  shipping: Shipping | undefined;
  care: BackupCare | undefined;
  /** Of the log that is not in the store, bytes. */
  lagBytes = 0;

  private readonly server: Server;
  private readonly disk = new NodeDisk();
  private schedule: { readonly time: ImageTime; readonly cron: CronTimes }[] = [];
  private limit: LagLimit | undefined;
  private overLimit = false;
  /** An image is due. */
  private imageDue: "delta" | "full" | undefined;
  private lookMs = 0;
  private replaced = 0;
  /** Times that the log had begun anew when that was counted; -1: never. */
  private resumptions = -1;

  constructor(server: Server) {
    this.server = server;
  }

  /** Proves the store, before anything is recovered. Throws an EmberlogError that says why the server must not start. */
  async prove(): Promise<void> {
    const { config, clock, random, logger } = this.server;
    const url = config.text("backup-target");
    if (url === "") return;
    if (!config.flag("appendonly")) {
      throw new EmberlogError(
        "CONFIG_INVALID",
        "backup-target needs a log to ship: appendonly yes, or leave backup-target out",
      );
    }
    const target: ShippingTarget = {
      url,
      recipients: config.list("backup-recipient"),
      identityFile: config.path("backup-identity") ?? null,
      unencrypted: config.flag("backup-unencrypted"),
      singleWriter: config.flag("backup-single-writer"),
      directory: config.text("dir"),
    };
    const rate = readShippingRate(config.text("backup-interval"));
    const startThread = (): WorkerShippingThread => new WorkerShippingThread();
    this.shipping = new Shipping({ startThread, target, rate, clock, random, log: logger });
    this.care = new BackupCare(this.server, this.shipping);
    this.configure();
    await this.tolerating(() => this.shipping!.prove());
  }

  /** The log is open: claims the store for it. Throws as `prove` does. */
  async begin(): Promise<void> {
    const { shipping, server } = this;
    if (shipping === undefined) return;
    const source = (): ShippingSource | undefined => this.source();
    const away = this.away ?? (await this.tolerating(() => shipping.begin(source)));
    if (away !== undefined) shipping.beginLater(source, away);
    else {
      this.care?.learn();
      writeProvenTarget(this.disk, server.config.text("dir"), server.config.text("backup-target"));
    }
  }

  /** The store was away when it was asked for, and that is no reason not to start. */
  private away: EmberlogError | undefined;

  private async tolerating(work: () => Promise<void>): Promise<EmberlogError | undefined> {
    const { config } = this.server;
    try {
      await work();
      return undefined;
    } catch (thrown) {
      if (!(thrown instanceof EmberlogError)) throw thrown;
      const known = provenTarget(this.disk, config.text("dir")) === config.text("backup-target");
      if (thrown.code !== "STORE_UNAVAILABLE" || !known) {
        const hint =
          thrown.code === "STORE_UNAVAILABLE"
            ? " (from this directory it was never reached, so its name may be wrong)"
            : "";
        throw new EmberlogError(thrown.code, `No start without a backup: ${thrown.message}${hint}`, { cause: thrown });
      }
      this.away = thrown;
      return thrown;
    }
  }

  /** A log has been attached: compaction asks before it removes what is not shipped. */
  attach(storage: Storage): void {
    if (this.server.config.text("backup-target") === "") return;
    storage.images.isBackedUp = true;
    storage.images.isFree = ({ sealed }) =>
      (sealed !== null && this.shipping?.isShipped(sealed.lastSequence) === true) ||
      (this.overLimit && this.limit?.action === "hole");
  }

  private source(): ShippingSource | undefined {
    const { storage } = this.server;
    if (storage === undefined) return undefined;
    const manifest = storage.listed;
    if (manifest.state !== "complete") return undefined;
    const { writer } = storage;
    return {
      manifest,
      sequence: writer.sequence,
      durableSequence: writer.durableSequence,
      loggedBytes: writer.statistics.bytes,
      sync: () => {
        writer.durable().catch(() => undefined);
      },
      keys: this.server.encryption.secrets,
    };
  }

  /** What CONFIG SET can change. */
  configure(): undefined {
    const { config } = this.server;
    if (this.shipping !== undefined) this.shipping.rate = readShippingRate(config.text("backup-interval"));
    this.schedule = readImageSchedule(config.text("backup-schedule")).map((time) => ({
      time,
      cron: new CronTimes(time.expression),
    }));
    this.care?.configure();
    this.limit = readLagLimit(config.text("backup-lag-max"));
    this.lookMs = 0;
    return undefined;
  }

  /** At each tick of the server's timer. */
  tick(): void {
    const { shipping, server } = this;
    if (shipping === undefined || server.isStopping()) return;
    shipping.tick();
    const nowMs = server.clock.wallMs();
    for (const { time, cron } of this.schedule) {
      if (cron.due(nowMs)) this.imageDue = time.full || this.imageDue === "full" ? "full" : "delta";
    }
    if (this.imageDue !== undefined) this.takeImage(this.imageDue);
    this.care?.tick(nowMs);
    if (Math.abs(nowMs - this.lookMs) >= LOOK_MS) this.look(nowMs);
  }

  private takeImage(kind: "delta" | "full"): void {
    const { saving, storage } = this.server;
    if (storage === undefined || storage.images.busy || saving.refusal !== undefined) return;
    this.imageDue = undefined;
    saving.begin(kind === "full" ? "rewrite" : "save", (error) => {
      if (error === undefined) this.shipping?.wantImage();
    });
  }

  /** How much waits for the store, and whether that is too much. */
  private look(nowMs: number): void {
    const { shipping, limit } = this;
    const { storage, logger } = this.server;
    this.lookMs = nowMs;
    if (shipping === undefined || storage === undefined) return;
    this.lagBytes = 0;
    for (const { sealed } of storage.listed.segments) {
      if (sealed !== null && !shipping.isShipped(sealed.lastSequence)) this.lagBytes += sealed.lengthBytes;
    }
    if (!shipping.isShipped(storage.writer.sequence)) this.lagBytes += storage.writer.segmentBytes;
    this.lagBytes += this.replacedBytes(storage);
    const over = limit !== undefined && this.lagBytes > limit.bytes;
    storage.heldBack =
      over && limit.action === "refuse"
        ? `MISCONF The backup lags behind by ${humanBytes(this.lagBytes)}, more than backup-lag-max allows: ${shipping.statistics.lastError || "the store is too slow"}`
        : undefined;
    if (over === this.overLimit) return;
    this.overLimit = over;
    if (!over) return logger.notice("The backup has caught up to within backup-lag-max");
    const consequence =
      limit.action === "refuse"
        ? "writes are refused"
        : "what the next full image makes unnecessary goes unshipped, and the backup has a hole there";
    logger.warning(
      `${humanBytes(this.lagBytes)} of the log wait for the backup, more than backup-lag-max allows: ${consequence}`,
    );
  }

  /** Of logs that an image has taken the place of since or before the start, and that wait for the store. */
  private replacedBytes({ resumption }: Storage): number {
    if (this.replaced === 0 && this.resumptions === resumption.resumed) return 0;
    this.resumptions = resumption.resumed;
    this.replaced = unshippedBytes(this.disk, this.server.config.text("dir"));
    return this.replaced;
  }

  /** BACKUP NOW: an image, if one can be taken, and everything written so far; resolves when it is in the store. */
  async now(full: boolean): Promise<ShipAnswer> {
    const { saving, storage } = this.server;
    const { shipping } = this.required();
    if (storage !== undefined && saving.refusal === undefined) {
      await storage.images.idle();
      await new Promise<void>((resolve, reject) => {
        const refusal = saving.begin(full ? "rewrite" : "save", (error) =>
          error === undefined ? resolve() : reject(error),
        );
        if (refusal !== undefined) reject(new EmberlogError("DISK_FAILED", refusal));
      });
    }
    return shipping.flush(true);
  }

  /** Throws where no backup is configured. */
  required(): { readonly shipping: Shipping; readonly care: BackupCare } {
    const { shipping, care } = this;
    if (shipping === undefined || care === undefined) {
      throw new EmberlogError("CONFIG_INVALID", "no backup is configured: start with backup-target URL");
    }
    return { shipping, care };
  }

  /** The log is closed: the rest of it goes, if the store takes it in time. */
  async finish(): Promise<void> {
    const { shipping } = this;
    if (shipping === undefined) return;
    const { logger } = this.server;
    this.care?.stop();
    if (await shipping.finish(STOP_MS))
      logger.notice(`Everything is in the backup, up to command ${shipping.position}`);
    else {
      logger.warning(
        `Not everything is in the backup: what was written after command ${shipping.position} follows when the server has started again`,
      );
    }
  }

  abandon(): void {
    this.care?.stop();
    this.shipping?.stop();
  }
}
