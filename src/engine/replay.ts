/**
 * Applies what the log holds to the dataset: the effects are requests, executed by the same executor, with the clock held so that only
 * logged removals remove, and with their replies dropped.
 *
 * Requests are split and executed in batches with the touching pass in between, for the same reason as in a turn: their cache misses
 * overlap.
 */
import { check } from "../base/check.ts";
import { EmberlogError } from "../base/errors.ts";
import { hashBytes } from "../base/hash.ts";
import { UNKNOWN_COMMAND } from "../command/table.ts";
import { REQUEST, RequestParser } from "../protocol/request_parser.ts";
import type { Engine } from "./engine.ts";

const BATCH_REQUESTS = 512;

export class Replay {
  /** Effects applied. */
  commands = 0;

  private readonly engine: Engine;
  private readonly parser = new RequestParser(BATCH_REQUESTS * 4);
  private readonly first = new Int32Array(BATCH_REQUESTS);
  private readonly argc = new Int32Array(BATCH_REQUESTS);
  private readonly start = new Int32Array(BATCH_REQUESTS);
  private readonly end = new Int32Array(BATCH_REQUESTS);
  private readonly command = new Int32Array(BATCH_REQUESTS);
  private readonly hash = new Int32Array(BATCH_REQUESTS);
  private readonly multiId: number;
  private readonly execId: number;

  constructor(engine: Engine) {
    this.engine = engine;
    engine.dataset.clockHeld = true;
    engine.call.replaying = true;
    this.multiId = idOf(engine, "MULTI");
    this.execId = idOf(engine, "EXEC");
  }

  /** Applies one unit: `commands` requests in `payload[start, end)`, the first numbered `firstSequence`. */
  unit(
    payload: Uint8Array,
    start: number,
    end: number,
    commands: number,
    database: number,
    firstSequence: number,
  ): undefined {
    const { call } = this.engine;
    if (database >= 0 && database < call.dataset.databaseCount) call.db = call.dataset.database(database);
    call.input = payload;
    let at = start;
    let done = 0;
    // A reply of any length is dropped here, and never reaches the sink of a turn that this runs in (DEBUG RELOAD).
    const { reply } = call;
    const muted = reply.muted;
    if (!muted) reply.mute();
    while (at < end) {
      const before = at;
      const count = this.split(payload, at, end);
      if (count === 0) break;
      at = this.end[count - 1]!;
      this.touch(payload, count);
      this.apply(count, firstSequence + done);
      done += count;
      check(at > before, "replay advances");
    }
    if (!muted) reply.unmute();
    if (at !== end || done !== commands) {
      throw new EmberlogError(
        "DATA_ROTTEN",
        `the log's unit at sequence ${firstSequence} should hold ${commands} requests in ${end - start} bytes, but ${done} in ${at - start} bytes were read`,
      );
    }
    this.commands += done;
  }

  /** Ends the replay of a start: time goes on, and nothing of it is counted. */
  finish(): void {
    const { call, dataset, journal, executor } = this.engine;
    this.resumeTime();
    call.db = dataset.database(0);
    journal.dirty = 0;
    executor.resetStatistics(call);
  }

  /** Keys may expire again. */
  resumeTime(): void {
    this.engine.dataset.clockHeld = false;
    this.engine.call.replaying = false;
  }

  private split(payload: Uint8Array, at: number, end: number): number {
    const { parser } = this;
    const { table } = this.engine;
    parser.reset();
    let count = 0;
    while (count < BATCH_REQUESTS && at < end) {
      const first = parser.argCount;
      if (parser.next(payload, at, end) !== REQUEST) break;
      this.first[count] = first;
      this.argc[count] = parser.argc;
      this.start[count] = at;
      this.end[count] = parser.end;
      this.command[count] = table.lookup(payload, parser.args[first << 1]!, parser.args[(first << 1) + 1]!);
      at = parser.end;
      count++;
    }
    this.engine.call.args = parser.args;
    return count;
  }

  private touch(payload: Uint8Array, count: number): void {
    const { call, table } = this.engine;
    const { args } = this.parser;
    const { seed0, seed1 } = call.dataset;
    for (let i = 0; i < count; i++) {
      const id = this.command[i]!;
      if (id === UNKNOWN_COMMAND || table.firstKey[id] !== 1 || this.argc[i]! < 2) {
        this.hash[i] = 0;
        continue;
      }
      const arg = (this.first[i]! + 1) << 1;
      this.hash[i] = hashBytes(payload, args[arg]!, args[arg + 1]!, seed0, seed1);
    }
    call.db.keys.prefetch(this.hash, 0, count);
  }

  private apply(count: number, firstSequence: number): void {
    const { call, table, executor } = this.engine;
    const { reply } = call;
    const base = reply.position;
    for (let i = 0; i < count; i++) {
      const id = this.command[i]!;
      if (id === UNKNOWN_COMMAND) this.refuse(i, firstSequence + i, "is no command that this version knows");
      call.first = this.first[i]!;
      call.argc = this.argc[i]!;
      call.firstHash = this.hash[i]!;
      call.hashed = table.firstKey[id] === 1 && call.argc >= 2;
      if (id === this.multiId || id === this.execId) continue;
      reply.position = base;
      const errors = reply.errors;
      executor.run(call, id, this.start[i]!, this.end[i]!);
      if (reply.errors !== errors)
        this.refuse(i, firstSequence + i, `was answered with an error (${replyText(reply, base)})`);
    }
    reply.position = base;
  }

  /** An effect that can't be applied means that the log and the dataset do not belong together. */
  private refuse(i: number, sequence: number, why: string): never {
    const { call, table } = this.engine;
    const id = this.command[i]!;
    const name = id === UNKNOWN_COMMAND ? call.text(0) : (table.fullNames[id] ?? "");
    throw new EmberlogError("DATA_ROTTEN", `the log's command ${sequence} (${name.slice(0, 32)}) ${why}`);
  }
}

function idOf(engine: Engine, name: string): number {
  const bytes = Uint8Array.from(name, (character) => character.charCodeAt(0));
  return engine.table.lookup(bytes, 0, bytes.length);
}

function replyText(reply: { bytes: Uint8Array; position: number }, start: number): string {
  return Buffer.from(reply.bytes.subarray(start, Math.min(reply.position, start + 200)))
    .toString("latin1")
    .trim();
}
