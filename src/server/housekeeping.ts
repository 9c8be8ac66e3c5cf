/**
 * The server's timer: expiry, freeing, limits, statistics. Everything here goes in bounded slices between turns, so that no client
 * waits for it.
 */
import type { OutputBufferLimit } from "./config/special_values.ts";
import type { Connection } from "./connection.ts";
import type { Server } from "./server.ts";
import { OperationsRate } from "./statistics.ts";

/** Work of one slice, µs (at most three times that with active-expire-effort 10), and the pause after a slice that did not finish, ms: about a quarter of the thread at most. */
const SLICE_US = 1000;
const SLICE_PAUSE_MS = 3;
/** More commands than this between two slices leave no time for what can wait: 10,000 a second, less while a slice follows the other. */
const BUSY_COMMANDS = 1000;
/** Chunks of 2 MiB returned to the system at each tick. */
const RETURNED_CHUNKS = 2;

export class Housekeeping {
  readonly rate = new OperationsRate();
  /** Time that expiry and freeing have taken since start, µs. */
  workUs = 0;
  /** DEBUG PAUSE-CRON: ticks and slices do nothing. */
  paused = false;
  private readonly server: Server;
  private timer: NodeJS.Timeout | undefined;
  private slice: NodeJS.Timeout | undefined;
  private stopped = false;
  /** Commands executed when a slice looked last. */
  private commandsBefore = 0;

  constructor(server: Server) {
    this.server = server;
  }

  start(): void {
    this.schedule();
    this.server.config.onChange(["hz"], () => {
      if (this.timer !== undefined) clearInterval(this.timer);
      this.schedule();
      return undefined;
    });
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== undefined) clearInterval(this.timer);
    if (this.slice !== undefined) clearTimeout(this.slice);
  }

  private schedule(): void {
    this.timer = setInterval(
      () => this.server.turns.measure(() => this.tick()),
      Math.max(2, Math.round(1000 / this.server.config.integer("hz"))),
    );
  }

  private tick(): void {
    if (this.paused) return;
    const { server } = this;
    const { engine, clients, clock } = server;
    const nowMs = clock.wallMs();
    if (clients.paused !== "no" && nowMs >= clients.pausedUntilMs) clients.unpause();
    server.storage?.tick();
    server.blocked.acknowledgements.progressed();
    server.saving.tick();
    server.backups.tick();
    server.watchMachine();
    const pressed = server.turns.pressure.news(server.storage?.writer.pendingBytes ?? 0);
    if (pressed !== undefined) server.logger.warning(pressed);
    engine.dataset.allocator.prepareMemory();
    engine.dataset.allocator.releaseFreeMemory(RETURNED_CHUNKS);
    engine.dataset.memory.logBytes = server.storage?.writer.pendingBytes ?? 0;
    this.rate.sample(nowMs, engine.executor.commands, server.turns.inputBytes, server.turns.outputBytes);
    const limits = server.config.outputBufferLimits();
    const timeoutMs = server.config.integer("timeout") * 1000;
    for (const connection of clients)
      this.watch(connection, nowMs, timeoutMs, limits[connection.subscribed ? "pubsub" : "normal"]);
    if (this.slice === undefined) this.slice = setTimeout(() => this.work(), 0);
  }

  /** A slice of expiry and freeing; goes on soon while there is more. */
  private work(): void {
    this.slice = undefined;
    if (this.stopped || this.paused || this.server.isStopping()) return;
    const { dataset } = this.server.engine;
    const { clock } = this.server;
    const beganUs = clock.monotonicUs();
    const sliceUs = SLICE_US * (1 + (dataset.expireEffort - 1) / 4.5);
    const mayGoOn = (): boolean => clock.monotonicUs() - beganUs < sliceUs;
    const mayRelease = (): boolean => clock.monotonicUs() - beganUs < sliceUs / 2;
    let more = false;
    this.server.turns.measure(() => {
      this.server.runTurn(() => {
        if (this.server.storage?.fillStep(mayRelease) === true) more = true;
        while (dataset.releaseStep()) {
          if (mayRelease()) continue;
          more = true;
          break;
        }
        if (this.server.clients.paused !== "no") return;
        if (!this.expire(mayGoOn)) more = true;
        if (!this.compress(mayRelease)) more = true;
        if (!this.server.engine.eviction.step(beganUs + 2 * sliceUs)) more = true;
      });
      if (this.server.verifying.step()) more = true;
    });
    if (more) this.slice = setTimeout(() => this.work(), SLICE_PAUSE_MS);
  }

  /** Compresses what long lists have left behind, while clients ask for little. True when nothing is left that should be done soon. */
  private compress(mayGoOn: () => boolean): boolean {
    const { dataset, executor } = this.server.engine;
    const { cold } = dataset.lists;
    const busy = executor.commands - this.commandsBefore > BUSY_COMMANDS;
    this.commandsBefore = executor.commands;
    // Memory that is short isn't lent.
    cold.waits = this.server.config.integer("maxmemory") === 0;
    if (busy && cold.waits) return true;
    while (mayGoOn()) if (!cold.step()) return true;
    return cold.count === 0;
  }

  /** True when little was left to do. */
  private expire(mayGoOn: () => boolean): boolean {
    const { clock, engine, observation } = this.server;
    const beganUs = clock.monotonicUs();
    const done = engine.dataset.expireStep(mayGoOn);
    const us = clock.monotonicUs() - beganUs;
    this.workUs += us;
    observation.latency.sample("expire-cycle", us);
    return done;
  }

  /** Time-outs and output limits of one connection. */
  private watch(connection: Connection, nowMs: number, timeoutMs: number, limits: OutputBufferLimit): void {
    const { server } = this;
    const { clients, transport, logger } = server;
    const waits = connection.blocked !== undefined || connection.subscribed || connection.monitoring;
    if (timeoutMs > 0 && !waits && nowMs - connection.lastActiveMs > timeoutMs) {
      logger.verbose(`Closing idle client ${connection.id} (${connection.peerAddress})`);
      clients.kill(connection);
      return;
    }
    const { hardBytes, softBytes, softSeconds } = limits;
    const queued = (transport.queuedBytes[connection.slot] ?? 0) + connection.parkedBytes;
    let exceeded = hardBytes > 0 && queued >= hardBytes;
    if (softBytes > 0 && queued >= softBytes) {
      if (connection.softLimitSinceMs === 0) connection.softLimitSinceMs = nowMs;
      else if (nowMs - connection.softLimitSinceMs > softSeconds * 1000) exceeded = true;
    } else connection.softLimitSinceMs = 0;
    if (!exceeded) return;
    clients.outputLimitDisconnections++;
    logger.warning(`Closing client ${connection.id} (${connection.peerAddress}): output buffer limit exceeded`);
    clients.kill(connection);
  }
}
