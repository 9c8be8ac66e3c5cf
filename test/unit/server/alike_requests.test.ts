/**
 * Requests of a pipeline that are executed at once, because they are alike, against the same requests executed one by one: the same replies,
 * the same nodes, the same log and the same counts, whatever lists, types and settings they meet.
 *
 * `EMBERLOG_SEED=7 npx vitest run test/unit/server/alike_requests.test.ts` replays a run.
 */
import { describe, expect, it } from "vitest";
import { latin1 } from "../../../src/base/bytes.ts";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { datasetCommands } from "../../../src/command/commands.ts";
import { CommandTable } from "../../../src/command/table.ts";
import { stateDigest } from "../../../src/dataset/digest.ts";
import { EVENT_LIST } from "../../../src/dataset/key_events.ts";
import { listShape } from "../../../src/dataset/list/shape.ts";
import { ENCODING_BIG, TYPE_LIST } from "../../../src/dataset/types.ts";
import type { CommitLog } from "../../../src/engine/engine.ts";
import { DATA, INPUT_ROW_WORDS, OPENED, OUTPUT_ROW_WORDS } from "../../../src/platform/transport.ts";
import { RequestWriter } from "../../../src/protocol/request_writer.ts";
import { scratchServer } from "../../../src/server/warm_up.ts";
import { entryEncoding, entryType } from "../../../src/structure/entry.ts";
import { FakeClock } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

const SEED = Number(process.env["EMBERLOG_SEED"] ?? Date.now() % 1_000_000);
const CONNECTIONS = 3;
const KEYS = ["a", "b", "c"];

/** Keeps what it is given. */
class KeptLog implements CommitLog {
  readonly reserveErrno = 0;
  readonly releasedSequence = Number.POSITIVE_INFINITY;
  readonly congested = false;
  readonly refusal = undefined;
  effects = "";
  commands = 0;
  private readonly buffer = new Uint8Array(1 << 20);
  payloadBytes = (): Uint8Array => this.buffer;
  payloadStart = (): number => 0;
  reserve = (): boolean => true;
  cohort = (): void => {};
  syncDueUs = (): number => -1;
  commit(bytes: Uint8Array, end: number, commands: number): void {
    this.effects += latin1(bytes, 0, end);
    this.commands += commands;
  }
}

class Subject {
  readonly log = new KeptLog();
  readonly replies = Array.from({ length: CONNECTIONS }, () => "");
  readonly events: string[] = [];
  readonly table = new CommandTable(datasetCommands);
  readonly server = scratchServer(this.table, new FakeClock(1e12), CONNECTIONS, {});
  private opened = false;

  constructor(size: number, depth: number, events: boolean) {
    const { engine } = this.server;
    engine.attachLog(this.log, 0);
    engine.dataset.limits.listListpackSize = size;
    engine.dataset.limits.listCompressDepth = depth;
    if (!events) return;
    engine.dataset.events.mask = EVENT_LIST;
    engine.dataset.events.sink = (name, _database, key, offset, length) =>
      this.events.push(`${name} ${latin1(key, offset, offset + length)}`);
  }

  /** Executes requests of one connection each in one turn. */
  run(rows: readonly { slot: number; requests: readonly string[][] }[]): void {
    const { turns, regions } = this.server;
    const writer = new RequestWriter(regions.input);
    writer.use(regions.input, 0);
    rows.forEach(({ slot, requests }, row) => {
      const start = writer.position;
      for (const args of requests) {
        writer.begin(args.length);
        for (const arg of args) writer.text(arg);
      }
      const flags = this.opened ? DATA : OPENED | DATA;
      regions.inputTable.set([slot, start, writer.position - start, flags], row * INPUT_ROW_WORDS);
    });
    this.opened = true;
    const ready = turns.run(rows.length);
    for (let row = 0; row < ready; row++) {
      const [slot, offset, length] = regions.outputTable.subarray(row * OUTPUT_ROW_WORDS);
      this.replies[slot!] += latin1(regions.output, offset!, offset! + length!);
    }
  }

  get state(): unknown {
    const { engine } = this.server;
    const { dataset, executor } = engine;
    verifyDataset(dataset);
    const shapes = KEYS.map((key) => {
      const bytes = Uint8Array.from(key, (c) => c.charCodeAt(0));
      const database = dataset.database(0);
      const entry = database.find(bytes, 0, bytes.length, database.hash(bytes, 0, bytes.length));
      if (entry === 0 || entryType(dataset.arena, entry) !== TYPE_LIST) return undefined;
      return entryEncoding(dataset.arena, entry) === ENCODING_BIG ? listShape(dataset, entry).nodeBytes : "small";
    });
    const { dirty, sequence } = engine.journal;
    const { commands, calls, failed } = executor;
    const hash = dataset.database(0).hash(Uint8Array.of(97), 0, 1);
    return {
      shapes,
      digest: stateDigest(dataset),
      replies: this.replies,
      effects: this.log.effects,
      logged: this.log.commands,
      events: this.events,
      counts: { dirty, sequence, commands, calls: [...calls], failed: [...failed] },
      position: engine.journal.positionOf(0, hash),
    };
  }
}

class Source {
  private readonly random: Random;
  private readonly bytesMax: number;

  constructor(random: Random, bytesMax: number) {
    this.random = random;
    this.bytesMax = bytesMax;
  }

  private below(bound: number): number {
    return uniform(this.random, bound);
  }

  private key(): string {
    return KEYS[this.below(KEYS.length)]!;
  }

  private text(): string {
    const dice = this.below(6);
    if (dice === 0) return String(this.below(300) - 150);
    if (dice === 1) return String(this.random.int32() * 100_000);
    return String.fromCharCode(97 + this.below(3)).repeat(this.below(dice === 2 ? this.bytesMax : 40));
  }

  /** Some requests, mostly alike. */
  some(): string[][] {
    const count = 1 + this.below(this.below(3) === 0 ? 40 : 6);
    const one = this.draw();
    return Array.from({ length: count }, () => (this.below(30) === 0 ? this.draw()() : one()));
  }

  /** Makes requests of one kind on one key. */
  private draw(): () => string[] {
    const key = this.key();
    const other = this.key();
    const ends = ["LEFT", "RIGHT"];
    const [from, to] = [ends[this.below(2)]!, ends[this.below(2)]!];
    const push = ["LPUSH", "RPUSH", "lpush", "rPush", "LPUSHX", "RPUSHX"][this.below(6)]!;
    const pop = ["LPOP", "RPOP", "rpop"][this.below(3)]!;
    const kind = this.below(20);
    if (kind < 7) return () => [push, key, this.text()];
    if (kind < 8) return () => [push, key, this.text(), this.text()];
    if (kind < 13) return () => [pop, key];
    if (kind < 14) return () => [pop, this.key()];
    if (kind < 15) return () => [pop, key, String(this.below(4))];
    if (kind < 17) return () => ["LMOVE", key, other, from, to];
    if (kind < 18) return () => ["LMOVE", key, key, from, this.below(9) === 0 ? "LEFT" : to];
    if (kind < 19) return () => [["LLEN", "LRANGE", "LPUSH", "STRLEN"][this.below(4)]!, key];
    return () => (this.below(4) === 0 ? [["DEL", "SET"][this.below(2)]!, key, "x"] : ["RPOPLPUSH", key, key]);
  }
}

function check(size: number, depth: number, bytesMax: number, seed: number, events = false): void {
  const random = seededRandom(seed);
  const source = new Source(random, bytesMax);
  const together = new Subject(size, depth, events);
  const single = new Subject(size, depth, events);
  for (let turn = 0; turn < 80; turn++) {
    const rows = Array.from({ length: 1 + uniform(random, CONNECTIONS) }, (_, slot) => ({
      slot,
      requests: Array.from({ length: 1 + uniform(random, 3) }, () => source.some()).flat(),
    }));
    together.run(rows);
    for (const { slot, requests } of rows) for (const args of requests) single.run([{ slot, requests: [args] }]);
    if (turn % 10 !== 9) continue;
    expect(together.state, `seed ${seed}, turn ${turn}`).toEqual(single.state);
  }
}

describe(`requests executed at once, seed ${SEED}`, () => {
  it("lists of a few elements a node", () => check(3, 0, 100, SEED));
  it("nodes of four elements, compressed", () => check(4, 1, 400, SEED + 1));
  it("nodes of 4 KiB", () => check(-1, 0, 600, SEED + 2));
  it("the usual nodes", () => check(-2, 0, 3000, SEED + 3));
  it("elements beyond the limit", () => check(-1, 2, 6000, SEED + 4));
  it("with somebody listening", () => check(5, 0, 100, SEED + 5, true));
});
