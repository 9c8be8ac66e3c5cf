/**
 * What is counted since start, less what CONFIG RESETSTAT has set aside. The counters themselves only grow, so that what computes
 * rates from them never sees one go back.
 */
import { resetSyncStatistics } from "../../log/statistics.ts";
import type { Server } from "../server.ts";

const SOURCES = {
  commands: (server: Server) => server.engine.executor.commands,
  connections: (server: Server) => server.clients.accepted,
  rejectedConnections: (server: Server) => server.clients.rejected,
  inputBytes: (server: Server) => server.turns.inputBytes,
  outputBytes: (server: Server) => server.turns.outputBytes,
  reads: (server: Server) => server.turns.reads,
  writes: (server: Server) => server.turns.writes,
  turns: (server: Server) => server.turns.turns,
  errors: (server: Server) => server.engine.call.reply.errors,
  hits: (server: Server) => server.engine.call.hits,
  misses: (server: Server) => server.engine.call.misses,
  expiredKeys: (server: Server) => server.engine.dataset.expiredKeys,
  expiredFields: (server: Server) => server.engine.dataset.expiredFields,
  expireTimeCapReached: (server: Server) => server.engine.dataset.expireTimeCapReached,
  expiryUs: (server: Server) => server.housekeeping.workUs,
  evictedKeys: (server: Server) => server.engine.eviction.evictedKeys,
  evictionExceededUs: (server: Server) => server.engine.eviction.exceededUs.total,
  lazyFreed: (server: Server) => server.engine.dataset.lazyFreed,
  killedClients: (server: Server) => server.clients.killed,
  outputLimitDisconnections: (server: Server) => server.clients.outputLimitDisconnections,
  queryLimitDisconnections: (server: Server) => server.clients.queryLimitDisconnections,
  backPressure: (server: Server) => server.turns.pressure.count,
  protocolErrors: (server: Server) => server.clients.protocolErrors,
} as const;

export type CounterName = keyof typeof SOURCES;

/** Counts of one command since the last reset. */
export interface CommandCounts {
  readonly calls: number;
  readonly microseconds: number;
  readonly rejected: number;
  readonly failed: number;
}

export class Counters {
  private readonly server: Server;
  private readonly before = new Map<CounterName, number>();
  private readonly commandsBefore = new Map<number, CommandCounts>();
  private readonly errorsBefore = new Map<string, number>();

  constructor(server: Server) {
    this.server = server;
  }

  get(name: CounterName): number {
    return SOURCES[name](this.server) - (this.before.get(name) ?? 0);
  }

  command(id: number): CommandCounts {
    const total = this.totalOf(id);
    const before = this.commandsBefore.get(id);
    if (before === undefined) return total;
    return {
      calls: total.calls - before.calls,
      microseconds: total.microseconds - before.microseconds,
      rejected: total.rejected - before.rejected,
      failed: total.failed - before.failed,
    };
  }

  /** Error replies by code, those that occurred. */
  errorsByCode(): [code: string, count: number][] {
    const all = [...this.server.engine.executor.errorsByCode];
    return all
      .map(([code, count]): [string, number] => [code, count - (this.errorsBefore.get(code) ?? 0)])
      .filter(([, count]) => count > 0);
  }

  reset(): void {
    const { executor } = this.server.engine;
    for (const name of Object.keys(SOURCES) as CounterName[]) this.before.set(name, SOURCES[name](this.server));
    for (let id = 0; id < executor.calls.length; id++) this.commandsBefore.set(id, this.totalOf(id));
    for (const [code, count] of executor.errorsByCode) this.errorsBefore.set(code, count);
    this.server.turns.times.reset();
    const statistics = this.server.storage?.writer.statistics;
    if (statistics !== undefined) resetSyncStatistics(statistics);
  }

  private totalOf(id: number): CommandCounts {
    const { calls, microseconds, rejected, failed } = this.server.engine.executor;
    return { calls: calls[id]!, microseconds: microseconds[id]!, rejected: rejected[id]!, failed: failed[id]! };
  }
}
