/**
 * A client that shows replies as the raw bytes they came in: a real client library would hide what conformance compares.
 *
 * Requests are bytes too, so that broken and partial requests can be sent. Replies are read one at a time in the order they
 * arrive; a push of RESP3 counts as a reply.
 */
import { connect, type Socket } from "node:net";
import { ReplyFrame } from "./reply_frame.ts";
import { decodeReply, type PlainReply, plain } from "./reply_value.ts";

export type Argument = string | Uint8Array | number;

/** One request as a RESP array; strings are latin1, one byte a character. */
export function request(args: readonly Argument[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = arg instanceof Uint8Array ? arg : Buffer.from(String(arg), "latin1");
    parts.push(Buffer.from(`$${bytes.length}\r\n`), Buffer.from(bytes), Buffer.from("\r\n"));
  }
  return Buffer.concat(parts);
}

/** Bytes as a readable text, for failures. */
export function shown(bytes: Uint8Array, bytesMax = 600): string {
  const text = JSON.stringify(Buffer.from(bytes.subarray(0, bytesMax)).toString("latin1"));
  return bytes.length > bytesMax ? `${text}… (${bytes.length} bytes)` : text;
}

export class ConnectionClosed extends Error {}

interface Waiter {
  resolve(reply: Buffer): void;
  reject(error: Error): void;
}

export class RespClient {
  /** True once the server has closed the connection or it failed. */
  closed = false;
  private readonly socket: Socket;
  private buffer = Buffer.allocUnsafe(64 * 1024);
  private start = 0;
  private end = 0;
  private readonly frame = new ReplyFrame();
  private readonly waiters: Waiter[] = [];
  private readonly closeWaiters: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.on("error", () => this.finish());
    socket.on("close", () => this.finish());
  }

  /** Connects to a port of this machine, or to the path of a unix socket. */
  static connect(target: number | string): Promise<RespClient> {
    return new Promise((resolve, reject) => {
      const socket = typeof target === "number" ? connect(target, "127.0.0.1") : connect(target);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RespClient(socket));
      });
    });
  }

  /** The address as the server sees it. */
  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Sends bytes and waits until the kernel has taken them. */
  flush(bytes: Uint8Array): Promise<void> {
    if (this.closed) return Promise.resolve();
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** The next reply, raw. Rejects with ConnectionClosed when the connection ends before it. */
  reply(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.waiters.push({ resolve, reject });
      this.serve();
    });
  }

  /** Sends one command and reads its reply, raw. */
  command(...args: readonly Argument[]): Promise<Buffer> {
    this.socket.write(request(args));
    return this.reply();
  }

  /** Sends one command and reads its reply as plain values. */
  async call(...args: readonly Argument[]): Promise<PlainReply> {
    return plain(decodeReply(await this.command(...args)));
  }

  /** Sends all commands at once and reads as many replies. */
  pipeline(commands: readonly (readonly Argument[])[]): Promise<Buffer[]> {
    this.socket.write(Buffer.concat(commands.map(request)));
    return Promise.all(commands.map(() => this.reply()));
  }

  /** All bytes that arrive until the server closes the connection, raw; rejects when it is still open after `timeoutMs`. */
  async untilClosed(timeoutMs = 5000): Promise<Buffer> {
    await this.whenClosed(timeoutMs);
    const rest = Buffer.from(this.buffer.subarray(this.start, this.end));
    this.start = this.end;
    return rest;
  }

  /** Resolves when the server has closed the connection. */
  whenClosed(timeoutMs = 5000): Promise<void> {
    if (this.closed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the connection is still open after ${timeoutMs} ms`)),
        timeoutMs,
      );
      this.closeWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Bytes received and not read as a reply yet. */
  get unread(): number {
    return this.end - this.start;
  }

  /** Those bytes. */
  get received(): Buffer {
    return this.buffer.subarray(this.start, this.end);
  }

  /** Stops reading, as a slow client does, until `resume`. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Closes our side only: the server may still answer. */
  halfClose(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    const used = this.end - this.start;
    if (this.end + chunk.length > this.buffer.length) {
      const target =
        used + chunk.length > this.buffer.length ? Buffer.allocUnsafe((used + chunk.length) * 2) : this.buffer;
      this.buffer.copy(target, 0, this.start, this.end);
      this.buffer = target;
      this.start = 0;
      this.end = used;
    }
    chunk.copy(this.buffer, this.end);
    this.end += chunk.length;
    this.serve();
  }

  private serve(): void {
    while (this.waiters.length > 0) {
      let length = -1;
      try {
        if (this.end > this.start) length = this.frame.length(this.buffer, this.start, this.end);
      } catch (error) {
        this.waiters.shift()!.reject(error as Error);
        continue;
      }
      if (length < 0) break;
      const reply = Buffer.from(this.buffer.subarray(this.start, this.start + length));
      this.start += length;
      this.waiters.shift()!.resolve(reply);
    }
    if (this.closed)
      while (this.waiters.length > 0) this.waiters.shift()!.reject(new ConnectionClosed("connection closed"));
  }

  private finish(): void {
    if (this.closed) return;
    this.closed = true;
    this.serve();
    for (const waiter of this.closeWaiters.splice(0)) waiter();
  }
}
