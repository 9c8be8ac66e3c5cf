/**
 * A client of a running server, for import and export: requests go out in batches, replies come back in order. RESP2, over TCP or TLS.
 */
import { connect, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { latin1 } from "../base/bytes.ts";
import { EmberlogError } from "../base/errors.ts";
import { encodeRequest } from "../protocol/request_writer.ts";

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The only database that is meant; undefined for all of them. */
  readonly database: number | undefined;
}

/** What a reply is; errors are replies here. */
export type ServerReply = string | number | Uint8Array | null | ServerError | ServerReply[];

export class ServerError {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const CONNECT_MS = 10_000;
const ROOM_BYTES = 256 * 1024;

/** Is this the address of a server, and not a file's name? */
export function isAddress(text: string): boolean {
  return /^rediss?:\/\//.test(text);
}

/** redis://[user[:password]@]host[:port][/database], rediss:// for TLS. Throws CONFIG_INVALID. */
export function parseAddress(text: string, username: string | undefined, password: string | undefined): ServerAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new EmberlogError("CONFIG_INVALID", `${text} is no address: redis://host[:port][/database]`);
  }
  const database = url.pathname.length > 1 ? Number(url.pathname.slice(1)) : undefined;
  if (url.hostname === "" || (database !== undefined && !/^\/\d+$/.test(url.pathname))) {
    throw new EmberlogError("CONFIG_INVALID", `${text} is no address: redis://host[:port][/database]`);
  }
  const given = (value: string): string | undefined => (value === "" ? undefined : decodeURIComponent(value));
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? 6379 : Number(url.port),
    secure: url.protocol === "rediss:",
    username: username ?? given(url.username),
    password: password ?? given(url.password),
    database,
  };
}

/** Connects and authenticates. Throws COMMAND_FAILED where that fails. */
export async function connectTo(address: ServerAddress): Promise<RedisClient> {
  const { host, port, secure, username, password } = address;
  const where = `${host}:${port}`;
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opened: Socket = secure ? connectSecurely({ host, port, servername: host }) : connect({ host, port });
    const timer = setTimeout(() => opened.destroy(new Error(`no connection within ${CONNECT_MS} ms`)), CONNECT_MS);
    opened.once(secure ? "secureConnect" : "connect", () => {
      clearTimeout(timer);
      opened.removeAllListeners("error");
      resolve(opened);
    });
    opened.once("error", (error) => {
      clearTimeout(timer);
      reject(new EmberlogError("COMMAND_FAILED", `can't connect to ${where}: ${error.message}`));
    });
  });
  const client = new RedisClient(socket, where);
  if (password !== undefined) {
    await client.one(username === undefined ? ["AUTH", password] : ["AUTH", username, password]);
  }
  return client;
}

export class RedisClient {
  readonly where: string;
  private readonly socket: Socket;
  private buffer: Uint8Array = new Uint8Array(ROOM_BYTES);
  private begin = 0;
  private end = 0;
  private waiting:
    | { count: number; replies: ServerReply[]; resolve(replies: ServerReply[]): void; reject(error: Error): void }
    | undefined;
  private broken: Error | undefined;

  constructor(socket: Socket, where: string) {
    this.socket = socket;
    this.where = where;
    socket.on("data", (piece) => this.receive(piece));
    const fail = (error?: Error): void => this.fail(error?.message ?? "the connection was closed");
    socket.on("error", fail);
    socket.on("close", () => fail());
  }

  /** Sends requests and resolves to their replies. One batch at a time. */
  batch(requests: readonly (readonly (string | Uint8Array)[])[]): Promise<ServerReply[]> {
    if (this.broken !== undefined) return Promise.reject(this.broken);
    if (requests.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.waiting = { count: requests.length, replies: [], resolve, reject };
      this.socket.cork();
      for (const request of requests) this.socket.write(encodeRequest(request));
      this.socket.uncork();
    });
  }

  /** One request; an error reply is thrown as COMMAND_FAILED. */
  async one(request: readonly (string | Uint8Array)[]): Promise<ServerReply> {
    const [reply] = await this.batch([request]);
    if (!(reply instanceof ServerError)) return reply!;
    throw new EmberlogError("COMMAND_FAILED", `${this.where} answered ${String(request[0])} with: ${reply.text}`);
  }

  close(): void {
    this.socket.removeAllListeners();
    this.socket.destroy();
  }

  private fail(why: string): void {
    this.broken ??= new EmberlogError("COMMAND_FAILED", `${this.where}: ${why}`);
    this.waiting?.reject(this.broken);
    this.waiting = undefined;
  }

  private receive(piece: Uint8Array): void {
    this.makeRoom(piece.length);
    this.buffer.set(piece, this.end);
    this.end += piece.length;
    const { waiting } = this;
    while (waiting !== undefined && waiting.replies.length < waiting.count) {
      this.at = this.begin;
      const reply = this.read();
      if (reply === undefined) break;
      this.begin = this.at;
      waiting.replies.push(reply);
    }
    if (waiting === undefined || waiting.replies.length < waiting.count) return;
    this.waiting = undefined;
    waiting.resolve(waiting.replies);
  }

  private makeRoom(length: number): void {
    if (this.end + length <= this.buffer.length) return;
    const left = this.end - this.begin;
    // Replies that were handed out lie in the old buffer.
    const larger = new Uint8Array(Math.max(ROOM_BYTES, (left + length) * 2));
    larger.set(this.buffer.subarray(this.begin, this.end));
    this.buffer = larger;
    this.begin = 0;
    this.end = left;
  }

  private at = 0;

  /** The reply at `at`, which moves behind it; undefined: it is not all there. */
  private read(): ServerReply | undefined {
    const lineEnd = this.buffer.indexOf(13, this.at);
    if (lineEnd < 0 || lineEnd + 1 >= this.end) return undefined;
    const kind = String.fromCharCode(this.buffer[this.at]!);
    const line = latin1(this.buffer, this.at + 1, lineEnd);
    this.at = lineEnd + 2;
    if (kind === "+") return line;
    if (kind === "-") return new ServerError(line);
    if (kind === ":") return Number(line);
    const length = Number(line);
    if (kind === "$") {
      if (length < 0) return null;
      if (this.at + length + 2 > this.end) return undefined;
      const bytes = this.buffer.subarray(this.at, this.at + length);
      this.at += length + 2;
      return bytes;
    }
    if (kind !== "*") {
      this.fail(`no reply of a Redis server begins with ${JSON.stringify(kind)}`);
      return undefined;
    }
    if (length < 0) return null;
    const items: ServerReply[] = [];
    for (let i = 0; i < length; i++) {
      const item = this.read();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}
