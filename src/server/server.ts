/**
 * The server: an engine behind a transport, its connections, its timer and its end.
 *
 * It owns what is the server's alone (who is connected, what is configured, what is counted); commands that speak about that are in
 * `commands/`, and everything about data is the engine's.
 */
import { check } from "../base/check.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { LOG_UNIT_BYTES_MAX } from "../base/limits.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { datasetCommands } from "../command/commands.ts";
import { CommandTable } from "../command/table.ts";
import type { Watermarks } from "../engine/disk_space.ts";
import { Engine } from "../engine/engine.ts";
import type { ImageSettings } from "../engine/images.ts";
import { importsAtStart } from "../engine/import.ts";
import {
  type FsyncPolicy,
  openStorage,
  openStorageToFill,
  refuseData,
  type Storage,
  type StorageOptions,
} from "../engine/storage.ts";
import { missingGuarantees } from "../platform/capabilities.ts";
import { collectGarbage } from "../platform/collector.ts";
import { nativeMemoryCalls } from "../platform/memory_calls.ts";
import { openTransport } from "../platform/open_transport.ts";
import type { Transport } from "../platform/transport.ts";
import { BACKUP_DIRECTIVES, Backups } from "./backups.ts";
import type { StartupReport } from "./banner.ts";
import { BlockedClients } from "./blocking/blocked_clients.ts";
import { ClientMemory } from "./client_memory.ts";
import { Clients } from "./clients.ts";
import { ClockWatch } from "./clock_watch.ts";
import { serverCommands } from "./commands/index.ts";
import type { Config } from "./config/config.ts";
import type { Connection } from "./connection.ts";
import { applyDatasetSettings, applyMemoryLimit, DATASET_DIRECTIVES, MEMORY_DIRECTIVES } from "./dataset_settings.ts";
import { Encryption } from "./encryption.ts";
import { Housekeeping } from "./housekeeping.ts";
import { importAtStart } from "./import_at_start.ts";
import { Listeners } from "./listen.ts";
import type { Logger } from "./logger.ts";
import { MicrosecondClock } from "./microseconds.ts";
import { LogStages } from "./observation/log_stages.ts";
import { Monitors } from "./observation/monitors.ts";
import { Observation } from "./observation/observation.ts";
import { Notifications } from "./pubsub/notifications.ts";
import { Registry } from "./pubsub/registry.ts";
import { restoreOnEmpty } from "./restore_on_empty.ts";
import { Saving } from "./saving.ts";
import { Shutdown } from "./shutdown.ts";
import { StorageWatch } from "./storage_watch.ts";
import { TurnRunner } from "./turn.ts";
import { Verifying } from "./verifying.ts";
import { settleShapes, warmUp } from "./warm_up.ts";

/** Whatever client-query-buffer-limit says, what a client has sent must fit a unit of the log. */
const QUERY_BYTES_MAX = LOG_UNIT_BYTES_MAX - 16 * 1024 * 1024;

export interface ServerOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /** How long the hot paths may be warmed up before the server is ready, ms; 0 when not given. */
  readonly warmUpMs?: number;
}

/** Opens the data directory, recovers, listens. Throws EmberlogError when one of them can't be done; nothing stays open then. */
export async function startServer(options: ServerOptions): Promise<Server> {
  if ((options.warmUpMs ?? 0) > 0) settleShapes(options.clock ?? systemClock);
  const server = new Server(options);
  try {
    await server.start();
  } catch (error) {
    await server.abandon();
    throw error;
  }
  return server;
}

export class Server {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly engine: Engine;
  readonly transport: Transport;
  readonly clients: Clients;
  readonly blocked: BlockedClients;
  readonly turns: TurnRunner;
  readonly pubsub: Registry;
  private readonly notifications: Notifications;
  readonly housekeeping: Housekeeping;
  readonly observation: Observation;
  readonly saving: Saving;
  readonly shutdown: Shutdown;
  readonly verifying: Verifying;
  readonly monitors: Monitors;
  readonly clockWatch: ClockWatch;
  private readonly storageWatch: StorageWatch;
  readonly encryption: Encryption;
  readonly backups: Backups;
  readonly startedMs: number;
  /** Hexadecimal name of this run of the server. */
  readonly runId: string;
  /** Hexadecimal name of the history of writes that replicas would follow. */
  replicationId: string;
  /** Log and recovery; undefined with `appendonly no`. */
  storage: Storage | undefined;
  readonly listeners: Listeners;
  /** Resolves with the exit code when the server has stopped. */
  readonly closed: Promise<number>;

  private resolveClosed: (code: number) => void = () => {};
  private stopping = false;
  /** Until the log that CONFIG SET appendonly no has ended is closed. */
  private endingLog: Promise<void> | undefined;
  private readonly warmUpMs: number;

  constructor(options: ServerOptions) {
    this.warmUpMs = options.warmUpMs ?? 0;
    this.config = options.config;
    this.logger = options.logger;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom();
    this.startedMs = this.clock.wallMs();
    this.clockWatch = new ClockWatch(this.clock, this.logger);
    this.storageWatch = new StorageWatch(this.logger);
    this.runId = Buffer.from(this.random.bytes(20)).toString("hex");
    this.replicationId = this.runId;
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    this.saving = new Saving(this);
    this.shutdown = new Shutdown(this);
    this.verifying = new Verifying(this.clock, this.logger);
    const table = new CommandTable([...datasetCommands, ...serverCommands(this)]);
    const memoryCalls = nativeMemoryCalls();
    this.engine = new Engine({
      clock: this.clock,
      random: this.random,
      table,
      databases: this.config.integer("databases"),
      ...(memoryCalls === undefined ? {} : { memoryCalls }),
    });
    this.transport = openTransport({ onTurn: (rows) => this.turns.run(rows) });
    this.clients = new Clients(this);
    this.blocked = new BlockedClients(this);
    this.engine.call.waitHost = this.blocked;
    this.turns = new TurnRunner(this.engine, this.transport, this.clients, this.blocked);
    this.engine.setReplySink(this.turns);
    this.pubsub = new Registry(this.turns.delivery, this.random);
    this.notifications = new Notifications(this.pubsub, this.engine.call);
    this.housekeeping = new Housekeeping(this);
    const { executor } = this.engine;
    this.observation = new Observation(executor, () => this.clock.wallMs());
    this.monitors = new Monitors(executor, new MicrosecondClock(this.clock), (connection, bytes) =>
      this.turns.push(connection, bytes),
    );
    this.turns.monitors = this.monitors;
    this.listeners = new Listeners(this);
    this.encryption = new Encryption(this);
    this.backups = new Backups(this);
  }

  /** Addresses listened on: "127.0.0.1:6379", a path. */
  get listening(): string[] {
    return this.listeners.addresses;
  }

  /** TCP port in use, 0 for none. */
  get port(): number {
    return this.listeners.port;
  }

  /** What the banner tells. */
  get report(): StartupReport {
    return {
      directory: this.storage === undefined ? undefined : this.config.text("dir"),
      appendFsync: this.config.text("appendfsync"),
      recovered: this.recovered,
      listening: this.listening,
      missing: this.missingGuarantees,
      encryption: this.storage?.encryption,
    };
  }

  /** What the data directory gave back; undefined when it was new or there is none. */
  private get recovered(): StartupReport["recovered"] {
    const report = this.storage?.report;
    if (report === undefined || (report.segments === 0 && report.images === 0)) return undefined;
    const cut = report.setAside[0];
    return {
      keys: this.engine.dataset.keyCount,
      commands: report.commands,
      bytes: report.bytes,
      segments: report.segments,
      milliseconds: report.tookMs,
      cutBytes: cut?.bytes ?? 0,
      cutCopy: cut?.copy,
      images: report.images,
      imageBytes: report.imageBytes,
      imageSequence: report.imageSequence,
      badImages: report.badImages,
    };
  }

  /** Each guarantee that this machine lacks. */
  get missingGuarantees(): string[] {
    return missingGuarantees().map(({ name, consequence }) => `${name}: ${consequence}`);
  }

  /** `anyPort`: port 0 means a free one, not none. */
  async start(anyPort = false): Promise<void> {
    const { config } = this;
    applyDatasetSettings(this.engine.dataset, config);
    this.encryption.start();
    await restoreOnEmpty(this);
    await this.backups.prove();
    const meanwhile = (): void => {
      if (this.warmUpMs > 0) warmUp(this.engine.table, this.clock, this.warmUpMs);
    };
    if (config.flag("appendonly")) {
      const storage = await this.openLog(meanwhile);
      this.attachStorage(storage);
      if (storage.report.images > 0) this.verifying.begin(this.engine.dataset);
    } else {
      refuseData(config.text("dir"));
      meanwhile();
    }
    await this.backups.begin();
    this.applyConfig();
    if (this.warmUpMs > 0) collectGarbage();
    await this.listeners.open(anyPort);
    this.turns.beginAccounting();
    this.housekeeping.start();
  }

  /** The log of the data directory, which may hold nothing but data of Redis: that is imported first. */
  private async openLog(meanwhile: () => void): Promise<Storage> {
    const options = { ...this.storageOptions(), meanwhile };
    if (!importsAtStart(options)) return openStorage(this.engine, options);
    meanwhile();
    return importAtStart(this.engine, options, this.logger);
  }

  private storageOptions(): StorageOptions {
    const { config } = this;
    return {
      directory: config.text("dir"),
      policy: config.text("appendfsync") as FsyncPolicy,
      segmentBytesMax: config.integer("log-segment-bytes"),
      watermarks: this.watermarks,
      images: this.imageSettings,
      clock: this.clock,
      random: this.random,
      keys: this.encryption.keys,
    };
  }

  private attachStorage(storage: Storage): void {
    this.storage = storage;
    this.backups.attach(storage);
    storage.onProgress = () => this.logProgressed();
    storage.images.onDamaged = (name, problem) => {
      this.logger.warning(
        `The image ${name} is damaged (${problem}), so the log that it stood for is kept. To go on: look into the disk (dmesg); the next full image stands for itself`,
      );
    };
    this.observeLog();
    this.clockWatch.compareWithLog(storage.report.commitMs);
    this.transport.attachLog(storage.logIo);
  }

  private get imageSettings(): ImageSettings {
    const { config } = this;
    return {
      memoryBytesMax: config.integer("snapshot-memory"),
      retention: { ms: config.integer("log-retention-time") * 1000, bytes: config.integer("log-retention-size") },
      keyDelayUs: config.integer("rdb-key-save-delay"),
    };
  }

  private get watermarks(): Watermarks {
    return { low: this.config.text("disk-low-watermark"), stop: this.config.text("disk-stop-watermark") };
  }

  /** The stages of commits are timed for the latency monitor, if it is on. */
  private observeLog(): void {
    const { latency } = this.observation;
    const writer = this.storage?.writer;
    if (writer !== undefined) writer.observer = latency.on ? new LogStages(latency, writer) : undefined;
  }

  /** CONFIG SET appendonly: begins a log with what is in memory, or ends the one there is. A text says why that can't be. */
  private switchLog(): string | undefined {
    const wanted = this.config.flag("appendonly");
    const { storage } = this;
    if (wanted === (storage !== undefined)) return undefined;
    if (this.endingLog !== undefined) return "the log that was turned off before is still being closed";
    // What was executed so far belongs to the state before the switch.
    this.engine.commit();
    if (storage !== undefined) {
      this.storage = undefined;
      this.transport.attachLog(undefined);
      this.endingLog = this.endLog(storage);
      this.blocked.acknowledgements.progressed();
      return undefined;
    }
    try {
      this.attachStorage(openStorageToFill(this.engine, this.storageOptions()));
    } catch (error) {
      if (!(error instanceof EmberlogError)) throw error;
      return error.message;
    }
    this.logger.notice(`Writing the dataset to a new log in ${this.config.text("dir")}`);
    return undefined;
  }

  /** Closes a log that takes no more. Replies that show what is in it leave as it becomes written, or durable. // D12 */
  private async endLog(storage: Storage): Promise<void> {
    try {
      await storage.close();
      this.logger.notice("The log is closed; from here on nothing is written (appendonly no)");
    } catch (error) {
      this.logger.warning(`The log could not be closed: ${error instanceof Error ? error.message : String(error)}`);
      if (storage.fatalFailure !== undefined && !this.stopping) {
        this.fail(storage.fatalFailure);
        return;
      }
      // Whoever turned the log off does without what it could not take.
      if (!this.stopping) this.engine.forgetLog();
    }
    this.endingLog = undefined;
    this.turns.release();
  }

  /** The log has written or synced more, or failed: replies may leave. */
  private logProgressed(): void {
    const failure = this.storage?.fatalFailure;
    if (failure !== undefined && !this.stopping) this.fail(failure);
    else {
      this.blocked.acknowledgements.progressed();
      this.turns.release();
      this.cutUndecided();
    }
  }

  /** After a failed sync nothing more gets into the log. // D9 */
  private cutUndecided(): void {
    if (this.storage?.syncFailed === true) this.clients.cutParked();
  }

  /** At each tick: what is wrong with the disk and the clock is told, once each. */
  watchMachine(): void {
    this.storageWatch.look(this.storage);
    this.clockWatch.look();
    this.cutUndecided();
  }

  // D9: what is undecided is answered by nobody; the connections end and the process does.
  private fail(failure: string): void {
    this.logger.warning(failure);
    this.stopping = true;
    this.clients.cutAll();
    void this.abandon().then(() => this.resolveClosed(1));
  }

  /** Stops gracefully: no new connections, what is in hand is answered, the log is synced. */
  async close(code = 0): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    this.housekeeping.stop();
    this.blocked.stop();
    this.listeners.closeAll();
    // Requests that still arrive are not executed: nothing could log them.
    this.clients.pause("all", Number.POSITIVE_INFINITY);
    this.engine.commit();
    let exitCode = code;
    try {
      await this.endingLog;
      await this.storage?.close();
    } catch (error) {
      exitCode = 1;
      this.logger.warning(`The log could not be closed: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.turns.release();
    this.turns.stop();
    this.transport.stop();
    await this.backups.finish();
    this.resolveClosed(exitCode);
  }

  /** Gives everything back without another write: after a start that failed, or a failed sync. */
  async abandon(): Promise<void> {
    this.stopping = true;
    this.housekeeping.stop();
    this.blocked.stop();
    this.turns.stop();
    this.transport.stop();
    this.backups.abandon();
    await this.storage?.abandon();
  }

  /** Directives that take effect at once, now and whenever CONFIG SET changes them. */
  private applyConfig(): void {
    const { config, transport, turns, engine } = this;
    const apply = (): string | undefined => {
      const policy = config.text("appendfsync") as FsyncPolicy;
      if (policy === "always" && this.storage?.syncFailed === true) {
        return "a sync of the log has failed, and nothing can be made durable any more";
      }
      if (this.storage !== undefined) this.storage.policy = policy;
      transport.setKeepAlive(config.integer("tcp-keepalive"));
      // A small integer stays one for V8: another shape would throw away what the warm-up has optimised.
      const bytes = config.integer("proto-max-bulk-len");
      const bytesMax = bytes === (bytes | 0) ? bytes | 0 : bytes;
      turns.setBulkBytesMax(bytesMax);
      engine.call.stringBytesMax = bytesMax;
      applyDatasetSettings(engine.dataset, config);
      turns.queue.limitOutput(config.outputBufferLimits());
      this.notifications.configure(config.text("notify-keyspace-events"));
      this.clients.queryBytesMax = Math.min(config.integer("client-query-buffer-limit"), QUERY_BYTES_MAX);
      return undefined;
    };
    apply();
    const limitMemory = (): undefined => {
      applyMemoryLimit(engine, config);
      this.warnOfLowLimit();
      return undefined;
    };
    limitMemory();
    const clientMemory = new ClientMemory(this);
    engine.measureClients = (nowUs) => clientMemory.measure(nowUs);
    config.onChange(MEMORY_DIRECTIVES, limitMemory);
    const observe = (): undefined => {
      this.observation.configure(
        config.integer("slowlog-log-slower-than"),
        config.integer("slowlog-max-len"),
        config.integer("latency-monitor-threshold"),
        config.flag("latency-tracking"),
      );
      const { latency } = this.observation;
      this.observeLog();
      engine.eviction.onCycle = latency.on ? (us) => latency.sample("eviction-cycle", us) : undefined;
      return undefined;
    };
    observe();
    config.onChange(
      ["slowlog-log-slower-than", "slowlog-max-len", "latency-monitor-threshold", "latency-tracking"],
      observe,
    );
    config.onChange(["appendonly"], () => this.switchLog());
    config.onChange(["snapshot-memory", "log-retention-time", "log-retention-size", "rdb-key-save-delay"], () => {
      if (this.storage !== undefined) this.storage.images.settings = this.imageSettings;
      return undefined;
    });
    config.onChange(BACKUP_DIRECTIVES, () => this.backups.configure());
    config.onChange(["disk-low-watermark", "disk-stop-watermark"], () => {
      if (this.storage !== undefined) this.storage.watermarks = this.watermarks;
      return undefined;
    });
    config.onChange(
      [
        ...[
          "tcp-keepalive",
          "proto-max-bulk-len",
          "client-query-buffer-limit",
          "client-output-buffer-limit",
          "notify-keyspace-events",
          "appendfsync",
        ],
        ...DATASET_DIRECTIVES,
      ],
      apply,
    );
  }

  /** Runs work of the server itself that may change data: a turn of its own, committed like any other. */
  runTurn(work: () => void): void {
    check(!this.stopping, "a stopping server runs nothing");
    this.engine.beginTurn();
    work();
    this.turns.finish();
  }

  private warnOfLowLimit(): void {
    const limit = this.config.integer("maxmemory");
    const { usedBytes } = this.engine.dataset.memory;
    if (limit === 0 || usedBytes <= limit) return;
    this.logger.warning(
      `maxmemory (${limit} bytes) is less than what is in use (${usedBytes} bytes): keys are evicted or writes refused, as maxmemory-policy says`,
    );
  }

  /** DEBUG CHANGE-REPL-ID. */
  changeReplicationId(): void {
    this.replicationId = Buffer.from(this.random.bytes(20)).toString("hex");
  }

  isStopping(): boolean {
    return this.stopping;
  }

  connectionBySlot(slot: number): Connection | undefined {
    return this.clients.connection(slot);
  }
}
