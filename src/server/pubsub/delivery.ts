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
 * To the connection whose command is running it is written where its reply stands, as redis-server 7.0 does: a client that hears its own
 * message sees it before PUBLISH's reply. CLIENT REPLY silences replies, never pushes.
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
  outputBytes: number;
  writes: number;
}

export class Delivery {
  private readonly host: DeliveryHost;
  private readonly reply: ReplyWriter;
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
  constructor(host: DeliveryHost, reply: ReplyWriter, output: Uint8Array) {
    this.host = host;
    this.reply = reply;
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
      this.writeInto(connection);
      return;
    }
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

  /** Into the running command's own reply, which a silenced client doesn't get. */
  private writeInto(connection: Connection): void {
    const { reply } = this;
    const { muted } = reply;
    if (muted) reply.unmute();
    reply.protocol = connection.protocol;
    this.write(reply);
    if (muted) reply.mute();
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
