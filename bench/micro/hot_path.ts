/**
 * The steps of a turn one by one, with tinybench: splitting requests, finding and running a command, and making a frame of the log.
 * Each figure is for a batch; divide by its size.
 */
import { Bench } from "tinybench";
import { systemClock } from "../../src/base/clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { datasetCommands } from "../../src/command/commands.ts";
import { CommandTable } from "../../src/command/table.ts";
import { Engine } from "../../src/engine/engine.ts";
import { FRAME_HEADER_BYTES } from "../../src/log/format.ts";
import { LogBuffer } from "../../src/log/log_buffer.ts";
import { crc32c } from "../../src/platform/checksum.ts";
import { RequestParser } from "../../src/protocol/request_parser.ts";
import { RequestWriter } from "../../src/protocol/request_writer.ts";

const BATCH = 256;
const KEYS = 10_000;
const value = "v".repeat(32);

/** BATCH requests over random keys, one behind the other. */
function requests(name: "GET" | "SET"): Uint8Array {
  const random = seededRandom(7);
  const writer = new RequestWriter(new Uint8Array(64 * 1024));
  for (let i = 0; i < BATCH; i++) {
    const key = `key:${String((random.int32() >>> 0) % KEYS).padStart(12, "0")}`;
    writer.begin(name === "SET" ? 3 : 2);
    for (const arg of name === "SET" ? [name, key, value] : [name, key]) writer.text(arg);
  }
  return writer.bytes.slice(0, writer.position);
}

const parser = new RequestParser();
const starts = new Int32Array(BATCH + 1);

function parse(bytes: Uint8Array): void {
  parser.reset();
  let at = 0;
  for (let i = 0; i < BATCH; i++) {
    starts[i] = at;
    parser.next(bytes, at, bytes.length);
    at = parser.end;
  }
  starts[BATCH] = at;
}

const engine = new Engine({
  clock: systemClock,
  random: seededRandom(1),
  table: new CommandTable(datasetCommands),
  databases: 1,
});

/** Looks up and executes what `parse` found, without a log. */
function dispatch(bytes: Uint8Array): void {
  const { call, executor, table } = engine;
  engine.beginTurn();
  call.input = bytes;
  call.args = parser.args;
  call.hashed = false;
  let first = 0;
  for (let i = 0; i < BATCH; i++) {
    const argc = bytes === sets ? 3 : 2;
    call.first = first;
    call.argc = argc;
    call.reply.position = 0;
    const id = table.lookup(bytes, parser.args[first << 1]!, parser.args[(first << 1) + 1]!);
    executor.execute(call, id, starts[i]!, starts[i + 1]!);
    first += argc;
  }
  engine.commit();
}

const sets = requests("SET");
const gets = requests("GET");
const buffer = new LogBuffer(new Uint8Array(256 * 1024));

const bench = new Bench({ time: 500, warmupTime: 200 });
bench
  .add(`parse ${BATCH} SET`, () => parse(sets))
  .add(`parse ${BATCH} GET`, () => parse(gets))
  .add(`parse and dispatch ${BATCH} SET`, () => {
    parse(sets);
    dispatch(sets);
  })
  .add(`parse and dispatch ${BATCH} GET`, () => {
    parse(gets);
    dispatch(gets);
  })
  .add(`frame of ${BATCH} SET (${sets.length} bytes), header and checksum`, () => {
    buffer.rewind();
    buffer.bytes.set(sets, FRAME_HEADER_BYTES);
    buffer.commit(sets.length, BATCH, 0, 1, 1, 1);
    crc32c(buffer.bytes, FRAME_HEADER_BYTES, sets.length, 1);
  });
await bench.run();
console.table(bench.table());
