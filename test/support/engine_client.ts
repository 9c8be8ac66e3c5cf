/**
 * An engine without a socket for tests of commands: requests go in as arguments, replies come out as raw RESP in latin1 texts.
 *
 * The clock stands still unless a test moves it, and randomness comes from a seed, so that a run repeats exactly. With `recording` the
 * effects gather as they would on their way to the log; `takeEffects` hands them over and `replay` executes them in another client,
 * the clock held, as recovery does.
 */
import { latin1 } from "../../src/base/bytes.ts";
import type { Clock } from "../../src/base/clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { datasetCommands } from "../../src/command/commands.ts";
import type { CommandDefinition } from "../../src/command/definition.ts";
import { Session } from "../../src/command/session.ts";
import { CommandTable } from "../../src/command/table.ts";
import { Engine } from "../../src/engine/engine.ts";
import { REQUEST, RequestParser } from "../../src/protocol/request_parser.ts";
import { encodeRequest } from "../../src/protocol/request_writer.ts";

/** A clock that a test moves by hand. */
export class FakeClock implements Clock {
  ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  wallMs(): number {
    return this.ms;
  }

  monotonicUs(): number {
    return this.ms * 1000;
  }

  advance(ms: number): void {
    this.ms += ms;
  }
}

export interface EngineClientOptions {
  readonly seed?: number;
  /** Wall clock at the start, ms. */
  readonly nowMs?: number;
  readonly databases?: number;
  /** Gathers effects as for a log. */
  readonly recording?: boolean;
  /** Commands besides those of the dataset. */
  readonly commands?: readonly CommandDefinition[];
  /** Address space, bytes. */
  readonly bytesMax?: number;
  readonly firstSegment?: number;
}

export class EngineClient {
  readonly engine: Engine;
  readonly clock: FakeClock;
  private readonly parser = new RequestParser();
  private readonly sessions = new Map<string, Session>();

  constructor(options: EngineClientOptions = {}) {
    this.clock = new FakeClock(options.nowMs ?? 1_700_000_000_000);
    this.engine = new Engine({
      clock: this.clock,
      random: seededRandom(options.seed ?? 1),
      table: new CommandTable([...datasetCommands, ...(options.commands ?? [])]),
      databases: options.databases ?? 16,
      ...(options.bytesMax === undefined ? {} : { bytesMax: options.bytesMax }),
      ...(options.firstSegment === undefined ? {} : { firstSegment: options.firstSegment }),
    });
    this.engine.journal.recording = options.recording ?? false;
  }

  /** The session of a named client; "a" is the one that `command` speaks for. */
  session(name = "a"): Session {
    let session = this.sessions.get(name);
    if (session === undefined) {
      session = new Session(this.sessions.size + 1);
      this.sessions.set(name, session);
    }
    return session;
  }

  /** One request in a turn of its own; its reply as raw RESP. */
  command(...args: (string | number | Uint8Array)[]): string {
    return this.commandAs("a", ...args);
  }

  commandAs(client: string, ...args: (string | number | Uint8Array)[]): string {
    return this.send(encodeRequest(args.map((arg) => (typeof arg === "number" ? String(arg) : arg))), client);
  }

  /** As `command`, the words of a line separated by single spaces. */
  line(line: string, client = "a"): string {
    return this.commandAs(client, ...line.split(" "));
  }

  /** Requests in array form in one turn; their replies as raw RESP. */
  send(requests: Uint8Array, client = "a"): string {
    const { engine } = this;
    const { reply } = engine.call;
    engine.beginTurn();
    reply.position = 0;
    this.execute(requests, this.session(client));
    engine.executor.stopTimer(engine.call);
    return latin1(reply.bytes, 0, reply.position);
  }

  /** Effects recorded since the last call, as requests. */
  takeEffects(): Uint8Array {
    const { effects } = this.engine.journal;
    effects.finish();
    const taken = effects.bytes.slice(0, effects.position);
    effects.use(effects.bytes, 0);
    return taken;
  }

  /** Executes effects as recovery does: nothing expires by the clock, nothing is recorded. Throws when a reply is an error. */
  replay(effects: Uint8Array): void {
    const { engine } = this;
    const { call, dataset, journal } = engine;
    const recording = journal.recording;
    dataset.clockHeld = true;
    call.replaying = true;
    journal.recording = false;
    const reply = this.send(effects, "replay");
    dataset.clockHeld = false;
    call.replaying = false;
    journal.recording = recording;
    const error = /^-[A-Z]+ .*$/m.exec(reply);
    if (error !== null) throw new Error(`an effect failed: ${error[0]}`);
  }

  private execute(requests: Uint8Array, session: Session): void {
    const { call, dataset, executor, table } = this.engine;
    const { parser } = this;
    for (let at = 0; at < requests.length; at = parser.end) {
      parser.reset();
      if (parser.next(requests, at, requests.length) !== REQUEST) throw new Error("no whole request");
      call.session = session;
      call.db = dataset.database(session.database);
      call.reply.protocol = session.protocol;
      call.input = requests;
      call.args = parser.args;
      call.first = 0;
      call.argc = parser.argc;
      call.hashed = false;
      const id = table.lookup(requests, parser.args[0]!, parser.args[1]!);
      executor.execute(call, id, at, parser.end);
    }
  }
}
