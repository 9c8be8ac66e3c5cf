/**
 * What is done to a backup beside writing it: verified, tried out in drills, pruned. By schedule, or when somebody asks; one of each at a time. What the last
 * one has found is kept for INFO, and comes from the store at the start, whoever made it.
 */
import { CHECK_KINDS, type CheckKind, type CheckRecord } from "../backup/checks.ts";
import type { PruneReport } from "../backup/prune.ts";
import type { Shipping } from "../backup/shipping.ts";
import type { VerifyReport } from "../backup/verify.ts";
import { EmberlogError } from "../base/errors.ts";
import { humanBytes } from "../base/memory_size.ts";
import { CronTimes } from "./cron_times.ts";
import type { DrillReport } from "./drill.ts";
import { DrillThread } from "./drill_thread.ts";
import type { Server } from "./server.ts";

/** Between two prunings, and from the start to the first, ms. */
const PRUNE_MS = 24 * 3_600_000;
const PRUNE_FIRST_MS = 600_000;

export interface LastCheck {
  readonly ms: number;
  /** `failed`: it could not be made. */
  readonly status: "ok" | "damaged" | "failed";
}

type Kind = CheckKind | "prune";

export class BackupCare {
  readonly last: Partial<Record<CheckKind, LastCheck>> = {};
  private readonly server: Server;
  private readonly shipping: Shipping;
  private readonly busy = new Set<Kind>();
  private times: Partial<Record<CheckKind, CronTimes>> = {};
  private pruneMs = 0;
  private thread: DrillThread | undefined;

  constructor(server: Server, shipping: Shipping) {
    this.server = server;
    this.shipping = shipping;
  }

  /** What CONFIG SET can change. */
  configure(): void {
    this.times = {};
    for (const kind of CHECK_KINDS) {
      const expression = this.server.config.text(`backup-${kind}`);
      if (expression !== "") this.times[kind] = new CronTimes(expression);
    }
  }

  /** What was found before this start. A store that is away tells it later, or never. */
  learn(): void {
    this.shipping.checks().then(
      (records) => {
        for (const kind of CHECK_KINDS) if (this.last[kind] === undefined) this.note(kind, records[kind]);
      },
      () => undefined,
    );
  }

  private note(kind: CheckKind, record: Pick<CheckRecord, "ms" | "ok"> | undefined): void {
    if (record !== undefined) this.last[kind] = { ms: record.ms, status: record.ok ? "ok" : "damaged" };
  }

  tick(nowMs: number): void {
    const { config } = this.server;
    if (this.times.verify?.due(nowMs) === true) this.quietly(() => this.verify());
    if (this.times.drill?.due(nowMs) === true) this.quietly(() => this.drill());
    if (this.pruneMs === 0 || this.pruneMs > nowMs + PRUNE_MS) this.pruneMs = nowMs + PRUNE_FIRST_MS;
    if (nowMs >= this.pruneMs && config.text("backup-retention") !== "" && this.shipping.state === "shipping") {
      this.quietly(() => this.prune());
    }
  }

  /** What goes wrong has been told. */
  private quietly(work: () => Promise<unknown>): void {
    work().catch(() => undefined);
  }

  verify(): Promise<VerifyReport> {
    const { logger } = this.server;
    return this.one("verify", async () => {
      const report = await this.shipping.verify();
      const wrong = report.wrong.length + report.gaps.length;
      this.note("verify", { ms: this.server.clock.wallMs(), ok: wrong === 0 });
      if (wrong > 0) {
        logger.warning(
          `The backup in ${this.shipping.place} is damaged: ${report.wrong[0] ?? "commands are missing"} (${wrong} in all; emberlog backup verify tells each)`,
        );
      }
      return report;
    });
  }

  /** Restores what the store has into a scratch folder and compares, in a thread of its own. */
  drill(): Promise<DrillReport> {
    const { config, logger, encryption, clock } = this.server;
    return this.one("drill", async () => {
      const identityFile = config.path("backup-identity") ?? null;
      if (identityFile === null && config.text("backup-recipient") !== "") {
        throw new EmberlogError("CONFIG_INVALID", "a drill opens the backup, which needs backup-identity FILE");
      }
      this.thread = new DrillThread({
        url: config.text("backup-target"),
        identityFile,
        keys: encryption.secrets,
        databases: config.integer("databases"),
      });
      try {
        const report = await this.thread.report;
        // Only for the catalogue: the record itself lies in the store.
        await this.shipping.learnChecks().catch(() => undefined);
        this.note("drill", { ms: clock.wallMs(), ok: report.ok });
        if (report.ok)
          logger.notice(`The drill has restored the state after command ${report.sequence}: ${report.keys} keys`);
        else logger.warning(`THE BACKUP CAN'T BE RESTORED AS IT SHOULD: ${report.wrong.join("; ")}`);
        return report;
      } finally {
        this.thread.end();
        this.thread = undefined;
      }
    });
  }

  /** Removes from the store what backup-retention no longer keeps. */
  prune(): Promise<PruneReport> {
    const { config, logger, clock } = this.server;
    return this.one("prune", async () => {
      const retention = config.text("backup-retention");
      if (retention === "") {
        throw new EmberlogError("CONFIG_INVALID", "everything is kept: backup-retention says what is not");
      }
      this.pruneMs = clock.wallMs() + PRUNE_MS;
      const report = await this.shipping.prune(retention);
      logger.notice(`Removed ${report.removed} objects, ${humanBytes(report.bytes)}, from the backup (${retention})`);
      return report;
    });
  }

  private async one<T>(kind: Kind, work: () => Promise<T>): Promise<T> {
    if (this.busy.has(kind)) throw new EmberlogError("COMMAND_FAILED", `a ${kind} of the backup is being made`);
    this.busy.add(kind);
    try {
      return await work();
    } catch (thrown) {
      const { clock, logger } = this.server;
      // What the thread that ships has done itself it has noted itself.
      if (kind === "drill") this.quietly(() => this.shipping.noteFailure(kind, thrown));
      if (kind !== "prune") this.last[kind] = { ms: clock.wallMs(), status: "failed" };
      if (!this.server.isStopping()) {
        logger.warning(
          `The ${kind} of the backup came to nothing: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
        );
      }
      throw thrown;
    } finally {
      this.busy.delete(kind);
    }
  }

  stop(): void {
    this.thread?.end();
  }
}
