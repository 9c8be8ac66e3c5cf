/**
 * The transport over `node:net`: wherever there is no addon, and for sockets that Node must own (TLS). The same regions,
 * rows and flags as over epoll; slower, because each chunk is copied and each reply is a stream write.
 *
 * Chunks are kept as they come, up to `connectionBytesMax` a connection, then the socket is paused; a turn copies them into
 * the input region, once in each round of the event loop. Output is copied too: Node may still hold it after the call.
 */
import net from "node:net";
import { check } from "../base/check.ts";
import { EmberlogError } from "../base/errors.ts";
import { TRANSPORT_LINGER_MS } from "../base/limits.ts";
import { listenError } from "./listen_error.ts";
import {
  CLOSED,
  DATA,
  DRAINED,
  DRAINED_BYTES_MIN,
  INPUT_ROW_WORDS,
  type Listener,
  LOG,
  makeRegions,
  OPENED,
  OUTPUT_ROW_WORDS,
  type Transport,
  type TransportLog,
  type TransportOptions,
  WOKEN,
} from "./transport.ts";

/** A turn with less room than this left takes no further connection; native/reactor.cc does the same. */
const INPUT_BYTES_LEAST = 1024;

interface Connection {
  readonly slot: number;
  readonly socket: net.Socket;
  readonly listener: number;
  readonly peer: string;
  readonly local: string;
  readonly chunks: Uint8Array[];
  /** Bytes of the first chunk that were handed over. */
  taken: number;
  unread: number;
  queued: number;
  events: number;
  /** The peer sends no more. */
  ended: boolean;
  /** The socket is closed. */
  gone: boolean;
  /** CLOSED is under way or reported. */
  reported: boolean;
  used: boolean;
  inReady: boolean;
  paused: boolean;
  blocked: boolean;
  closing: boolean;
  /** So much is queued that DRAINED must follow. */
  drainPromised: boolean;
}

function addressText(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return "";
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

export class NetTransport implements Transport {
  readonly kind = "net";
  readonly input: Uint8Array;
  readonly inputTable: Int32Array;
  readonly output: Uint8Array;
  readonly outputTable: Int32Array;
  readonly queuedBytes: Float64Array;

  private wakeTimer: NodeJS.Timeout | undefined;
  private readonly onTurn: (rows: number) => number;
  private readonly connectionBytesMax: number;
  private readonly queuedBytesMax: number;
  private readonly connections: (Connection | undefined)[];
  private readonly freeSlots: number[] = [];
  private readonly servers: (net.Server | undefined)[] = [];
  /** Accepted while there was no free slot. */
  private readonly waiting: { socket: net.Socket; listener: number; path: string }[] = [];
  private ready: Connection[] = [];
  private readonly closings: Connection[] = [];
  private readonly released: number[] = [];
  private log: TransportLog | undefined;
  private keepAliveSeconds = 0;
  private turnFlags = 0;
  private scheduled = false;
  private inTurn = false;
  private stopped = false;

  constructor(options: TransportOptions) {
    const regions = makeRegions(options);
    this.input = regions.input;
    this.inputTable = regions.inputTable;
    this.output = regions.output;
    this.outputTable = regions.outputTable;
    this.queuedBytes = regions.queuedBytes;
    this.connectionBytesMax = regions.connectionBytesMax;
    this.queuedBytesMax = regions.queuedBytesMax;
    this.onTurn = options.onTurn;
    this.connections = new Array<Connection | undefined>(regions.queuedBytes.length).fill(undefined);
    for (let slot = this.connections.length - 1; slot >= 0; slot--) this.freeSlots.push(slot);
  }

  listenTcp(host: string, port: number, backlog: number): Promise<Listener> {
    const everywhere = host === "" || host === "*";
    const ipv6Only = host.includes(":");
    return this.listen(`${host}:${port}`, "", { host: everywhere ? "0.0.0.0" : host, port, backlog, ipv6Only });
  }

  async listenUnix(path: string, mode: number, backlog: number): Promise<Listener> {
    if (mode === 0) return await this.listen(path, path, { path, backlog });
    // Node binds before listen() returns, so the umask of this moment is the one that counts.
    const umask = process.umask(0o777 & ~mode);
    const listening = this.listen(path, path, { path, backlog });
    process.umask(umask);
    return await listening;
  }

  closeListener(listener: number): void {
    this.servers[listener]?.close();
    this.servers[listener] = undefined;
  }

  setKeepAlive(seconds: number): void {
    this.keepAliveSeconds = seconds;
  }

  /** Takes over a connected socket, for example one that has finished its TLS handshake. It must allow half-open. */
  adopt(socket: net.Socket, listener: number, path = ""): void {
    if (this.stopped) {
      socket.destroy();
      return;
    }
    const slot = this.freeSlots.pop();
    if (slot === undefined) {
      socket.pause();
      this.waiting.push({ socket, listener, path });
      return;
    }
    socket.setNoDelay(true);
    if (this.keepAliveSeconds > 0) socket.setKeepAlive(true, this.keepAliveSeconds * 1000);
    const c: Connection = {
      slot,
      socket,
      listener,
      peer: path === "" ? addressText(socket.remoteAddress, socket.remotePort) : `${path}:0`,
      local: path === "" ? addressText(socket.localAddress, socket.localPort) : `${path}:0`,
      chunks: [],
      taken: 0,
      unread: 0,
      queued: 0,
      events: OPENED,
      ended: false,
      gone: false,
      reported: false,
      used: true,
      inReady: false,
      paused: false,
      blocked: false,
      closing: false,
      drainPromised: false,
    };
    this.connections[slot] = c;
    socket.on("data", (chunk: Uint8Array) => this.onData(c, chunk));
    socket.on("end", () => {
      c.ended = true;
      this.pushReady(c);
    });
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.onClose(c));
    socket.resume();
    this.pushReady(c);
  }

  send(slot: number, bytes: Uint8Array, offset: number, length: number): void {
    this.write(slot, bytes.slice(offset, offset + length));
  }

  flush(rows: number): void {
    const { output, outputTable: table } = this;
    check(rows * OUTPUT_ROW_WORDS <= table.length, "no more output rows than the table has");
    for (let row = 0; row < rows; ) {
      const slot = table[row * OUTPUT_ROW_WORDS]!;
      const first = row;
      let length = 0;
      for (; row < rows && table[row * OUTPUT_ROW_WORDS] === slot; row++) length += table[row * OUTPUT_ROW_WORDS + 2]!;
      const bytes = new Uint8Array(length);
      let at = 0;
      for (let part = first; part < row; part++) {
        const offset = table[part * OUTPUT_ROW_WORDS + 1]!;
        const partLength = table[part * OUTPUT_ROW_WORDS + 2]!;
        check(offset >= 0 && partLength >= 0 && offset + partLength <= output.length, "output rows lie in the region");
        bytes.set(output.subarray(offset, offset + partLength), at);
        at += partLength;
      }
      this.write(slot, bytes);
    }
  }

  close(slot: number, afterFlush: boolean): void {
    const c = this.connections[slot];
    if (c === undefined || !c.used || c.gone) return;
    const again = c.closing;
    c.closing = true;
    c.events = 0;
    this.forget(c);
    if (!afterFlush) c.socket.destroy();
    else if (again) return;
    else if (this.inTurn) this.closings.push(c);
    else this.finishClose(c);
  }

  release(slot: number): void {
    const c = this.connections[slot];
    if (c === undefined || !c.used) return;
    const closing = c.closing;
    c.used = false;
    c.closing = true;
    c.events = 0;
    this.forget(c);
    if (c.gone) {
      this.recycle(slot);
      return;
    }
    if (!closing) {
      c.socket.destroy();
      return;
    }
    c.socket.setTimeout(TRANSPORT_LINGER_MS, () => c.socket.destroy());
  }

  pauseReading(slot: number): void {
    const c = this.connections[slot];
    if (c !== undefined) c.paused = true;
  }

  resumeReading(slot: number): void {
    const c = this.connections[slot];
    if (c === undefined) return;
    c.paused = false;
    this.pushReady(c);
  }

  peerAddress(slot: number): string {
    const c = this.connections[slot];
    return c === undefined || c.gone ? "" : c.peer;
  }

  localAddress(slot: number): string {
    const c = this.connections[slot];
    return c === undefined || c.gone ? "" : c.local;
  }

  descriptor(slot: number): number {
    const handle = (this.connections[slot]?.socket as { _handle?: { fd?: number } | null } | undefined)?._handle;
    return handle?.fd ?? -1;
  }

  listenerOf(slot: number): number {
    return this.connections[slot]?.listener ?? -1;
  }

  attachLog(log: TransportLog | undefined): void {
    if (this.log !== undefined) this.log.onComplete = undefined;
    this.log = log;
    if (log !== undefined) log.onComplete = () => this.wakeWith(LOG);
  }

  wake(): void {
    this.wakeWith(WOKEN);
  }

  wakeAfter(us: number): void {
    clearTimeout(this.wakeTimer);
    this.wakeTimer = setTimeout(() => this.wakeWith(WOKEN), Math.ceil(us / 1000)).unref();
  }

  /** Node deals with accepts that fail by itself and does not tell. */
  acceptError(): number {
    return 0;
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    clearTimeout(this.wakeTimer);
    this.attachLog(undefined);
    for (let listener = 0; listener < this.servers.length; listener++) this.closeListener(listener);
    for (const { socket } of this.waiting) socket.destroy();
    for (const c of this.connections) c?.socket.destroy();
    this.ready = [];
  }

  private async listen(where: string, path: string, options: net.ListenOptions): Promise<Listener> {
    if (this.stopped) throw new EmberlogError("CLOSED", "the transport is stopped");
    let listener = this.servers.indexOf(undefined);
    if (listener === -1) listener = this.servers.length;
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.adopt(socket, listener, path),
    );
    this.servers[listener] = server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(options, () => {
          server.off("error", reject);
          resolve();
        });
      });
    } catch (thrown) {
      this.servers[listener] = undefined;
      const errno = thrown instanceof Error && "errno" in thrown ? Number(thrown.errno) : 0;
      throw listenError(where, errno);
    }
    const address = server.address();
    return { listener, port: address !== null && typeof address === "object" ? address.port : 0 };
  }

  // ---- events of Node's sockets

  private onData(c: Connection, chunk: Uint8Array): void {
    if (c.closing) return; // drained so that the peer gets the last reply instead of a reset
    c.chunks.push(chunk);
    c.unread += chunk.length;
    this.steer(c);
    this.pushReady(c);
  }

  private onClose(c: Connection): void {
    c.gone = true;
    c.queued = 0;
    this.queuedBytes[c.slot] = 0;
    if (!c.used) this.recycle(c.slot);
    else if (!c.closing) this.pushReady(c);
  }

  /** Reading goes on while there is room for it. A paused connection is read too, so that its end is noticed. */
  private steer(c: Connection): void {
    if (c.gone || c.closing) return;
    const room = !c.blocked && c.unread < this.connectionBytesMax;
    if (room === c.socket.isPaused()) {
      if (room) c.socket.resume();
      else c.socket.pause();
    }
  }

  private write(slot: number, bytes: Uint8Array): void {
    const c = this.connections[slot];
    if (c === undefined || c.gone || bytes.length === 0 || !c.socket.writable) return;
    c.queued += bytes.length;
    this.queuedBytes[slot] = c.queued;
    if (c.queued > DRAINED_BYTES_MIN) c.drainPromised = true;
    if (c.queued > this.queuedBytesMax && !c.blocked) {
      c.blocked = true;
      this.steer(c);
    }
    c.socket.write(bytes, () => this.onWritten(c, bytes.length));
  }

  private onWritten(c: Connection, length: number): void {
    if (c.gone) return;
    c.queued -= length;
    this.queuedBytes[c.slot] = c.queued;
    let told = false;
    if (c.blocked && c.queued <= this.queuedBytesMax / 2) {
      c.blocked = false;
      told = true;
      this.steer(c);
    }
    if (c.queued === 0 && c.drainPromised) {
      c.drainPromised = false;
      told = true;
    }
    if (!told || c.closing) return;
    c.events |= DRAINED;
    this.pushReady(c);
  }

  // ---- turns

  private wakeWith(flags: number): void {
    if (this.stopped) return;
    this.turnFlags |= flags;
    this.schedule();
  }

  private pushReady(c: Connection): void {
    if (c.inReady || this.stopped) return;
    c.inReady = true;
    this.ready.push(c);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || this.inTurn) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (!this.stopped) this.turn();
    });
  }

  private mayRead(c: Connection): boolean {
    return c.unread > 0 && !c.paused && !c.blocked && !c.closing;
  }

  private turn(): void {
    const rows = this.compose();
    if (rows > 0) {
      this.inTurn = true;
      let outputRows = 0;
      try {
        if (this.inputTable[0] === -1 && (this.inputTable[3]! & LOG) !== 0) this.log?.deliver();
        outputRows = this.onTurn(rows);
      } finally {
        // What the callback threw surfaces by itself; the connections go on.
        if (outputRows > 0) this.flush(outputRows);
        this.inTurn = false;
        for (const c of this.closings) this.finishClose(c);
        this.closings.length = 0;
        this.freeReleased();
        if (this.ready.length > 0 || this.turnFlags !== 0) this.schedule();
      }
    } else if (this.ready.length > 0) {
      this.schedule();
    }
  }

  private compose(): number {
    const { input, inputTable: table } = this;
    const rowsMax = Math.floor(table.length / INPUT_ROW_WORDS);
    let rows = 0;
    let used = 0;
    if (this.turnFlags !== 0) {
      table[0] = -1;
      table[1] = 0;
      table[2] = 0;
      table[3] = this.turnFlags;
      this.turnFlags = 0;
      rows = 1;
    }
    const visit = this.ready;
    this.ready = [];
    const again: Connection[] = [];
    let visited = 0;
    for (; visited < visit.length && rows < rowsMax && input.length - used >= INPUT_BYTES_LEAST; visited++) {
      const c = visit[visited]!;
      c.inReady = false;
      const length = this.mayRead(c) ? this.take(c, used) : 0;
      if ((c.ended || c.gone) && c.unread === 0 && !c.reported && !c.closing && c.used) {
        c.reported = true;
        c.events |= CLOSED;
      }
      const flags = c.events | (length > 0 ? DATA : 0);
      c.events = 0;
      if (flags !== 0) {
        const at = rows * INPUT_ROW_WORDS;
        table[at] = c.slot;
        table[at + 1] = used;
        table[at + 2] = length;
        table[at + 3] = flags;
        used += length;
        rows++;
      }
      if (this.mayRead(c)) again.push(c);
    }
    // Those not visited lead the next turn, those with more to read come behind them.
    this.ready = visit.slice(visited).concat(this.ready);
    for (const c of again) {
      c.inReady = true;
      this.ready.push(c);
    }
    return rows;
  }

  /** Copies what a connection has sent into the input region. */
  private take(c: Connection, start: number): number {
    const limit = Math.min(this.connectionBytesMax, this.input.length - start);
    let length = 0;
    let whole = 0;
    while (length < limit && whole < c.chunks.length) {
      const chunk = c.chunks[whole]!;
      const part = Math.min(chunk.length - c.taken, limit - length);
      this.input.set(chunk.subarray(c.taken, c.taken + part), start + length);
      length += part;
      c.taken += part;
      if (c.taken < chunk.length) break;
      c.taken = 0;
      whole++;
    }
    c.chunks.splice(0, whole);
    c.unread -= length;
    this.steer(c);
    return length;
  }

  // ---- closing

  private forget(c: Connection): void {
    c.chunks.length = 0;
    c.unread = 0;
    c.taken = 0;
  }

  private finishClose(c: Connection): void {
    if (c.gone) return;
    c.socket.resume();
    c.socket.destroySoon();
  }

  private recycle(slot: number): void {
    this.connections[slot] = undefined;
    this.released.push(slot);
    if (!this.inTurn) this.freeReleased();
  }

  private freeReleased(): void {
    for (const slot of this.released) this.freeSlots.push(slot);
    this.released.length = 0;
    while (this.freeSlots.length > 0 && this.waiting.length > 0) {
      const next = this.waiting.shift()!;
      if (!next.socket.destroyed) this.adopt(next.socket, next.listener, next.path);
    }
  }
}
