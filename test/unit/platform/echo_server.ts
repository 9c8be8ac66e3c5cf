/** A transport of either kind with a small server on it, for the contract suite. */
import net from "node:net";
import { nativeAddon, nativeMissingReason } from "../../../src/platform/native.ts";
import {
  CLOSED,
  DATA,
  DRAINED,
  INPUT_ROW_WORDS,
  OPENED,
  OUTPUT_ROW_WORDS,
  type Transport,
  type TransportOptions,
} from "../../../src/platform/transport.ts";
import { EpollTransport } from "../../../src/platform/transport_epoll.ts";
import { NetTransport } from "../../../src/platform/transport_net.ts";

/** Both kinds, the native one only where EMBERLOG_NATIVE=0 does not forbid it. A missing build is a failure, not a skip. */
export const KINDS: readonly ("epoll" | "net")[] = process.env["EMBERLOG_NATIVE"] === "0" ? ["net"] : ["epoll", "net"];

export function makeTransport(kind: "epoll" | "net", options: TransportOptions): Transport {
  if (kind === "net") return new NetTransport(options);
  const addon = nativeAddon();
  if (addon === undefined) throw new Error(`the addon is missing: ${nativeMissingReason()}`);
  return new EpollTransport(addon, options);
}

export interface Row {
  readonly slot: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
}

export function inputRows(transport: Transport, rows: number): Row[] {
  const out: Row[] = [];
  for (let row = 0; row < rows; row++) {
    const at = row * INPUT_ROW_WORDS;
    const offset = transport.inputTable[at + 1]!;
    out.push({
      slot: transport.inputTable[at]!,
      flags: transport.inputTable[at + 3]!,
      bytes: transport.input.slice(offset, offset + transport.inputTable[at + 2]!),
    });
  }
  return out;
}

export function putRow(transport: Transport, row: number, slot: number, offset: number, length: number): void {
  transport.outputTable[row * OUTPUT_ROW_WORDS] = slot;
  transport.outputTable[row * OUTPUT_ROW_WORDS + 1] = offset;
  transport.outputTable[row * OUTPUT_ROW_WORDS + 2] = length;
}

/** Answers every byte with itself through output rows, and closes behind its peers. */
export class EchoServer {
  readonly transport: Transport;
  readonly opened: number[] = [];
  readonly closed: number[] = [];
  readonly drained: number[] = [];
  readonly open = new Set<number>();
  turns = 0;
  /** Rows of data in each turn, the slots in order. */
  readonly turnSlots: number[][] = [];
  received = 0;
  port = 0;

  constructor(kind: "epoll" | "net", options: Partial<TransportOptions> = {}) {
    this.transport = makeTransport(kind, { onTurn: (rows) => this.turn(rows), ...options });
  }

  static async start(kind: "epoll" | "net", options: Partial<TransportOptions> = {}): Promise<EchoServer> {
    const server = new EchoServer(kind, options);
    server.port = (await server.transport.listenTcp("127.0.0.1", 0, 511)).port;
    return server;
  }

  private turn(rows: number): number {
    this.turns++;
    const { transport } = this;
    const slots: number[] = [];
    let out = 0;
    let position = 0;
    for (const { slot, flags, bytes } of inputRows(transport, rows)) {
      if ((flags & OPENED) !== 0) {
        if (this.open.has(slot)) throw new Error(`slot ${slot} was opened twice`);
        this.open.add(slot);
        this.opened.push(slot);
      }
      if ((flags & DATA) !== 0) {
        if (!this.open.has(slot)) throw new Error(`data on slot ${slot}, which is not open`);
        slots.push(slot);
        this.received += bytes.length;
        if (position + bytes.length > transport.output.length) {
          transport.flush(out);
          out = 0;
          position = 0;
        }
        // Two rows for one reply: their order must hold.
        const half = bytes.length >> 1;
        transport.output.set(bytes, position);
        putRow(transport, out++, slot, position, half);
        putRow(transport, out++, slot, position + half, bytes.length - half);
        position += bytes.length;
      }
      if ((flags & DRAINED) !== 0) this.drained.push(slot);
      if ((flags & CLOSED) !== 0) {
        this.closed.push(slot);
        this.open.delete(slot);
        transport.close(slot, true);
        transport.release(slot);
      }
    }
    if (slots.length > 0) this.turnSlots.push(slots);
    return out;
  }
}

export function connectTo(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Reads exactly `length` bytes. */
export function readBytes(socket: net.Socket, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let total = 0;
    const onClose = (): void => reject(new Error(`closed after ${total} of ${length} bytes`));
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      total += chunk.length;
      if (total < length) return;
      socket.off("data", onData);
      socket.off("close", onClose);
      resolve(Buffer.concat(chunks));
    };
    socket.on("data", onData);
    socket.once("close", onClose);
  });
}

/** Everything until the peer ends. */
export function readToEnd(socket: net.Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.once("end", () => resolve(Buffer.concat(chunks)));
    socket.once("error", reject);
  });
}

/** Waits for a condition that events bring about; fails after `ms`. */
export async function until(condition: () => boolean, what: string, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
