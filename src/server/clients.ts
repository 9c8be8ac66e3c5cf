/**
 * Who is connected: accepting, counting, limits, CLIENT PAUSE, closing.
 */
import type { Connection as ConnectionType } from "./connection.ts";
import { Connection } from "./connection.ts";
import type { Server } from "./server.ts";
import type { TurnHost } from "./turn_host.ts";

export class Clients implements TurnHost {
  queryBytesMax = 1024 * 1024 * 1024;
  paused: "no" | "write" | "all" = "no";
  /** When CLIENT PAUSE ends, wall clock ms. */
  pausedUntilMs = 0;
  /** Since start, for INFO. */
  accepted = 0;
  rejected = 0;
  killed = 0;
  outputLimitDisconnections = 0;
  queryLimitDisconnections = 0;
  protocolErrors = 0;

  private readonly server: Server;
  private readonly bySlot: (Connection | undefined)[] = [];
  private count = 0;
  private nextId = 1;

  constructor(server: Server) {
    this.server = server;
  }

  get connected(): number {
    return this.count;
  }

  *[Symbol.iterator](): Iterator<Connection> {
    for (const connection of this.bySlot) if (connection !== undefined) yield connection;
  }

  connection(slot: number): Connection | undefined {
    return this.bySlot[slot];
  }

  byId(id: number): Connection | undefined {
    for (const connection of this) if (connection.id === id) return connection;
    return undefined;
  }

  opened(slot: number): ConnectionType | undefined {
    const { transport, config, clock } = this.server;
    const local = this.server.listeners.isLocal(transport.listenerOf(slot));
    const peerAddress = transport.peerAddress(slot);
    if (this.count >= config.integer("maxclients")) {
      this.rejected++;
      this.turnAway(slot, "ERR max number of clients reached");
      return undefined;
    }
    const noPassword = config.text("requirepass") === "";
    if (config.flag("protected-mode") && noPassword && !local && !isLoopback(peerAddress)) {
      this.rejected++;
      this.turnAway(
        slot,
        "DENIED Emberlog is running in protected mode: no password is set, so it accepts connections from the loopback " +
          "interface only. Set a password (CONFIG SET requirepass) or, if this network is trusted, turn the protection off " +
          "(CONFIG SET protected-mode no) from a client on the same host.",
      );
      return undefined;
    }
    this.accepted++;
    const connection = new Connection(
      this.nextId++,
      slot,
      { peerAddress, localAddress: transport.localAddress(slot), descriptor: transport.descriptor(slot), local },
      clock.wallMs(),
    );
    connection.authenticated = noPassword;
    connection.refresh();
    this.bySlot[slot] = connection;
    this.count++;
    return connection;
  }

  closed(connection: ConnectionType): void {
    if (this.bySlot[connection.slot] !== connection) return;
    this.bySlot[connection.slot] = undefined;
    this.count--;
    this.server.engine.call.watchers.unwatch(connection);
    this.server.blocked.forget(connection);
    this.server.pubsub.leave(connection);
    if (connection.monitoring) this.server.monitors.remove(connection);
    this.server.transport.release(connection.slot);
  }

  protocolError(connection: ConnectionType, message: string): void {
    if (message.startsWith("client-query-buffer-limit")) {
      this.queryLimitDisconnections++;
      this.server.logger.warning(`Closing client ${connection.id} (${connection.peerAddress}): ${message}`);
      return;
    }
    this.protocolErrors++;
    this.server.logger.verbose(`Protocol error from client ${connection.id} (${connection.peerAddress}): ${message}`);
  }

  outputGrew(connection: ConnectionType, queuedBytes: number): void {
    if (queuedBytes === 0) connection.softLimitSinceMs = 0;
  }

  outputExceeded(connection: ConnectionType): void {
    this.outputLimitDisconnections++;
    this.server.logger.warning(
      `Closing client ${connection.id} (${connection.peerAddress}): its output buffer limit was exceeded`,
    );
    this.closed(connection);
  }

  /** Closes a connection from outside of its own requests (CLIENT KILL, a limit, a time-out): nothing more is sent. */
  kill(connection: ConnectionType): void {
    connection.closing = true;
    connection.closeNow = true;
    connection.refresh();
    this.server.turns.closeNow(connection);
  }

  /** Every connection ends at once, unanswered. // D9 */
  cutAll(): void {
    for (const connection of this) this.kill(connection);
  }

  /** Those who wait for something that will never be in the log end, unanswered: "OK" would be a lie, and so would an error. // D9 */
  cutParked(): void {
    for (const connection of this) if (connection.parked > 0) this.kill(connection);
  }

  pause(mode: "write" | "all", untilMs: number): void {
    // As Redis: a pause is never shortened, nor weakened, by a later one.
    if (this.paused !== "no") {
      if (this.paused === "all") mode = "all";
      if (untilMs < this.pausedUntilMs) untilMs = this.pausedUntilMs;
    }
    this.paused = mode;
    this.server.engine.eviction.paused = true;
    this.pausedUntilMs = untilMs;
    this.server.turns.interrupt();
  }

  unpause(): void {
    if (this.paused === "no") return;
    this.paused = "no";
    this.server.engine.eviction.paused = false;
    this.pausedUntilMs = 0;
    for (const connection of this) {
      if (!connection.postponed) continue;
      connection.postponed = false;
      this.server.turns.resume(connection);
    }
    this.server.transport.wake();
  }

  private turnAway(slot: number, error: string): void {
    const { transport } = this.server;
    const bytes = Uint8Array.from(Buffer.from(`-${error}\r\n`, "latin1"));
    transport.send(slot, bytes, 0, bytes.length);
    transport.close(slot, true);
    transport.release(slot);
  }
}

/** "127.0.0.1:1234", "[::1]:1234" */
function isLoopback(address: string): boolean {
  return (
    address.startsWith("127.") ||
    address.startsWith("[::1]") ||
    address.startsWith("[::ffff:127.") ||
    address.startsWith("::1")
  );
}
