/**
 * What a request costs from its bytes to its reply's, in whole turns of 50 connections with a pipeline of 16 each, without sockets and
 * without a log: `npx tsx bench/micro/run.ts turns [WORKLOAD …]`, by the names of bench/versus_workloads.ts.
 *
 * Whole requests are what a server spends its own time on; the rest of it, some 0.4 µs a request, is the kernel's. The figures are the
 * fastest tenth and the middle of all turns, ns a request: on a machine that does other things the first is the one to compare.
 */
import { systemClock } from "../../src/base/clock.ts";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { datasetCommands } from "../../src/command/commands.ts";
import { CommandTable } from "../../src/command/table.ts";
import { inlineFurther } from "../../src/platform/optimizer.ts";
import { DATA, INPUT_ROW_WORDS, OPENED } from "../../src/platform/transport.ts";
import { RequestWriter } from "../../src/protocol/request_writer.ts";
import { scratchServer, warmUp } from "../../src/server/warm_up.ts";
import { memoryCalls } from "./memory_calls.ts";

const CONNECTIONS = 50;
const PIPELINE = 16;
const REQUESTS = CONNECTIONS * PIPELINE;
/** Turns that are made beforehand and run again and again. */
const TURNS = 64;
const SECONDS = Number(process.env["TURNS_SECONDS"] ?? 2);
const KEYS = 10_000;
const VALUE = "x".repeat(32);

const random = seededRandom(1);
const digits = (below: number): string => String(uniform(random, below)).padStart(12, "0");

interface Workload {
  request(): string[];
  /** What there must be before, `elements` of it, and again once so many requests have been executed, unless it stays. */
  fill?(): string[];
  elements?: number;
  stays?: true;
}

const filled = (command: string, count: number, element: () => string[]) => (): string[] => [
  ...command.split(" "),
  ...Array.from({ length: count }, element).flat(),
];

const BIG = 400_000;
const workloads: Record<string, Workload> = {
  EXISTS: { request: () => ["EXISTS", "nothing"] },
  GET: { request: () => ["GET", `key:${digits(KEYS)}`] },
  SET: { request: () => ["SET", `key:${digits(KEYS)}`, VALUE] },
  INCR: { request: () => ["INCR", `counter:${digits(KEYS)}`] },
  LPUSH: { request: () => ["LPUSH", "list", VALUE], elements: 2_000_000 },
  RPUSH: { request: () => ["RPUSH", "list", VALUE], elements: 2_000_000 },
  RPOP: { request: () => ["RPOP", "list"], fill: filled("RPUSH list", 1000, () => [VALUE]), elements: BIG },
  LPOP: { request: () => ["LPOP", "list"], fill: filled("RPUSH list", 1000, () => [VALUE]), elements: BIG },
  LMOVE: {
    request: () => ["LMOVE", "list", "list", "RIGHT", "LEFT"],
    fill: filled("RPUSH list", 1000, () => [VALUE]),
    elements: 100_000,
    stays: true,
  },
  ZPOPMIN: {
    request: () => ["ZPOPMIN", "zset"],
    fill: filled("ZADD zset", 1000, () => [digits(1_000_000), `member:${digits(1_000_000_000)}`]),
    elements: BIG,
  },
  "LPUSH 10k lists": { request: () => ["LPUSH", `list:${digits(KEYS)}`, VALUE], elements: 2_000_000 },
  "RPOP 10k lists": {
    request: () => ["RPOP", `list:${digits(KEYS)}`],
    fill: filled(`RPUSH list:%`, 100, () => [VALUE]),
    elements: BIG,
  },
  "LMOVE 10k lists": {
    request: () => ["LMOVE", `list:${digits(KEYS)}`, `list:${digits(KEYS)}`, "RIGHT", "LEFT"],
    fill: filled(`RPUSH list:%`, 100, () => [VALUE]),
    elements: 1_000_000,
    stays: true,
  },
};

// As the program does.
inlineFurther();
const table = new CommandTable(datasetCommands);
warmUp(table, systemClock, 1500);

function measure(name: string, workload: Workload): void {
  const { engine, turns, regions } = scratchServer(table, systemClock, CONNECTIONS, { memoryCalls: memoryCalls() });
  const { cold } = engine.dataset.lists;
  cold.waits = true;
  let opened = false;
  const writer = new RequestWriter(new Uint8Array(regions.input.length));
  const write = (args: readonly string[]): void => {
    writer.begin(args.length);
    for (const arg of args) writer.text(arg);
  };
  /** Rows of one connection each, as they stand in the table. */
  const turn = (): { bytes: Uint8Array; rows: Int32Array } => {
    writer.use(writer.bytes, 0);
    const rows = new Int32Array(CONNECTIONS * INPUT_ROW_WORDS);
    for (let row = 0; row < CONNECTIONS; row++) {
      const start = writer.position;
      for (let i = 0; i < PIPELINE; i++) write(workload.request());
      rows.set([row, start, writer.position - start, DATA], row * INPUT_ROW_WORDS);
    }
    return { bytes: writer.bytes.slice(0, writer.position), rows };
  };
  const one = (args: readonly string[]): void => {
    writer.use(regions.input, 0);
    write(args);
    regions.inputTable.set([0, 0, writer.position, opened ? DATA : OPENED | DATA]);
    opened = true;
    turns.run(1);
    writer.use(new Uint8Array(regions.input.length), 0);
  };
  const fill = (): void => {
    one(["FLUSHALL"]);
    while (engine.dataset.releaseStep() || cold.step());
    const { fill: command, elements } = workload;
    if (command === undefined) return;
    let key = 0;
    for (let at = 0; at < elements! * 1.1; ) {
      const args = command().map((word) => word.replace("%", String(key).padStart(12, "0")));
      key = (key + 1) % KEYS;
      at += (args.length - 2) / (args[0] === "ZADD" ? 2 : 1);
      one(args);
    }
  };
  const made = Array.from({ length: TURNS }, turn);
  const each: number[] = [];
  let spentNs = 0;
  let left = 0;
  for (let i = 0; spentNs < SECONDS * 1e9; i++) {
    if (left < REQUESTS && (i === 0 || workload.elements !== undefined)) {
      fill();
      left = workload.stays === true ? Number.POSITIVE_INFINITY : (workload.elements ?? 0);
    }
    left -= REQUESTS;
    const { bytes, rows } = made[i % TURNS]!;
    regions.input.set(bytes);
    regions.inputTable.set(rows);
    const start = process.hrtime.bigint();
    turns.run(CONNECTIONS);
    const ns = Number(process.hrtime.bigint() - start);
    spentNs += ns;
    each.push(ns / REQUESTS);
  }
  each.splice(0, each.length >> 2);
  each.sort((a, b) => a - b);
  const at = (share: number): string => each[Math.floor(each.length * share)]!.toFixed(0).padStart(6);
  console.log(`${name.padEnd(18)} ${at(0.1)} ${at(0.5)}`);
}

const names = process.argv.slice(2);
console.log("ns a request       10 %  50 %");
for (const name of names.length > 0 ? names : Object.keys(workloads)) {
  const workload = workloads[name];
  if (workload === undefined) throw new Error(`no workload ${name}: ${Object.keys(workloads).join(", ")}`);
  measure(name, workload);
}
