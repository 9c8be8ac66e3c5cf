/**
 * Random commands of all groups against what the arena promises, whatever they do: every write is announced to the barrier before it
 * happens, both tables of a database agree about expiry, nothing is leaked, and where address space runs out nothing has changed.
 *
 * What replies say is other tests' business; here each run ends with an empty dataset that takes exactly the memory of a fresh one.
 */
import { describe, expect, test } from "vitest";
import { type Random, seededRandom, uniform } from "../../src/base/random.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import type { Arena } from "../../src/memory/arena.ts";
import { BarrierCheck } from "../../src/memory/barrier_check.ts";
import { NIL, PAGE_BYTES, SEGMENT_BYTES } from "../../src/memory/layout.ts";
import { EngineClient } from "../support/engine_client.ts";
import { verifyDataset } from "../support/verify_dataset.ts";
import { withSeed } from "./memory_seed.ts";

const FILE = "test/model/engine_memory.test.ts";
const DATABASES = 3;
const KEYS = 1000;
const START = 1_700_000_000_000;
/** Lengths about which the form of a value changes: inline, a block, chunks. */
const LENGTHS = [0, 3, 20, 44, 60, 200, 700, 960, 1000, 1100, 5000, 17_000, 70_000];

/** Every fifth key is long. */
function keyName(n: number): string {
  return n % 5 === 4 ? `key${n}`.padEnd(300 + n, "x") : `key${n}`;
}

function randomCommand(random: Random, keys: number, lengths: readonly number[]): string[] {
  const pick = (bound: number): number => uniform(random, bound);
  const key = (): string => keyName(pick(keys));
  const text = (): string => {
    if (pick(4) === 0) return String(pick(20_000));
    return "v".repeat(pick((lengths[pick(lengths.length)] ?? 0) + 1));
  };
  const number = (bound: number): string => String(pick(bound));
  const time = (): string[] => {
    switch (pick(7)) {
      case 0:
        return ["EX", String(1 + pick(5))];
      case 1:
        return ["PX", String(1 + pick(4000))];
      case 2:
        return ["PXAT", String(START + 1 + pick(200_000))];
      case 3:
        return ["EXAT", String(START / 1000 + 1 + pick(200))];
      case 4:
        return ["KEEPTTL"];
      default:
        return [];
    }
  };
  const offset = (): string => number(pick(3) === 0 ? (lengths[lengths.length - 1] ?? 1) : 60);
  const commands: (() => string[])[] = [
    () => ["SET", key(), text(), ...time()],
    () => ["SET", key(), text(), ...time(), pick(2) === 0 ? "NX" : "XX"],
    () => ["SET", key(), text(), "GET", ...time()],
    () => ["SETEX", key(), String(1 + pick(5)), text()],
    () => ["PSETEX", key(), String(1 + pick(3000)), text()],
    () => ["SETNX", key(), text()],
    () => ["GETSET", key(), text()],
    () => ["GETDEL", key()],
    () => ["GETEX", key(), ...(pick(3) === 0 ? ["PERSIST"] : time().filter((word) => word !== "KEEPTTL"))],
    () => ["GET", key()],
    () => ["MGET", key(), key(), key()],
    () => ["MSET", key(), text(), key(), text()],
    () => ["MSETNX", key(), text(), key(), text()],
    () => ["APPEND", key(), text()],
    () => ["SETRANGE", key(), offset(), text()],
    () => ["GETRANGE", key(), "0", "-1"],
    // Beyond 1 MiB a value is a list of chunks.
    () => (pick(6) === 0 ? ["SETRANGE", key(), String(1_000_000 + pick(1_400_000)), "tail"] : ["STRLEN", key()]),
    () => ["INCR", key()],
    () => ["DECRBY", key(), number(1000)],
    () => ["INCRBYFLOAT", key(), "1.5"],
    () => ["SETBIT", key(), number(pick(3) === 0 ? 100_000 : 600), number(2)],
    () => ["BITFIELD", key(), "SET", "u16", number(500), number(65_536), "INCRBY", "i32", number(500), "7"],
    () => ["BITOP", ["AND", "OR", "XOR"][pick(3)] ?? "OR", key(), key(), key()],
    () => ["BITOP", "NOT", key(), key()],
    () => ["DEL", key(), key()],
    () => ["UNLINK", key()],
    () => ["PERSIST", key()],
    () => ["EXPIRE", key(), String(pick(6) - 1), ...(pick(2) === 0 ? [["NX", "XX", "GT", "LT"][pick(4)] ?? "NX"] : [])],
    () => ["PEXPIRE", key(), String(pick(4000) - 100)],
    () => ["PEXPIREAT", key(), String(START + pick(200_000))],
    () => [pick(2) === 0 ? "RENAME" : "RENAMENX", key(), key()],
    () => [
      "COPY",
      key(),
      key(),
      ...(pick(2) === 0 ? ["DB", number(DATABASES)] : []),
      ...(pick(2) === 0 ? ["REPLACE"] : []),
    ],
    () => ["MOVE", key(), number(DATABASES)],
    () => ["SELECT", number(DATABASES)],
    () => (pick(6) === 0 ? ["SWAPDB", number(DATABASES), number(DATABASES)] : ["RANDOMKEY"]),
    () => (pick(30) === 0 ? [pick(2) === 0 ? "FLUSHDB" : "FLUSHALL", pick(2) === 0 ? "ASYNC" : "SYNC"] : ["DBSIZE"]),
    () => ["SCAN", "0", "COUNT", "20"],
    () => ["TOUCH", key(), key()],
  ];
  return (commands[pick(commands.length)] ?? (() => ["PING"]))();
}

/** Copies pages aside before they are written for the first time; then the arena can be put together as it was. */
class FrozenPages {
  private readonly arena: Arena;
  private readonly before: Uint8Array[] = [];
  private readonly aside = new Map<number, Uint8Array>();

  constructor(arena: Arena) {
    this.arena = arena;
    for (let i = 0; i < arena.segmentCount; i++) this.before.push(arena.bytes[arena.firstSegment + i]!.slice());
    arena.setFreezeHook({
      beforeWrite: (segment, offset, length) => {
        for (let page = offset >>> 12; page << 12 < offset + length; page++) this.copyAside(segment, page);
      },
    });
  }

  private copyAside(segment: number, page: number): void {
    const number = segment * (SEGMENT_BYTES / PAGE_BYTES) + page;
    if (this.aside.has(number)) return;
    this.aside.set(number, this.arena.bytes[segment]!.slice(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
  }

  /** Pages that are not what they were, though nobody said that they would change. */
  end(): string[] {
    const { arena } = this;
    arena.setFreezeHook(null);
    const wrong: string[] = [];
    this.before.forEach((before, i) => {
      const segment = arena.firstSegment + i;
      const live = arena.bytes[segment]!;
      for (let page = 0; page < SEGMENT_BYTES / PAGE_BYTES; page++) {
        const start = page * PAGE_BYTES;
        const image =
          this.aside.get(segment * (SEGMENT_BYTES / PAGE_BYTES) + page) ?? live.subarray(start, start + PAGE_BYTES);
        if (Buffer.compare(image, before.subarray(start, start + PAGE_BYTES)) !== 0) wrong.push(`${segment}:${page}`);
      }
    });
    return wrong;
  }
}

function newClient(seed: number, firstSegment: number, bytesMax: number): EngineClient {
  return new EngineClient({ seed, nowMs: START, databases: DATABASES, recording: true, firstSegment, bytesMax });
}

/** Access times are written past the barrier on purpose: with all of them at the present second none is until the clock moves on. */
function touchAll(client: EngineClient): void {
  for (let database = 0; database < DATABASES; database++) {
    client.command("SELECT", database);
    for (let n = 0; n < KEYS; n++) client.command("TOUCH", keyName(n));
  }
}

/** Removes everything; what is allocated then is what an empty dataset takes. */
function expectNothingLeaked(client: EngineClient): void {
  const { dataset } = client.engine;
  client.command("FLUSHALL", "SYNC");
  expect(dataset.releasingCount).toBe(0);
  expect(dataset.allocator.allocatedBytes).toBe(dataset.memory.startBytes);
}

function runFrozen(seed: number, firstSegment: number): void {
  const random = seededRandom(seed);
  const client = newClient(seed, firstSegment, 4 * SEGMENT_BYTES);
  const { arena, dataset } = client.engine;
  const replica = newClient(seed, firstSegment, 8 * SEGMENT_BYTES);
  const run = (commands: number): void => {
    for (let i = 0; i < commands; i++) {
      client.command(...randomCommand(random, KEYS, LENGTHS));
      if (i % 20 === 7) dataset.expireStep(() => uniform(random, 20) > 0);
      if (i % 20 === 17) dataset.releaseStep();
    }
  };
  for (let round = 0; round < 8; round++) {
    for (let n = 0; dataset.keyCount < KEYS; n++) {
      client.command("SELECT", n % DATABASES);
      client.command("SET", keyName(n % KEYS), "v".repeat(uniform(random, 1500)), "PX", 1 + uniform(random, 100_000));
    }
    run(300);
    client.clock.advance(uniform(random, 3000));
    touchAll(client);
    const digest = stateDigest(dataset);
    const frozen = new FrozenPages(arena);
    const barrier = new BarrierCheck(arena);
    // Few, so that most pages and blocks are written once at most.
    run(80);
    expect(barrier.violations(3)).toEqual([]);
    expect(frozen.end()).toEqual([]);
    expect(stateDigest(dataset)).not.toBe(digest);
    expect(verifyDataset(dataset)).toEqual([]);
    replica.replay(client.takeEffects());
    expect(stateDigest(replica.engine.dataset)).toBe(stateDigest(dataset));
    expect(verifyDataset(replica.engine.dataset)).toEqual([]);
  }
  expectNothingLeaked(client);
  expectNothingLeaked(replica);
}

/** All address space is taken but for a few small blocks, so that every kind of allocation fails now and then. */
function runFull(seed: number): void {
  const random = seededRandom(seed);
  const client = newClient(seed, 0, SEGMENT_BYTES);
  const replica = newClient(seed, 0, 8 * SEGMENT_BYTES);
  const { allocator } = client.engine.dataset;
  const sizes = [1 << 20, 1 << 16, 1 << 14, 4096, 1024, 256, 64];
  const held: [number, number][] = [];
  for (const bytes of sizes) {
    for (let block = allocator.allocate(bytes); block !== NIL; block = allocator.allocate(bytes))
      held.push([block, bytes]);
  }
  let refused = 0;
  for (let i = 0; i < 12_000; i++) {
    if (i % 300 === 0 && held.length > 0) {
      // A little space, of one or another size.
      for (let n = uniform(random, 6); n >= 0 && held.length > 0; n--) {
        const at = uniform(random, 2) === 0 ? held.length - 1 : uniform(random, held.length);
        const [block, bytes] = held.splice(at, 1)[0]!;
        if (bytes > 1 << 14 && uniform(random, 4) > 0) held.push([block, bytes]);
        else allocator.free(block, bytes);
      }
    }
    if (uniform(random, 10) === 0) client.clock.advance(uniform(random, 300));
    const args = randomCommand(random, 200, LENGTHS);
    const state = i % 40 === 0 ? stateDigest(client.engine.dataset) : "";
    replica.replay(client.takeEffects());
    const reply = client.command(...args);
    if (reply.startsWith("-OOM")) {
      refused++;
      const effects = client.takeEffects();
      // A key whose time has come may have gone meanwhile, and nothing else.
      if (state !== "" && effects.length === 0)
        expect(stateDigest(client.engine.dataset), args.join(" ").slice(0, 200)).toBe(state);
      replica.replay(effects);
    }
    if (i % 50 === 0) client.engine.dataset.expireStep(() => true);
    if (i % 50 === 25) client.engine.dataset.releaseStep();
    if (i % 1000 !== 999) continue;
    expect(verifyDataset(client.engine.dataset)).toEqual([]);
    replica.replay(client.takeEffects());
    expect(stateDigest(replica.engine.dataset)).toBe(stateDigest(client.engine.dataset));
  }
  expect(refused).toBeGreaterThan(20);
  for (const [block, bytes] of held) allocator.free(block, bytes);
  expectNothingLeaked(client);
}

describe("random commands", () => {
  for (const firstSegment of [0, 255]) {
    test(`write nothing past the barrier, first segment ${firstSegment}`, () =>
      withSeed(FILE, (seed) => runFrozen(seed, firstSegment)));
  }
  test("without address space change nothing and leak nothing", () => withSeed(FILE, (seed) => runFull(seed)));
});
