/**
 * Imports an append-only file of Redis: its commands are executed like anybody's, but with time standing still, as it does while redis-server
 * loads them, and their effects go to the log.
 *
 * A transaction is executed when its EXEC has been read, so that one which is cut off changes nothing. Lines that begin with "#" are notes.
 */
import { EmberlogError } from "../base/errors.ts";
import { UNKNOWN_COMMAND } from "../command/table.ts";
import { INCOMPLETE, REQUEST, RequestParser } from "../protocol/request_parser.ts";
import type { RdbInput } from "../rdb/input.ts";
import { RdbError } from "../rdb/rdb_error.ts";
import { type ImportOptions, refusal } from "./import_rdb.ts";
import type { Importer } from "./importer.ts";

const NOTE = 35;
const LINE_FEED = 10;
/** A note longer than this is none. */
const NOTE_BYTES_MAX = 1024;
/** An effect may be so much longer than the request that it comes from, bytes. */
const EFFECT_BYTES_EXTRA = 64 * 1024;

/** Reads commands to the end of `input`; `last`: it may be cut off, if the options say so. Throws IMPORT_REFUSED. */
export async function importCommands(
  importer: Importer,
  input: RdbInput,
  file: string,
  last: boolean,
  options: ImportOptions,
): Promise<void> {
  const commands = new CommandReader(importer, input, last, options);
  const { call } = importer.engine;
  const { replaying } = call;
  call.replaying = true;
  call.db = importer.engine.dataset.database(0);
  call.reply.mute();
  try {
    while (commands.next()) {
      if (!importer.pieceIsFull || commands.inTransaction) continue;
      options.onProgress?.(input.offset, importer.counts.keys);
      await importer.endPiece();
    }
  } catch (thrown) {
    throw refusal(thrown, file, input.offset, "");
  } finally {
    call.reply.unmute();
    call.replaying = replaying;
    call.session.database = 0;
    call.db = importer.engine.dataset.database(0);
  }
  importer.engine.commit();
}

class CommandReader {
  /** Between a MULTI and its EXEC. */
  inTransaction = false;
  private readonly importer: Importer;
  private readonly input: RdbInput;
  private readonly last: boolean;
  private readonly options: ImportOptions;
  private readonly parser = new RequestParser(1024);
  private readonly queued: Uint8Array[] = [];
  private multiOffset = 0;

  constructor(importer: Importer, input: RdbInput, last: boolean, options: ImportOptions) {
    this.importer = importer;
    this.input = input;
    this.last = last;
    this.options = options;
  }

  /** Executes the next command; false: there is none. */
  next(): boolean {
    const { input, parser } = this;
    if (!input.has(1)) {
      if (this.inTransaction) this.cutOff("a transaction without its EXEC", this.multiOffset);
      return false;
    }
    if (input.bytes[input.position] === NOTE) return this.skipNote();
    for (;;) {
      parser.reset();
      const result = parser.next(input.bytes, input.position, input.end);
      if (result === REQUEST) break;
      if (result !== INCOMPLETE) throw input.damaged("no command stands here");
      if (!input.has(Math.max(parser.needed, input.end - input.position + 1))) {
        this.cutOff("a command", input.offset);
        return false;
      }
    }
    this.take(input.bytes, input.position, parser.end);
    input.position = parser.end;
    return true;
  }

  private cutOff(what: string, at: number): void {
    if (this.last && this.options.allowTruncated) {
      this.importer.skip(`${what} that was cut off`);
      this.input.position = this.input.end;
      return;
    }
    throw new RdbError(
      "damaged",
      `${what} is cut off${this.last ? "; --allow-truncated leaves it out, as redis-server does" : ""}`,
      at,
    );
  }

  private skipNote(): boolean {
    const { input } = this;
    for (let i = 0; i < NOTE_BYTES_MAX && input.has(1); i++)
      if (input.bytes[input.position++] === LINE_FEED) return true;
    if (input.has(1)) throw input.damaged("a note without an end");
    return true;
  }

  private take(bytes: Uint8Array, start: number, end: number): void {
    const { importer, parser, input } = this;
    const { call, journal } = importer.engine;
    call.input = bytes;
    call.args = parser.args;
    call.first = 0;
    call.argc = parser.argc;
    call.hashed = false;
    const name = call.argc > 0 && call.length(0) <= 8 ? call.text(0).toUpperCase() : "";
    if (name === "MULTI") {
      if (this.inTransaction) throw input.damaged("a transaction in a transaction");
      this.inTransaction = true;
      this.multiOffset = input.offset;
    } else if (name === "EXEC") {
      if (!this.inTransaction) throw input.damaged("EXEC without MULTI");
      this.inTransaction = false;
      journal.beginUnit();
      for (const request of this.queued) {
        parser.reset();
        parser.next(request, 0, request.length);
        call.input = request;
        call.args = parser.args;
        call.argc = parser.argc;
        this.execute(0, request.length);
      }
      journal.endUnit();
      this.queued.length = 0;
      // The parser is asked once more where EXEC ends.
      parser.reset();
      parser.next(bytes, start, end);
    } else if (this.inTransaction) this.queued.push(bytes.slice(start, end));
    else this.execute(start, end);
  }

  private execute(start: number, end: number): void {
    const { importer, input } = this;
    const { call, table, executor, journal } = importer.engine;
    const id = table.lookup(call.input, call.start(0), call.length(0));
    const name = call.text(0).slice(0, 32);
    if (id === UNKNOWN_COMMAND) {
      if (this.options.skipUnsupported) return importer.skip(`command ${name}`);
      throw new RdbError("unsupported", `command ${name}, which Emberlog doesn't know`, input.offset);
    }
    const arity = table.arity[id]!;
    if (arity > 0 ? call.argc !== arity : call.argc < -arity)
      throw input.damaged(`a wrong number of arguments for ${name}`);
    if (end - start > EFFECT_BYTES_EXTRA) importer.reserve((end - start) * 2 + EFFECT_BYTES_EXTRA);
    const { reply } = call;
    const { errors, position } = reply;
    executor.run(call, id, start, end);
    journal.effects.finish();
    const failed = reply.errors !== errors;
    const text = failed
      ? Buffer.from(reply.bytes.subarray(position, Math.min(reply.position, position + 200)))
          .toString("latin1")
          .trim()
      : "";
    reply.position = position;
    if (failed) throw new EmberlogError("IMPORT_REFUSED", `${name} was answered with an error (${text})`);
    importer.counts.commands++;
  }
}
