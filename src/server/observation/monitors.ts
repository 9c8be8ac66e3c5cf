/**
 * MONITOR: every command that has been executed, as a line to each connection that wants to see them.
 *
 * ```
 * +1700000000.123456 [0 127.0.0.1:50000] "set" "k" "a\x00b"
 * ```
 * Lines gather in one buffer while a turn executes and go to all monitors in one piece when it settles, behind the same log position
 * as the replies of that turn: a monitor sees no write that a power cut could still take back (D12). The one exception is a monitor's own
 * command, whose line stands directly behind its reply, as in Redis.
 *
 * Invariant: the executor's `monitor` is set only while somebody watches, so that nobody else pays.
 */
import type { Call } from "../../command/call.ts";
import type { Executor } from "../../command/executor.ts";
import type { CommandMonitor } from "../../command/observer.ts";
import { growingSink, ReplyWriter } from "../../protocol/reply_writer.ts";
import type { Connection } from "../connection.ts";
import type { MicrosecondClock } from "../microseconds.ts";
import { REDACTED, secretsOf } from "./secrets.ts";

/** A buffer that has grown beyond this is given back after use, bytes. */
const BUFFER_BYTES_KEPT = 256 * 1024;

const QUOTE = 34;
const BACKSLASH = 92;
const HEX = "0123456789abcdef";

export class Monitors implements CommandMonitor {
  private readonly executor: Executor;
  private readonly clock: MicrosecondClock;
  private readonly push: (connection: Connection, bytes: Uint8Array) => void;
  /** Each monitor, and up to where it has the lines that wait. */
  private readonly watching = new Map<Connection, number>();
  private lines = new ReplyWriter(new Uint8Array(4096), growingSink);

  /** `push` queues bytes behind what a connection was answered so far. */
  constructor(executor: Executor, clock: MicrosecondClock, push: (connection: Connection, bytes: Uint8Array) => void) {
    this.executor = executor;
    this.clock = clock;
    this.push = push;
  }

  get count(): number {
    return this.watching.size;
  }

  add(connection: Connection): void {
    connection.monitoring = true;
    connection.refresh();
    this.watching.set(connection, this.lines.position);
    this.executor.monitor = this;
  }

  /** The connection is closed, or RESET. What was executed before it still sees. */
  remove(connection: Connection): void {
    const from = this.watching.get(connection);
    if (from === undefined) return;
    this.deliver(connection, from);
    this.watching.delete(connection);
    connection.monitoring = false;
    connection.refresh();
    if (this.watching.size === 0) {
      this.executor.monitor = undefined;
      this.lines.position = 0;
    }
  }

  executed(call: Call, id: number): void {
    const definition = this.executor.table.definitions[id]!;
    // Administrative commands are not for everybody's eyes, and a request that waited was shown when it came.
    if (definition.flags.includes("admin") || definition.flags.includes("skip_monitor") || call.resumedAt !== 0) return;
    const { lines } = this;
    const start = lines.position;
    this.write(call, id);
    const running = call.session as Connection;
    if (!running.monitoring) return;
    const from = this.watching.get(running);
    if (from === undefined) return;
    if (!running.closing && running.replyMode !== "off") call.reply.copy(lines.bytes, from, lines.position - from);
    this.watching.set(running, lines.position);
    // It alone watches: nobody else wants what it has.
    if (this.watching.size === 1 && from === start) this.clear();
  }

  /** Sends the lines that wait: when a turn settles, and before a monitor's own requests run. */
  flush(): void {
    if (this.lines.position === 0) return;
    for (const [connection, from] of this.watching) this.deliver(connection, from);
    this.clear();
  }

  private deliver(connection: Connection, from: number): void {
    const { bytes, position } = this.lines;
    if (from === position || connection.lost || connection.closing) return;
    // A line is a reply to CLIENT REPLY, not a push.
    if (connection.replyMode !== "off") this.push(connection, bytes.slice(from, position));
  }

  private clear(): void {
    if (this.lines.bytes.length > BUFFER_BYTES_KEPT) {
      this.lines = new ReplyWriter(new Uint8Array(4096), growingSink);
    } else this.lines.position = 0;
    for (const connection of this.watching.keys()) this.watching.set(connection, 0);
  }

  private write(call: Call, id: number): void {
    const { lines } = this;
    const us = this.clock.nowUs();
    const seconds = Math.floor(us / 1_000_000);
    const { local, peerAddress } = call.session as Connection;
    const from = local ? `unix:${peerAddress.replace(/:0$/, "")}` : peerAddress;
    lines.raw(`+${seconds}.${String(us - seconds * 1_000_000).padStart(6, "0")} [${call.db.index} ${from}]`);
    const secrets = secretsOf(this.executor.table.definitions[id]!, call.input, call.args, call.first, call.argc);
    for (let i = 0; i < call.argc; i++) {
      if (secrets.includes(i)) lines.raw(` "${REDACTED}"`);
      else writeQuoted(lines, call.input, call.start(i), call.length(i));
    }
    lines.lineBreak();
  }
}

/** A space and the bytes in quotes, as C and Redis escape them. */
function writeQuoted(lines: ReplyWriter, input: Uint8Array, start: number, length: number): void {
  lines.raw(' "');
  let plain = start;
  const end = start + length;
  for (let i = start; i < end; i++) {
    const byte = input[i]!;
    if (byte >= 32 && byte < 127 && byte !== QUOTE && byte !== BACKSLASH) continue;
    lines.copy(input, plain, i - plain);
    lines.raw(escaped(byte));
    plain = i + 1;
  }
  lines.copy(input, plain, end - plain);
  lines.raw('"');
}

function escaped(byte: number): string {
  switch (byte) {
    case QUOTE:
      return '\\"';
    case BACKSLASH:
      return "\\\\";
    case 10:
      return "\\n";
    case 13:
      return "\\r";
    case 9:
      return "\\t";
    case 7:
      return "\\a";
    case 8:
      return "\\b";
    default:
      return `\\x${HEX[byte >> 4]}${HEX[byte & 15]}`;
  }
}
