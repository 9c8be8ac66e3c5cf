/**
 * One message to many connections: written once for each protocol into the output region, behind the replies, and given to the reply queue
 * as a range that all its receivers have in common.
 *
 * ```
 * output region   replies ……………… │ messages in RESP2 … │ messages in RESP3 …
 *                                   └── ranges, one a receiver (push_rows.ts)
 * ```
 * Each half is filled from its start while anything in the region may still be needed; when it is full, everything is sent. A message that
 * would not fit a half at all has bytes of its own.
 *
 * What the running command sends to its own connection comes behind its reply, as since Redis 7.2: a push never stands within a reply. It is
 * kept until then (`deferred`). CLIENT REPLY silences replies, never pushes.
 *
 * When a message may leave, under `appendfsync always`:
 *  - A notification waits for the whole turn: it tells of a write.
 *  - What PUBLISH sends is made by its client, who knows of nothing but what it was answered (and that was durable) and what it has sent
 *    itself. So a message leaves no earlier than the replies to what its own connection sent before it, and within MULTI no earlier than the
 *    transaction: it may tell of these writes. Writes of others do not delay it. What a client sends over two connections without waiting for
 *    an answer has no order that could be kept.
 */
import { check } from "../../base/check.ts";
import { TURN_MESSAGE_BYTES } from "../../base/limits.ts";
import { ReplyWriter } from "../../protocol/reply_writer.ts";
import type { Connection } from "../connection.ts";
import type { ReplyQueue } from "../reply_queue.ts";

/** Kinds of messages. */
export const MESSAGE = "message";
export const PATTERN_MESSAGE = "pmessage";
export const SHARD_MESSAGE = "smessage";
export type MessageKind = typeof MESSAGE | typeof PATTERN_MESSAGE | typeof SHARD_MESSAGE;

/** Room that a ReplyWriter wants behind what it writes, and the headers of a message, bytes. */
const HEADER_BYTES_MAX = 256;
const HALF_BYTES = TURN_MESSAGE_BYTES / 2;

/** Where replies are executed and written, as far as a message must know. */
export interface DeliveryHost {
  /** The connection whose command is running. */
  readonly running: Connection | undefined;
  readonly queue: ReplyQueue;
  /** Who watches the commands, with lines that may wait. */
  readonly monitors: { flush(): void } | undefined;
  outputBytes: number;
  writes: number;
}

/** A message to the connection whose command is running. */
interface Deferred {
  readonly bytes: Uint8Array;
  readonly gate: number;
}

export class Delivery {
  /** Messages to the connection whose command is running: to be queued behind its reply, with `takeDeferred`. */
  deferred = false;
  private readonly host: DeliveryHost;
  private waiting: Deferred[] = [];
  /** By protocol: what is written for it, and where that begins in the output region. */
  private readonly resp2: Half;
  private readonly resp3: Half;
  /** What `queue.emptied` was when the halves were begun. */
  private emptied = -1;

  private kind: MessageKind = MESSAGE;
  private pattern: Uint8Array = new Uint8Array(0);
  private channel: Uint8Array = this.pattern;
  private payload: Uint8Array = this.pattern;
  private payloadStart = 0;
  private payloadLength = 0;
  private gate = 0;
  /** Too long for a half. */
  private long = false;

  /** `output` is the transport's region; its last TURN_MESSAGE_BYTES are the messages'. */
  constructor(host: DeliveryHost, output: Uint8Array) {
    this.host = host;
    this.resp2 = new Half(output, output.length - TURN_MESSAGE_BYTES, 2);
    this.resp3 = new Half(output, output.length - HALF_BYTES, 3);
  }

  /** Begins a message, to be given to its receivers with `to` before anything else happens. `pattern` counts for PATTERN_MESSAGE only. */
  begin(
    kind: MessageKind,
    pattern: Uint8Array,
    channel: Uint8Array,
    payload: Uint8Array,
    payloadStart: number,
    payloadLength: number,
    gate: number,
  ): void {
    this.kind = kind;
    this.pattern = pattern;
    this.channel = channel;
    this.payload = payload;
    this.payloadStart = payloadStart;
    this.payloadLength = payloadLength;
    this.gate = gate;
    this.long = pattern.length + channel.length + payloadLength + HEADER_BYTES_MAX > HALF_BYTES;
    this.resp2.forget();
    this.resp3.forget();
  }

  /** Sends the message to one connection. */
  to(connection: Connection): void {
    const { host } = this;
    if (connection.lost) return;
    if (connection === host.running) {
      this.waiting.push({ bytes: this.encodeAlone(connection.protocol), gate: this.gate });
      this.deferred = true;
      return;
    }
    // It has seen nothing yet of what was executed before this message.
    if (connection.monitoring) host.monitors?.flush();
    const { queue } = host;
    const half = connection.protocol === 3 ? this.resp3 : this.resp2;
    if (this.long) {
      if (half.alone === undefined) half.alone = this.encodeAlone(half.protocol);
      queue.append(connection, half.alone, this.gate);
      host.outputBytes += half.alone.length;
      host.writes++;
      return;
    }
    if (queue.pushesFull) queue.moveOut();
    if (queue.emptied !== this.emptied) this.restart();
    if (half.messageAt === -1) this.encode(half);
    queue.addPush(connection, half.messageAt, half.messageLength, this.gate);
    host.outputBytes += half.messageLength;
    host.writes++;
  }

  /** Queues what was kept for a connection whose command has run; its reply has been added to the queue. */
  takeDeferred(connection: Connection): void {
    const { host, waiting } = this;
    this.deferred = false;
    this.waiting = [];
    for (const { bytes, gate } of waiting) {
      host.queue.append(connection, bytes, gate);
      host.outputBytes += bytes.length;
      host.writes++;
    }
  }

  private write(reply: ReplyWriter): void {
    const { kind, pattern, channel } = this;
    reply.push(kind === PATTERN_MESSAGE ? 4 : 3);
    reply.text(kind);
    if (kind === PATTERN_MESSAGE) reply.bulk(pattern, 0, pattern.length);
    reply.bulk(channel, 0, channel.length);
    reply.bulk(this.payload, this.payloadStart, this.payloadLength);
  }

  private encode(half: Half): void {
    const length = this.pattern.length + this.channel.length + this.payloadLength + HEADER_BYTES_MAX;
    if (half.writer.position + length > HALF_BYTES) {
      this.host.queue.moveOut();
      this.restart();
    }
    const { writer } = half;
    const start = writer.position;
    this.write(writer);
    half.messageAt = half.base + start;
    half.messageLength = writer.position - start;
  }

  private encodeAlone(protocol: number): Uint8Array {
    const length = this.pattern.length + this.channel.length + this.payloadLength + HEADER_BYTES_MAX;
    const writer = new ReplyWriter(new Uint8Array(length), noRoom);
    writer.protocol = protocol;
    this.write(writer);
    return writer.bytes.subarray(0, writer.position);
  }

  /** Nothing in the region is needed any more: it is filled from the start. */
  private restart(): void {
    this.emptied = this.host.queue.emptied;
    this.resp2.clear();
    this.resp3.clear();
  }
}

/** The messages of one protocol in the output region. */
class Half {
  readonly protocol: number;
  /** Where the half begins in the output region. */
  readonly base: number;
  readonly writer: ReplyWriter;
  /** Where the message under way lies in the output region, -1 while it is not written. */
  messageAt = -1;
  messageLength = 0;
  /** The message under way where it has bytes of its own. */
  alone: Uint8Array | undefined;

  constructor(output: Uint8Array, base: number, protocol: number) {
    this.protocol = protocol;
    this.base = base;
    this.writer = new ReplyWriter(output.subarray(base, base + HALF_BYTES), noRoom);
    this.writer.protocol = protocol;
  }

  forget(): void {
    this.messageAt = -1;
    this.alone = undefined;
  }

  clear(): void {
    this.messageAt = -1;
    this.writer.position = 0;
  }
}

const noRoom = {
  makeRoom(): void {
    check(false, "a message is measured before it is written");
  },
};
