/**
 * Hashes against a naive model: random commands on few keys and fields, with fields that expire while time passes, small and big. Every reply
 * is compared; the effects replayed give the same dataset, so does a reload, and nothing leaks.
 */
import { describe, expect, test } from "vitest";
import { type Random, seededRandom, uniform } from "../../src/base/random.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import { reloadFromMemory } from "../../src/engine/reload.ts";
import { EngineClient } from "../support/engine_client.ts";
import { decodeReply } from "../support/reply_value.ts";
import { verifyDataset } from "../support/verify_dataset.ts";
import { withSeed } from "./memory_seed.ts";

const FILE = "test/model/hashes.test.ts";
const KEYS = ["h", "hash:2", "a-key-that-is-rather-long:3"];
const FIELD_COUNT = 14;
const VALUES = [
  "",
  "0",
  "-7",
  "4096",
  "123456789",
  "9007199254740993",
  "x",
  "some text",
  "y".repeat(70),
  "z".repeat(1500),
];
const NO_FIELD = -2;

interface Field {
  value: string;
  /** ms, -1 for never. */
  expiry: number;
}

class NaiveHashes {
  readonly keys = new Map<string, Map<string, Field>>();
  now = 0;

  /** The living fields of a key; all that is kept, since nobody may see others. */
  of(key: string): Map<string, Field> {
    let fields = this.keys.get(key);
    if (fields === undefined) {
      fields = new Map();
      this.keys.set(key, fields);
    }
    for (const [name, field] of fields) if (field.expiry !== -1 && field.expiry < this.now) fields.delete(name);
    return fields;
  }
}

/** A reply as plain values: texts, numbers, arrays. */
function plain(reply: string): unknown {
  const value = decodeReply(Buffer.from(reply, "latin1"));
  return simple(value);
}

function simple(value: ReturnType<typeof decodeReply>): unknown {
  if ("items" in value) return value.items.map(simple);
  if (!("text" in value)) return null;
  return value.kind === ":" ? Number(value.text) : value.text;
}

class Run {
  readonly client: EngineClient;
  readonly copy: EngineClient;
  private readonly random: Random;
  private readonly model = new NaiveHashes();

  constructor(seed: number, firstSegment: number) {
    this.random = seededRandom(seed);
    this.client = new EngineClient({ seed, recording: true, firstSegment });
    this.copy = new EngineClient({ seed: 2, firstSegment });
    this.model.now = this.client.clock.ms;
    this.limits();
  }

  /** Conversion happens at other sizes now and then, in the copy at others still: what counts is the content. */
  private limits(): void {
    for (const client of [this.client, this.copy]) {
      const { limits } = client.engine.dataset;
      limits.hashListpackEntries = this.pick([0, 3, 8, 512]);
      limits.hashListpackValueBytes = this.pick([5, 64, 2000]);
    }
  }

  private below(bound: number): number {
    return uniform(this.random, bound);
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  private field(): string {
    const i = this.below(FIELD_COUNT);
    return i < 7
      ? `field:${i}`
      : i < 10
        ? String(i * 1000)
        : i < 12
          ? "f".repeat(i * 8)
          : i === 12
            ? ""
            : "long".repeat(70);
  }

  private fields(): string[] {
    return Array.from({ length: 1 + this.below(4) }, () => this.field());
  }

  private time(): number {
    return this.model.now + this.pick([-1000, 0, 1, 20, 500, 5000, 1_000_000]);
  }

  step(): void {
    if (this.below(12) === 0) this.pass();
    if (this.below(60) === 0) this.limits();
    const key = this.pick(KEYS);
    const [request, expected] = this.draw(key);
    const got = plain(this.client.command(...request));
    expect([request, got]).toEqual([request, expected]);
    this.compare(key);
  }

  /** Lets time go on, and active expiry work now and then. */
  private pass(): void {
    this.client.clock.advance(this.pick([1, 5, 30, 600, 20_000]));
    this.model.now = this.client.clock.ms;
    if (this.below(3) !== 0) return;
    this.client.engine.beginTurn();
    this.client.engine.dataset.expireStep(() => true);
    this.client.engine.dataset.expireStep(() => true);
    for (const key of KEYS) {
      const living = this.model.of(key).size;
      expect([key, plain(this.client.command("HLEN", key))]).toEqual([key, living]);
      expect([key, plain(this.client.command("EXISTS", key))]).toEqual([key, living === 0 ? 0 : 1]);
    }
  }

  private compare(key: string): void {
    const flat = plain(this.client.command("HGETALL", key)) as string[];
    const got = new Map<string, string>();
    for (let i = 0; i < flat.length; i += 2) got.set(flat[i]!, flat[i + 1]!);
    const expected = new Map([...this.model.of(key)].map(([name, field]) => [name, field.value]));
    expect(flat.length).toBe(expected.size * 2);
    expect(got).toEqual(expected);
  }

  /** A request and its reply. */
  private draw(key: string): [request: string[], reply: unknown] {
    const fields = this.model.of(key);
    const choice = this.below(24);
    if (choice < 5) return this.setting(key, fields);
    if (choice < 12) return this.expiring(key, fields);
    if (choice < 15) return this.counting(key, fields);
    if (choice < 21) return this.reading(key, fields);
    return this.moving(key, fields);
  }

  private set(fields: Map<string, Field>, name: string, value: string, expiry = -1): number {
    const added = fields.has(name) ? 0 : 1;
    fields.set(name, { value, expiry });
    return added;
  }

  private setting(key: string, fields: Map<string, Field>): [string[], unknown] {
    const names = this.fields();
    const pairs = names.map((name) => [name, this.pick(VALUES)] as const);
    switch (this.below(4)) {
      case 0: {
        const [name, value] = pairs[0]!;
        const added = fields.has(name) ? 0 : this.set(fields, name, value);
        return [["HSETNX", key, name, value], added];
      }
      case 1: {
        const request = ["HDEL", key, ...names];
        return [request, names.filter((name) => fields.delete(name)).length];
      }
      default: {
        let added = 0;
        for (const [name, value] of pairs) added += this.set(fields, name, value);
        return [["HSET", key, ...pairs.flat()], added];
      }
    }
  }

  private expiring(key: string, fields: Map<string, Field>): [string[], unknown] {
    const names = this.fields();
    const list = ["FIELDS", String(names.length), ...names];
    const at = this.time();
    const over = at <= this.model.now;
    switch (this.below(7)) {
      case 0:
      case 1:
      case 2: {
        const condition = this.pick(["", "", "NX", "XX", "GT", "LT"]);
        const codes = names.map((name) => {
          const field = fields.get(name);
          if (field === undefined) return NO_FIELD;
          const holds =
            field.expiry === -1
              ? condition !== "XX" && condition !== "GT"
              : condition === "GT"
                ? at > field.expiry
                : condition === "LT"
                  ? at < field.expiry
                  : condition !== "NX";
          if (!holds) return 0;
          if (over) fields.delete(name);
          else field.expiry = at;
          return over ? 2 : 1;
        });
        const words = condition === "" ? [] : [condition];
        if (this.below(2) === 0 && at >= this.model.now) {
          return [["HPEXPIRE", key, String(at - this.model.now), ...words, ...list], codes];
        }
        return [["HPEXPIREAT", key, String(at), ...words, ...list], codes];
      }
      case 3: {
        const codes = names.map((name) => {
          const field = fields.get(name);
          if (field === undefined) return NO_FIELD;
          if (field.expiry === -1) return -1;
          field.expiry = -1;
          return 1;
        });
        return [["HPERSIST", key, ...list], codes];
      }
      case 4: {
        const values = names.map((name) => fields.get(name)?.value ?? null);
        const persist = this.below(3) === 0;
        if (!persist && over) {
          // A field named twice is gone when it is met again.
          const read = names.map((name) => {
            const value = fields.get(name)?.value ?? null;
            fields.delete(name);
            return value;
          });
          return [["HGETEX", key, "PXAT", String(at), ...list], read];
        }
        for (const name of names) {
          const field = fields.get(name);
          if (field !== undefined) field.expiry = persist ? -1 : at;
        }
        return [["HGETEX", key, ...(persist ? ["PERSIST"] : ["PXAT", String(at)]), ...list], values];
      }
      case 5: {
        const read = names.map((name) => {
          const value = fields.get(name)?.value ?? null;
          fields.delete(name);
          return value;
        });
        return [["HGETDEL", key, ...list], read];
      }
      default:
        return this.setEx(key, fields, names, at, over);
    }
  }

  private setEx(
    key: string,
    fields: Map<string, Field>,
    names: readonly string[],
    at: number,
    over: boolean,
  ): [string[], unknown] {
    const pairs = names.map((name) => [name, this.pick(VALUES)] as const);
    const condition = this.pick(["", "", "FNX", "FXX"]);
    const keep = this.below(3) === 0;
    const plainSet = !keep && this.below(3) === 0;
    const words = [
      ...(condition === "" ? [] : [condition]),
      ...(keep ? ["KEEPTTL"] : plainSet ? [] : ["PXAT", String(at)]),
    ];
    const request = ["HSETEX", key, ...words, "FIELDS", String(names.length), ...pairs.flat()];
    if (condition === "FNX" && names.some((name) => fields.has(name))) return [request, 0];
    if (condition === "FXX" && names.some((name) => !fields.has(name))) return [request, 0];
    for (const [name, value] of pairs) {
      const expiry = keep ? (fields.get(name)?.expiry ?? -1) : plainSet ? -1 : at;
      this.set(fields, name, value, expiry);
      if (!keep && !plainSet && over) fields.delete(name);
    }
    return [request, 1];
  }

  private counting(key: string, fields: Map<string, Field>): [string[], unknown] {
    const name = this.field();
    const field = fields.get(name);
    const text = field?.value ?? "0";
    if (this.below(2) === 0) {
      const by = this.pick([1, -1, 1000, -123456]);
      const request = ["HINCRBY", key, name, String(by)];
      if (!/^(0|-?[1-9]\d*)$/.test(text)) return [request, "ERR hash value is not an integer"];
      const sum = BigInt(text) + BigInt(by);
      fields.set(name, { value: String(sum), expiry: field?.expiry ?? -1 });
      return [request, Number(sum)];
    }
    const request = ["HINCRBYFLOAT", key, name, "0.5"];
    if (!/^-?\d+(\.\d+)?$/.test(text)) return [request, "ERR hash value is not a float"];
    // Quarters of numbers this large are exact in both arithmetics.
    if (Math.abs(Number(text)) > 1e12) return [["HGET", key, name], field?.value ?? null];
    const sum = String(Number(text) + 0.5);
    fields.set(name, { value: sum, expiry: field?.expiry ?? -1 });
    return [request, sum];
  }

  private reading(key: string, fields: Map<string, Field>): [string[], unknown] {
    const name = this.field();
    const names = this.fields();
    const field = fields.get(name);
    switch (this.below(8)) {
      case 0:
        return [["HGET", key, name], field?.value ?? null];
      case 1:
        return [["HMGET", key, ...names], names.map((each) => fields.get(each)?.value ?? null)];
      case 2:
        return [["HSTRLEN", key, name], field?.value.length ?? 0];
      case 3:
        return [["HEXISTS", key, name], field === undefined ? 0 : 1];
      case 4:
        return [
          ["HPEXPIRETIME", key, "FIELDS", String(names.length), ...names],
          names.map((each) => fields.get(each)?.expiry ?? NO_FIELD),
        ];
      case 5:
        return [
          ["HTTL", key, "FIELDS", String(names.length), ...names],
          names.map((each) => {
            const expiry = fields.get(each)?.expiry ?? NO_FIELD;
            return expiry < 0 ? expiry : Math.ceil((expiry - this.model.now) / 1000);
          }),
        ];
      case 6:
        this.scan(key, fields);
        return [["HEXISTS", key, name], field === undefined ? 0 : 1];
      default:
        this.drawFields(key, fields);
        return [["HGET", key, name], field?.value ?? null];
    }
  }

  private scan(key: string, fields: Map<string, Field>): void {
    const found = new Set<string>();
    let cursor = "0";
    do {
      const [next, names] = plain(this.client.command("HSCAN", key, cursor, "COUNT", "3", "NOVALUES")) as [
        string,
        string[],
      ];
      for (const name of names) found.add(name);
      cursor = next;
    } while (cursor !== "0");
    expect([key, [...found].sort()]).toEqual([key, [...fields.keys()].sort()]);
  }

  private drawFields(key: string, fields: Map<string, Field>): void {
    const count = this.below(20);
    const some = plain(this.client.command("HRANDFIELD", key, String(count))) as string[];
    expect(new Set(some).size).toBe(Math.min(count, fields.size));
    for (const name of some) expect([name, fields.has(name)]).toEqual([name, true]);
    const repeated = plain(this.client.command("HRANDFIELD", key, String(-count), "WITHVALUES")) as string[];
    expect(repeated.length).toBe(fields.size === 0 ? 0 : count * 2);
    for (let i = 0; i < repeated.length; i += 2) expect(fields.get(repeated[i]!)?.value).toBe(repeated[i + 1]);
  }

  private moving(key: string, fields: Map<string, Field>): [string[], unknown] {
    const other = this.pick(KEYS.filter((each) => each !== key));
    // A key whose fields have all expired unnoticed exists still, as in Redis.
    if (fields.size === 0) return [["HGETALL", key], []];
    switch (this.below(5)) {
      case 0:
        this.model.keys.set(other, new Map([...fields].map(([name, field]) => [name, { ...field }])));
        return [["COPY", key, other, "REPLACE"], 1];
      case 1:
        this.model.keys.set(other, new Map(fields));
        fields.clear();
        return [["RENAME", key, other], "OK"];
      case 2:
        fields.clear();
        return [[this.pick(["DEL", "UNLINK"]), key], 1];
      case 3:
        return [["PEXPIRE", key, "100000000000"], 1];
      default:
        return [["OBJECT", "REFCOUNT", key], 1];
    }
  }

  checkpoint(): void {
    this.copy.replay(this.client.takeEffects());
    expect(stateDigest(this.copy.engine.dataset)).toBe(stateDigest(this.client.engine.dataset));
    expect(verifyDataset(this.client.engine.dataset)).toEqual([]);
    expect(verifyDataset(this.copy.engine.dataset)).toEqual([]);
  }

  reload(): void {
    const { engine } = this.client;
    this.checkpoint();
    const before = stateDigest(engine.dataset);
    engine.beginTurn();
    reloadFromMemory(engine);
    engine.journal.explicit = 0;
    expect(stateDigest(engine.dataset)).toBe(before);
    this.client.takeEffects();
  }

  /** With all keys gone the arena holds as much as before there were any. */
  end(): void {
    for (const client of [this.client, this.copy]) {
      client.command("DEL", ...KEYS);
      while (client.engine.dataset.releaseStep());
      expect(client.engine.dataset.allocator.allocatedBytes).toBe(client.engine.dataset.memory.startBytes);
    }
  }
}

function run(seed: number, firstSegment: number, steps: number): void {
  const run = new Run(seed, firstSegment);
  for (let i = 1; i <= steps; i++) {
    run.step();
    if (i % 100 === 0) run.checkpoint();
    if (i % 500 === 0) run.reload();
  }
  run.end();
}

describe("hashes", () => {
  test("reply and are replayed as a naive model says", () => withSeed(FILE, (seed) => run(seed, 0, 4000)));
  test("also across the sign of addresses", () => withSeed(FILE, (seed) => run(seed + 1, 255, 1500)));
});
