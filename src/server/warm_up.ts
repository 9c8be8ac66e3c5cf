/**
 * Runs the hot paths on a scratch dataset before the server says that it is ready: V8 optimises what has run often, and the first seconds
 * after a start would otherwise be two to three times slower, with single turns of many milliseconds.
 *
 * The scratch engine has an arena of its own and turns of its own over a transport that only counts, so that the very functions that will
 * serve clients are the ones that get warm, with the shapes of objects that they will see. Nothing of it is kept.
 */
import type { Clock } from "../base/clock.ts";
import { seededRandom, uniform } from "../base/random.ts";
import { datasetCommands } from "../command/commands.ts";
import { CommandTable } from "../command/table.ts";
import { Engine, type EngineOptions } from "../engine/engine.ts";
import { DATA, makeRegions, OPENED, type Transport, type TransportRegions } from "../platform/transport.ts";
import { RequestWriter } from "../protocol/request_writer.ts";
import { Connection } from "./connection.ts";
import { TurnRunner } from "./turn.ts";
import type { TurnHost } from "./turn_host.ts";

const CONNECTIONS = 32;
const SHAPES_MS = 20;
/** Keys that the scratch dataset grows to: enough for a table with a directory of extents. */
const KEYS = 40_000;

/** Runs for `budgetMs` at most. `table` is the server's own, so that its handlers get warm; its statistics are not touched. */
export function warmUp(table: CommandTable, clock: Clock, budgetMs: number): void {
  const endUs = clock.monotonicUs() + budgetMs * 1000;
  const { engine, turns, regions } = scratchServer(table, clock, CONNECTIONS, { bytesMax: 64 * 1024 * 1024 });
  const random = seededRandom(2);
  const writer = new RequestWriter(regions.input);
  for (let turn = 0; clock.monotonicUs() < endUs; turn++) {
    const pipeline = PIPELINES[turn % PIPELINES.length]!;
    const rows = Math.min(CONNECTIONS, 512 / pipeline);
    writer.use(regions.input, 0);
    for (let row = 0; row < rows; row++) {
      const start = writer.position;
      // Some pipelines are of one command, whose requests may be executed at once.
      const same = (random.int32() & 3) === 0;
      let dice = random.int32();
      for (let i = 0; i < pipeline; i++) {
        writeRequest(writer, dice, uniform(random, KEYS));
        if (!same) dice = random.int32();
      }
      regions.inputTable.set([row, start, writer.position - start, turn === 0 ? OPENED | DATA : DATA], row * 4);
    }
    turns.run(rows);
    age(engine, turn);
  }
}

/** What the timer does later: expiry after each turn, and now and then everything is flushed and freed in steps. */
function age(engine: Engine, turn: number): void {
  const { dataset } = engine;
  engine.beginTurn();
  dataset.setTime(dataset.nowMs + 10);
  let buckets = 0;
  dataset.expireStep(() => ++buckets < 16);
  if (turn % 128 === 127) dataset.flush(0, false);
  for (let step = 0; step < 8 && dataset.releaseStep(); step++);
  engine.commit();
}

const PIPELINES = [1, 16, 16, 4];

/** Mostly SET and GET, with some of everything that is usual; a quarter works on collections. */
function writeRequest(writer: RequestWriter, dice: number, key: number): void {
  if (((dice >>> 16) & 3) === 0) {
    writeCollectionRequest(writer, dice, key);
    return;
  }
  const name = `warm:${String(key).padStart(11, "0")}`;
  const kind = dice & 63;
  if (kind < 26) request(writer, "SET", name, VALUES[(dice >>> 8) & 3]!);
  else if (kind < 52) request(writer, "GET", name);
  else if (kind < 54) request(writer, "INCR", `count:${key & 255}`);
  else if (kind < 56) request(writer, "DEL", name);
  else if (kind < 57) request(writer, "SET", name, "short", "EX", "1000");
  else if (kind < 58) request(writer, "SET", `brief:${key}`, "short", "PX", "5");
  else if (kind < 59) request(writer, "EXPIRE", name, "1000");
  else if (kind < 60) request(writer, "MGET", name, "warm:00000000001");
  else if (kind < 61) request(writer, "MSET", name, "x", "warm:00000000002", "y");
  else if (kind < 62) request(writer, "EXISTS", name);
  else if (kind < 63) request(writer, "TTL", name);
  else request(writer, "APPEND", `log:${key & 1023}`, "x");
}

/** Each type small and packed under many keys, and large under one. */
function writeCollectionRequest(writer: RequestWriter, dice: number, key: number): void {
  const small = String(key & 255);
  const large = (dice & 64) !== 0;
  const member = `member:${String(key).padStart(8, "0")}`;
  const list = large ? "list" : `list:${small}`;
  const hash = large ? "hash" : `hash:${small}`;
  const set = large ? "set" : `set:${small}`;
  const zset = large ? "zset" : `zset:${small}`;
  const kind = dice & 31;
  if (kind < 4) request(writer, (kind & 1) === 0 ? "LPUSH" : "RPUSH", list, VALUES[(dice >>> 8) & 3]!);
  else if (kind < 7) request(writer, (kind & 1) === 0 ? "LPOP" : "RPOP", list);
  else if (kind < 8) request(writer, "LRANGE", list, "0", "49");
  else if (kind < 12) request(writer, "HSET", hash, large ? member : `field:${key & 15}`, VALUES[(dice >>> 8) & 3]!);
  else if (kind < 14) request(writer, "HGET", hash, large ? member : `field:${key & 15}`);
  else if (kind < 15) request(writer, "HGETALL", `hash:${small}`);
  else if (kind < 16) request(writer, "HINCRBY", hash, "count", "1");
  else if (kind < 19) request(writer, "SADD", set, large ? member : small);
  else if (kind < 20) request(writer, "SISMEMBER", set, member);
  else if (kind < 22) request(writer, "SPOP", set);
  else if (kind < 23) request(writer, "SREM", set, member);
  else if (kind < 27) request(writer, "ZADD", zset, String(key % 5000), large ? member : `m${key & 63}`);
  else if (kind < 28) request(writer, "ZRANGE", zset, "0", "49");
  else if (kind < 29) request(writer, "ZSCORE", zset, member);
  else if (kind < 30) request(writer, "ZINCRBY", zset, "1", member);
  else if (kind < 31) request(writer, "ZPOPMIN", zset);
  else request(writer, "HDEL", hash, large ? member : `field:${key & 15}`);
}

const VALUES = ["value", "v".repeat(32), "w".repeat(100), "12345"];

function request(writer: RequestWriter, ...args: string[]): void {
  writer.begin(args.length);
  for (const arg of args) writer.text(arg);
}

/**
 * To be called before the server's own objects are made: what fields hold (numbers with a fraction, objects instead of nothing) decides the
 * shapes that V8 gives to all objects of a class, and code that was optimised for the final ones is thrown away at the first object that
 * was made before.
 */
export function settleShapes(clock: Clock): void {
  warmUp(new CommandTable(datasetCommands), clock, SHAPES_MS);
}

/** An engine and its turns with so many connections and nobody behind them: what lies in `regions.input` is executed by `turns.run`. */
export function scratchServer(
  table: CommandTable,
  clock: Clock,
  clients: number,
  memory: Pick<EngineOptions, "memoryCalls" | "bytesMax">,
): { engine: Engine; turns: TurnRunner; regions: TransportRegions } {
  const regions = makeRegions({ onTurn: () => 0, slotsMax: clients });
  const engine = new Engine({ clock, random: seededRandom(1), table, databases: 1, ...memory });
  const peer = { peerAddress: "", localAddress: "", descriptor: -1, local: true };
  const connections = Array.from({ length: clients }, (_, slot) => new Connection(slot, slot, peer, 0));
  const host: TurnHost = {
    opened: () => undefined,
    connection: (slot) => connections[slot],
    closed: () => {},
    protocolError: () => {},
    outputGrew: () => {},
    outputExceeded: () => {},
    queryBytesMax: Number.POSITIVE_INFINITY,
    paused: "no",
  };
  const turns = new TurnRunner(engine, scratchTransport(regions), host, { serve: () => {}, forget: () => {} });
  engine.setReplySink(turns);
  return { engine, turns, regions };
}

/** A transport that sends nowhere. */
function scratchTransport(regions: TransportRegions): Transport {
  const refuse = (): never => {
    throw new Error("the scratch transport has no sockets");
  };
  const ignore = (): void => {};
  return {
    kind: "net",
    ...regions,
    listenTcp: refuse,
    listenUnix: refuse,
    closeListener: ignore,
    setKeepAlive: ignore,
    send: ignore,
    flush: ignore,
    close: ignore,
    release: ignore,
    pauseReading: ignore,
    resumeReading: ignore,
    peerAddress: () => "",
    localAddress: () => "",
    descriptor: () => -1,
    listenerOf: () => -1,
    attachLog: ignore,
    wake: ignore,
    wakeAfter: ignore,
    acceptError: () => 0,
    stop: ignore,
  };
}
