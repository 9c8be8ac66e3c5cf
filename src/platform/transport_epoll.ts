/**
 * The transport over the addon's reactor; the work is done in native/reactor.cc, this is its typed face.
 * One crossing a turn; nothing here runs for each command.
 */
import { check } from "../base/check.ts";
import { EmberlogError } from "../base/errors.ts";
import { listenError } from "./listen_error.ts";
import type { NativeAddon, NativeReactor } from "./native.ts";
import {
  type Listener,
  LOG,
  makeRegions,
  type Transport,
  type TransportLog,
  type TransportOptions,
  WOKEN,
} from "./transport.ts";

export class EpollTransport implements Transport {
  readonly kind = "epoll";
  readonly input: Uint8Array;
  readonly inputTable: Int32Array;
  readonly output: Uint8Array;
  readonly outputTable: Int32Array;
  readonly queuedBytes: Float64Array;

  private readonly reactor: NativeReactor;
  private readonly onTurn: (rows: number) => number;
  private log: TransportLog | undefined;
  private stopped = false;

  constructor(addon: NativeAddon, options: TransportOptions) {
    const regions = makeRegions(options);
    this.input = regions.input;
    this.inputTable = regions.inputTable;
    this.output = regions.output;
    this.outputTable = regions.outputTable;
    this.queuedBytes = regions.queuedBytes;
    this.onTurn = options.onTurn;
    this.reactor = new addon.Reactor(
      regions.input,
      regions.inputTable,
      regions.output,
      regions.outputTable,
      regions.queuedBytes,
      regions.connectionBytesMax,
      regions.queuedBytesMax,
      (rows) => this.turn(rows),
    );
  }

  async listenTcp(host: string, port: number, backlog: number): Promise<Listener> {
    return this.listenTcpNow(host, port, backlog);
  }

  listenTcpNow(host: string, port: number, backlog: number): Listener {
    if (this.stopped) throw new EmberlogError("CLOSED", "the transport is stopped");
    const listener = this.reactor.listenTcp(host, port, backlog);
    if (listener < 0) throw listenError(`${host}:${port}`, listener);
    return { listener, port: this.reactor.listenerPort(listener) };
  }

  async listenUnix(path: string, mode: number, backlog: number): Promise<Listener> {
    if (this.stopped) throw new EmberlogError("CLOSED", "the transport is stopped");
    const listener = this.reactor.listenUnix(path, mode, backlog);
    if (listener < 0) throw listenError(path, listener);
    return { listener, port: 0 };
  }

  closeListener(listener: number): void {
    if (!this.stopped) this.reactor.closeListener(listener);
  }

  setKeepAlive(seconds: number): void {
    if (!this.stopped) this.reactor.setKeepAlive(seconds);
  }

  send(slot: number, bytes: Uint8Array, offset: number, length: number): void {
    if (!this.stopped) this.reactor.send(slot, bytes, offset, length);
  }

  flush(rows: number): void {
    if (!this.stopped) this.reactor.flush(rows);
  }

  close(slot: number, afterFlush: boolean): void {
    if (!this.stopped) this.reactor.close(slot, afterFlush);
  }

  release(slot: number): void {
    if (!this.stopped) this.reactor.release(slot);
  }

  pauseReading(slot: number): void {
    if (!this.stopped) this.reactor.pauseReading(slot);
  }

  resumeReading(slot: number): void {
    if (!this.stopped) this.reactor.resumeReading(slot);
  }

  peerAddress(slot: number): string {
    return this.stopped ? "" : this.reactor.peerAddress(slot);
  }

  localAddress(slot: number): string {
    return this.stopped ? "" : this.reactor.localAddress(slot);
  }

  descriptor(slot: number): number {
    return this.stopped ? -1 : this.reactor.descriptor(slot);
  }

  listenerOf(slot: number): number {
    return this.stopped ? -1 : this.reactor.listenerOf(slot);
  }

  attachLog(log: TransportLog | undefined): void {
    if (this.stopped) return;
    if (this.log !== undefined) this.log.onComplete = undefined;
    this.log = log;
    const failed = this.reactor.attachLog(log?.native ?? null);
    check(failed === undefined || failed === 0, "the log's eventfd is in no other epoll set");
    if (log === undefined) return;
    // A log without threads of its own wakes the reactor from JavaScript.
    log.onComplete = log.native === undefined ? () => this.wakeForLog() : () => {};
  }

  wake(): void {
    if (!this.stopped) this.reactor.wake(WOKEN);
  }

  wakeAfter(us: number): void {
    if (!this.stopped) this.reactor.wakeAfter(us);
  }

  acceptError(): number {
    return this.stopped ? 0 : -this.reactor.acceptError();
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    if (this.log !== undefined) this.log.onComplete = undefined;
    this.log = undefined;
    this.reactor.stop();
  }

  private wakeForLog(): void {
    if (!this.stopped) this.reactor.wake(LOG);
  }

  private turn(rows: number): number {
    if (this.inputTable[0] === -1 && (this.inputTable[3]! & LOG) !== 0) this.log?.deliver();
    return this.onTurn(rows);
  }
}
