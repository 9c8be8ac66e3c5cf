/**
 * Executes one request: looks at everything that may refuse it, in Redis's order, runs the handler, and gives what changed to the
 * journal. The server's turns, the in-process API, EXEC and the replay of the log all execute through here.
 *
 * Invariant: when `execute` returns, exactly one reply (or what CLIENT REPLY leaves of it) has been written.
 */

import { latin1 } from "../base/bytes.ts";
import { check } from "../base/check.ts";
import { hashBytes } from "../base/hash.ts";
import { TURN_INPUT_BYTES } from "../base/limits.ts";
import type { Eviction } from "../dataset/eviction.ts";
import type { Call } from "./call.ts";
import { OUT_OF_MEMORY, unknownSubcommand, wrongArity } from "./messages.ts";
import type { CommandMonitor, CommandObserver } from "./observer.ts";
import type { Session } from "./session.ts";
import {
  CONTAINER,
  type CommandTable,
  DENY_OOM,
  EVERY,
  KEYS_KNOWN,
  MAY_REPLICATE,
  NO_AUTH,
  NO_MULTI,
  NOT_QUEUED,
  READ_ONLY,
  runsNone,
  SHOWS_NO_DATA,
  SUBSCRIBER,
  TELLS_OF_SERVER,
  TIMED,
  UNKNOWN_COMMAND,
  WRITE,
} from "./table.ts";
import { endTransaction } from "./transaction/multi.ts";

/** A command whose request or whose reply is larger than this is measured alone, whatever its kind, bytes. */
const ALONE_REQUEST_BYTES = 4096;
const ALONE_REPLY_BYTES = 16384;
/** Inside MULTI all but these are refused while memory is short: queueing takes memory, too. */
const RUN_WITHOUT_MEMORY = new Set(["EXEC", "DISCARD", "QUIT", "RESET"]);

export class Executor {
  readonly table: CommandTable;
  /** By command id: executed, µs spent, refused before execution, answered with an error. */
  readonly calls: Float64Array;
  readonly microseconds: Float64Array;
  readonly rejected: Float64Array;
  readonly failed: Float64Array;
  /** Errors by code, for INFO errorstats. */
  readonly errorsByCode = new Map<string, number>();
  /** Requests executed in all. */
  commands = 0;
  /** Set when writes can't be logged: the error that every write gets. */
  private writesRefused: string | undefined;
  /** Makes room before a command runs; undefined without a memory limit. */
  private eviction: Eviction | undefined;
  /** One of the two is set, so that every request is looked at: one test where neither is. */
  private guarded = false;
  /** Called before a write command runs: while a new log is being filled (engine/fill.ts). */
  beforeWrite: ((call: Call, id: number) => void) | undefined;
  /** Sets space in the log aside for requests of so many bytes, or refuses writes from then on. */
  reserve: ((bytes: number) => void) | undefined;
  /** Everything up to this log position may be shown already: replies that depend on nothing later need no gate. */
  released = 0;
  /** The log position that the reply just written must wait for. */
  gate = 0;

  /** The command or subcommand that the last request for a container meant; for CLIENT LIST. */
  lastSubcommand = UNKNOWN_COMMAND;

  /** Monotonic clock as last read in this turn, µs; set when a turn begins. */
  turnUs = 0;

  /** Is told how long commands took; undefined where nobody asks. */
  observer: CommandObserver | undefined;
  /** Sees every command after its execution; undefined while there is none. */
  monitor: CommandMonitor | undefined;

  /** Which commands are measured alone, as bits of the table. */
  private aloneMask = TIMED;
  /** The command whose run is being measured, since when, and its calls before that. */
  private timed = UNKNOWN_COMMAND;
  private timedSinceUs = 0;
  /** The command measured alone that is running: it may run others (EXEC). */
  private outer = UNKNOWN_COMMAND;
  private callsBefore = 0;
  /** The last request of the run: where its bytes are, and whose it is. */
  private lastInput: Uint8Array = new Uint8Array(0);
  private lastStart = 0;
  private lastSession: Session | undefined;

  constructor(table: CommandTable) {
    this.table = table;
    const count = table.definitions.length;
    this.calls = new Float64Array(count);
    this.microseconds = new Float64Array(count);
    this.rejected = new Float64Array(count);
    this.failed = new Float64Array(count);
  }

  /** Full name of the command that is running. */
  get runningName(): string {
    return this.table.fullNames[this.timed] ?? "NULL";
  }

  /** What is refused from now on; the engine sets it between turns. */
  restrict(writesRefused: string | undefined): void {
    this.writesRefused = writesRefused;
    this.guarded = writesRefused !== undefined || this.eviction !== undefined;
  }

  /** Who makes room before a command runs, undefined for nobody; the engine sets it. */
  limitMemory(eviction: Eviction | undefined): void {
    this.eviction = eviction;
    this.guarded = eviction !== undefined || this.writesRefused !== undefined;
  }

  /**
   * Executes the request that `call` holds (arguments at call.first), whose bytes in array form are `input[start, end)`.
   * `id` is the command as the table found it.
   */
  execute(call: Call, id: number, start: number, end: number): void {
    const table = this.table;
    if (call.session.special || id === UNKNOWN_COMMAND || (table.bits[id]! & CONTAINER) !== 0) {
      this.executeSpecial(call, id, start, end);
      return;
    }
    const arity = table.arity[id]!;
    if ((arity > 0 ? call.argc !== arity : call.argc < -arity) || (this.guarded && this.mayRefuse(id))) {
      this.executeChecked(call, id, start, end);
      return;
    }
    this.run(call, id, start, end);
  }

  /** May an ordinary request have to be refused, or memory be made room in before it? */
  private mayRefuse(id: number): boolean {
    if (this.eviction?.exceeded === true) return true;
    return this.writesRefused !== undefined && (this.table.bits[id]! & WRITE) !== 0;
  }

  /** For sessions in a transaction, before authentication or with CLIENT REPLY, and for containers. */
  private executeSpecial(call: Call, id: number, start: number, end: number): void {
    const session = call.session;
    if (session.closing) return;
    if (id !== UNKNOWN_COMMAND && (this.table.bits[id]! & CONTAINER) !== 0 && call.argc > 1) {
      const subcommand = this.table.subcommand(call, id);
      this.lastSubcommand = subcommand;
      if (subcommand === UNKNOWN_COMMAND) {
        this.refuse(call, id, unknownSubcommand(this.table.definitions[id]!.name, call.text(1)));
        return;
      }
      id = subcommand;
    }
    if (session.replyMode === "on") {
      this.executeChecked(call, id, start, end);
      return;
    }
    if (session.replyMode === "skip") {
      session.replyMode = "on";
      session.refresh();
    }
    call.reply.mute();
    this.executeChecked(call, id, start, end);
    call.reply.unmute();
  }

  private executeChecked(call: Call, id: number, start: number, end: number): void {
    const error = this.refusal(call, id);
    if (error !== undefined) {
      this.refuse(call, id, error);
      return;
    }
    const session = call.session;
    if (session.inMulti && (this.table.bits[id]! & NOT_QUEUED) === 0) {
      // An EXEC that will fail anyway needs no requests.
      if (!session.multiFailed && !session.watchBroken) {
        session.queue(call.input.slice(start, end), this.table.bits[id]!);
      }
      call.reply.status("QUEUED");
      this.gate = 0;
      return;
    }
    this.run(call, id, start, end);
  }

  /** Runs the handler without asking whether it may: for EXEC and replay, and behind the checks. */
  run(call: Call, id: number, start: number, end: number): void {
    const journal = call.journal;
    if (this.beforeWrite !== undefined && (this.table.bits[id]! & WRITE) !== 0) this.beforeWrite(call, id);
    const changes = journal.changes;
    const { reply } = call;
    const { errors, position } = reply;
    journal.explicit = 0;
    const alone = (this.table.bits[id]! & this.aloneMask) !== 0 || end - start > ALONE_REQUEST_BYTES;
    if (id !== this.timed || alone || call.input !== this.lastInput) this.switchTimer(call, id);
    this.lastStart = start;
    this.lastSession = call.session;
    const beganUs = this.timedSinceUs;
    if (alone) this.outer = id;
    this.commands++;
    this.calls[id]!++;
    this.table.handlers[id]!(call);
    if (journal.changes !== changes && journal.explicit === 0) {
      journal.verbatim(call.db.index, call.input, start, end);
      this.gate = journal.sequence;
    } else {
      this.gate = this.gateOf(call, id, journal.changes !== changes || journal.explicit !== 0);
    }
    if (reply.errors !== errors) this.countFailure(call, id);
    // When the region was emptied in between, the difference is negative, and a large number without its sign.
    if (alone || (reply.position - position) >>> 0 > ALONE_REPLY_BYTES) this.endAlone(call, id, start, beganUs);
    // A request that waited was shown when it came.
    if (this.monitor !== undefined && call.resumedAt === 0) this.monitor.executed(call, id);
  }

  /**
   * Executes up to `count` requests at once, alike but for their last arguments, of which `call` holds the first; their bytes are
   * `input[starts[i], ends[i])` and so on. Returns how many it has executed: 0 where they are to be executed one by one, because the command
   * can't do so now, or because somebody looks at each of them.
   */
  executeAlike(call: Call, id: number, starts: Int32Array, ends: Int32Array, i: number, count: number): number {
    const { journal, session } = call;
    const handler = this.table.alikeHandlers[id]!;
    if (handler === runsNone || session.special || this.guarded || this.beforeWrite !== undefined) return 0;
    if (this.monitor !== undefined || (this.table.bits[id]! & this.aloneMask) !== 0) return 0;
    if (journal.observer !== undefined || call.dataset.events.mask !== 0) return 0;
    if (id !== this.timed || call.input !== this.lastInput) this.switchTimer(call, id);
    const done = handler(call, count);
    if (done === 0) return 0;
    this.lastStart = starts[i + done - 1]!;
    this.lastSession = session;
    this.commands += done;
    this.calls[id]! += done;
    for (let k = i; k < i + done; k++) journal.verbatim(call.db.index, call.input, starts[k]!, ends[k]!);
    this.gate = journal.sequence;
    return done;
  }

  /** Runs a request again that has waited for a key: what may refuse it is looked at once more. */
  resume(call: Call, id: number, start: number, end: number): void {
    const error = this.guarded && this.mayRefuse(id) ? this.refusal(call, id) : undefined;
    if (error === undefined) this.run(call, id, start, end);
    else this.refuse(call, id, error);
  }

  /** The running request begins to wait: it counts when it goes on. */
  uncount(id: number): void {
    this.commands--;
    this.calls[id]!--;
  }

  /** A request has waited in vain; with an error code, it is answered with an error. */
  countWaited(id: number, errorCode: string | undefined): void {
    this.commands++;
    this.calls[id]!++;
    if (errorCode === undefined) return;
    this.failed[id]!++;
    this.countError(errorCode);
  }

  /** Runs a request that MULTI has queued: `call` holds its arguments, `request` is all its bytes. */
  runQueued(call: Call, request: Uint8Array): void {
    let id = this.table.lookup(request, call.start(0), call.length(0));
    check(id !== UNKNOWN_COMMAND, "a queued request names a command");
    if ((this.table.bits[id]! & CONTAINER) !== 0 && call.argc > 1) id = this.table.subcommand(call, id);
    this.run(call, id, 0, request.length);
  }

  /** Why a transaction with these bits of commands, whose requests have so many bytes, may not run now. */
  refusalOfTransaction(bits: number, bytes: number): string | undefined {
    // What a turn may hold has its space already; a transaction may be larger than that. // D15
    if (bytes > TURN_INPUT_BYTES && (bits & WRITE) !== 0) this.reserve?.(bytes);
    if (this.writesRefused !== undefined && (bits & WRITE) !== 0) return this.writesRefused;
    return undefined;
  }

  /** Ends the measurement of the command that ran last: to be called at the end of a turn. */
  stopTimer(call: Call): void {
    if (this.timed !== UNKNOWN_COMMAND) this.switchTimer(call, UNKNOWN_COMMAND);
  }

  /** Forgets what was counted by command and by error: CONFIG RESETSTAT, and after a replay. */
  resetStatistics(call: Call): void {
    this.stopTimer(call);
    this.calls.fill(0);
    this.microseconds.fill(0);
    this.rejected.fill(0);
    this.failed.fill(0);
    this.errorsByCode.clear();
    this.commands = 0;
  }

  /** From here on every command is measured alone, or only those that may take long. */
  measureAlone(every: boolean): void {
    this.aloneMask = every ? EVERY : TIMED;
  }

  /** Requests begin to be executed: what went before (splitting them, say) is no command's time. */
  startTimer(call: Call): void {
    if (this.timed === UNKNOWN_COMMAND) this.turnUs = call.clock.monotonicUs();
  }

  /**
   * Ends the run that is being measured and begins one of `id`.
   *
   * Runs of the same command are measured as one: a clock read a command would cost more than many a command. Alone are measured those that
   * may take long (TIMED, or much to read or to answer) and, with a low slowlog-log-slower-than, all of them.
   */
  private switchTimer(call: Call, id: number): void {
    // The first command of a turn begins when the turn does: one clock read less where turns are short.
    const nowUs = this.timed === UNKNOWN_COMMAND ? this.turnUs : call.clock.monotonicUs();
    this.turnUs = nowUs;
    // What runs others is measured as a whole when it is done.
    const goesOn = this.timed === this.outer && id !== UNKNOWN_COMMAND;
    if (this.timed !== UNKNOWN_COMMAND && !goesOn) this.endRun(nowUs - this.timedSinceUs);
    this.timed = id;
    this.timedSinceUs = nowUs;
    if (id === UNKNOWN_COMMAND) return;
    this.callsBefore = this.calls[id]!;
    this.lastInput = call.input;
  }

  private endRun(us: number): void {
    const id = this.timed;
    this.microseconds[id]! += us;
    const count = this.calls[id]! - this.callsBefore;
    // A request that waits for a key has not been executed yet.
    if (count > 0) this.observer?.measured(id, count, us, this.lastInput, this.lastStart, this.lastSession!);
  }

  /** A command that is measured alone has been executed. If it ran others, each of them had its own time, and it has all of it since `beganUs`. */
  private endAlone(call: Call, id: number, start: number, beganUs: number): void {
    const ranOthers = this.timed !== id;
    this.outer = UNKNOWN_COMMAND;
    this.stopTimer(call);
    if (!ranOthers) return;
    const us = this.turnUs - beganUs;
    this.microseconds[id]! += us;
    this.observer?.measured(id, 1, us, call.input, start, call.session);
  }

  /** What a reply may show, as a log position: of known keys only their last change, otherwise everything so far. */
  private gateOf(call: Call, id: number, changed: boolean): number {
    const journal = call.journal;
    if (journal.sequence <= this.released) return 0;
    const bits = this.table.bits[id]!;
    // Who looks for the reason why the log takes no writes must not wait until it does.
    const free = this.writesRefused === undefined ? SHOWS_NO_DATA : SHOWS_NO_DATA | TELLS_OF_SERVER;
    if (!changed && (bits & free) !== 0) return 0;
    if (changed || (bits & KEYS_KNOWN) === 0 || (bits & (READ_ONLY | WRITE)) === 0) return journal.sequence;
    const database = call.db.index;
    const step = this.table.keyStep[id]!;
    let last = this.table.lastKey[id]!;
    if (last < 0) last += call.argc;
    let gate = 0;
    for (let i = this.table.firstKey[id]!; i <= last && i < call.argc; i += step) {
      const hash =
        i === 1
          ? call.hash(1)
          : hashBytes(call.input, call.start(i), call.length(i), call.dataset.seed0, call.dataset.seed1);
      const position = journal.positionOf(database, hash);
      if (position > gate) gate = position;
    }
    return gate;
  }

  /** Why this request may not run now, in Redis's order; undefined when it may. */
  private refusal(call: Call, id: number): string | undefined {
    if (id === UNKNOWN_COMMAND) return unknownCommand(call);
    const arity = this.table.arity[id]!;
    const bits = this.table.bits[id]!;
    if (arity > 0 ? call.argc !== arity : call.argc < -arity) return wrongArity(this.table.fullNames[id]!);
    if (!call.session.authenticated && (bits & NO_AUTH) === 0) return "NOAUTH Authentication required.";
    if (call.session.inMulti && (bits & NO_MULTI) !== 0) return "ERR Command not allowed inside a transaction";
    // Room is made whatever the command; a command that takes no memory runs even where there is none.
    if (this.eviction !== undefined && !this.eviction.makeRoom() && this.takesMemory(call, id)) return OUT_OF_MEMORY;
    if (this.writesRefused !== undefined && (bits & WRITE) !== 0) return this.writesRefused;
    if (call.session.subscribed && call.session.protocol === 2 && (bits & SUBSCRIBER) === 0) {
      return `ERR Can't execute '${this.table.fullNames[id]!}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`;
    }
    if (call.session.monitoring && (bits & (READ_ONLY | WRITE | MAY_REPLICATE)) !== 0) {
      return "ERR Replica can't interact with the keyspace";
    }
    return undefined;
  }

  private takesMemory(call: Call, id: number): boolean {
    if ((this.table.bits[id]! & DENY_OOM) !== 0) return true;
    const { inMulti, queuedBits } = call.session;
    if (!inMulti) return false;
    const { name } = this.table.definitions[id]!;
    return RUN_WITHOUT_MEMORY.has(name) ? name === "EXEC" && (queuedBits & DENY_OOM) !== 0 : true;
  }

  private refuse(call: Call, id: number, error: string): void {
    // Only "out of memory" tells anything about data.
    this.gate = error === OUT_OF_MEMORY ? call.journal.sequence : 0;
    if (id !== UNKNOWN_COMMAND) this.rejected[id]!++;
    if (id !== UNKNOWN_COMMAND && this.table.definitions[id]!.name === "EXEC") {
      // A refused EXEC ends its transaction all the same.
      endTransaction(call);
      error = `EXECABORT Transaction discarded because of: ${error.replace(/^ERR /, "")}`;
    } else if (call.session.inMulti) call.session.multiFailed = true;
    call.reply.error(error);
    this.countError(call.reply.lastErrorCode);
  }

  private countFailure(call: Call, id: number): void {
    this.failed[id]!++;
    this.countError(call.reply.lastErrorCode);
  }

  private countError(code: string): void {
    this.errorsByCode.set(code, (this.errorsByCode.get(code) ?? 0) + 1);
  }
}

/** Names and arguments are shown up to their first NUL, as C strings. */
function unknownCommand(call: Call): string {
  let shown = "";
  for (let i = 1; i < call.argc && shown.length < 128; i++)
    shown += `'${cText(call, i).slice(0, 128 - shown.length)}' `;
  return `ERR unknown command '${cText(call, 0).slice(0, 128)}', with args beginning with: ${shown}`;
}

function cText(call: Call, i: number): string {
  const start = call.start(i);
  const text = latin1(call.input, start, start + Math.min(call.length(i), 128));
  const end = text.indexOf("\0");
  return end === -1 ? text : text.slice(0, end);
}
