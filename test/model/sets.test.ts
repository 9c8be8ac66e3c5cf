/** Sets against naive ones, in every encoding; what SPOP logs; that draws are fair; that a full address space changes nothing. */
import { describe, expect, test } from "vitest";
import { type Random, seededRandom, uniform } from "../../src/base/random.ts";
import { partialSort } from "../../src/command/sort/partial_sort.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import { EngineClient } from "../support/engine_client.ts";
import { decodeReply } from "../support/reply_value.ts";
import { verifyDataset } from "../support/verify_dataset.ts";
import { withSeed } from "./memory_seed.ts";

const FILE = "test/model/sets.test.ts";
const KEYS = ["a", "b", "c", "d"];

function textsOf(reply: string): string[] {
  const value = decodeReply(Buffer.from(reply, "latin1"));
  if (!("items" in value)) return "text" in value ? [value.text] : [];
  return value.items.map((item) => ("text" in item ? item.text : "?")).sort();
}

function member(random: Random): string {
  const n = uniform(random, 60);
  return uniform(random, 3) === 0 ? `m${n}` : String(n * (uniform(random, 9) === 0 ? 1e9 : 1));
}

function combine(name: string, sets: readonly Set<string>[]): Set<string> {
  const [first, ...others] = sets;
  if (name === "SUNION") return new Set(sets.flatMap((set) => [...set]));
  return new Set([...first!].filter((text) => others.every((other) => other.has(text) === (name === "SINTER"))));
}

function run(seed: number, firstSegment: number): void {
  const random = seededRandom(seed);
  const client = new EngineClient({ recording: true, firstSegment, seed });
  const copy = new EngineClient({ firstSegment });
  const { limits } = client.engine.dataset;
  limits.setIntsetEntries = 24;
  limits.setListpackEntries = 16;
  const model = new Map(KEYS.map((key) => [key, new Set<string>()]));
  for (let step = 0; step < 3000; step++) {
    const key = KEYS[uniform(random, KEYS.length)]!;
    const other = KEYS[uniform(random, KEYS.length)]!;
    const set = model.get(key)!;
    const text = member(random);
    switch (uniform(random, 8)) {
      case 0:
      case 1: {
        const texts = Array.from({ length: 1 + uniform(random, 12) }, () => member(random));
        const before = set.size;
        for (const each of texts) set.add(each);
        expect(client.command("SADD", key, ...texts)).toBe(`:${set.size - before}\r\n`);
        break;
      }
      case 2:
        expect(client.command("SREM", key, text)).toBe(`:${set.delete(text) ? 1 : 0}\r\n`);
        break;
      case 3: {
        const popped = textsOf(client.command("SPOP", key, uniform(random, 3) === 0 ? set.size >> 1 : 1));
        for (const each of popped) expect(set.delete(each)).toBe(true);
        break;
      }
      case 4:
        expect(client.command("SMOVE", key, other, text)).toBe(`:${set.has(text) ? 1 : 0}\r\n`);
        if (set.delete(text)) model.get(other)!.add(text);
        break;
      case 5: {
        const name = ["SUNION", "SINTER", "SDIFF"][uniform(random, 3)]!;
        const keys = Array.from({ length: 1 + uniform(random, 4) }, () => KEYS[uniform(random, KEYS.length)]!);
        const wanted = combine(
          name,
          keys.map((each) => model.get(each)!),
        );
        expect(textsOf(client.command(name, ...keys))).toEqual([...wanted].sort());
        expect(client.command(`${name}STORE`, other, ...keys)).toBe(`:${wanted.size}\r\n`);
        model.set(other, wanted);
        break;
      }
      case 6:
        expect(client.command("SISMEMBER", key, text)).toBe(`:${set.has(text) ? 1 : 0}\r\n`);
        break;
      default: {
        const drawn = textsOf(client.command("SRANDMEMBER", key, 1 + uniform(random, 20)));
        expect(new Set(drawn).size).toBe(drawn.length);
        for (const each of drawn) expect(set.has(each)).toBe(true);
      }
    }
    if (step % 100 !== 99) continue;
    for (const [name, wanted] of model) expect(textsOf(client.command("SMEMBERS", name))).toEqual([...wanted].sort());
    copy.replay(client.takeEffects());
    expect(stateDigest(copy.engine.dataset)).toBe(stateDigest(client.engine.dataset));
    expect(verifyDataset(client.engine.dataset)).toEqual([]);
  }
}

describe("sets", () => {
  test("are what naive ones are, and their effects make them again", () => withSeed(FILE, (seed) => run(seed, 0)));
  test("also across the sign of addresses", () => withSeed(FILE, (seed) => run(seed, 255)));

  for (const [name, count, prefix] of [
    ["intset", 100, ""],
    ["listpack", 100, "m"],
    ["hashtable", 1000, "m"],
  ] as const) {
    test(`draws from a ${name} are fair`, () => {
      const client = new EngineClient({ seed: 7 });
      const texts = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
      client.command("SADD", "s", ...texts);
      expect(client.command("OBJECT", "ENCODING", "s")).toContain(name);
      const times = new Map(texts.map((text) => [text, 0]));
      // One at a time, a few that differ, and more than a third of all.
      for (const [draws, each] of [
        [count * 40, 1],
        [400, Math.floor(count / 10)],
        [100, Math.floor(count * 0.4)],
      ] as const) {
        for (const text of texts) times.set(text, 0);
        for (let i = 0; i < draws; i++) {
          const reply = each === 1 ? client.command("SRANDMEMBER", "s") : client.command("SRANDMEMBER", "s", each);
          for (const text of textsOf(reply)) times.set(text, times.get(text)! + 1);
        }
        const expected = (draws * each) / count;
        const chiSquare = [...times.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
        // Mean `count`, standard deviation √(2·count): six of them are never reached by chance.
        expect(chiSquare).toBeLessThan(count + 6 * Math.sqrt(2 * count));
      }
    });
  }

  test("a full address space refuses a change whole", () => {
    const client = new EngineClient({ recording: true, bytesMax: 64 * 1024 * 1024 });
    const { dataset } = client.engine;
    let refused = 0;
    for (let round = 0; refused < 20; round++) {
      const texts = Array.from({ length: 50 }, (_, i) => `${round}:${i}:${"x".repeat(20_000)}`);
      const digest = refused > 0 || round > 55 ? stateDigest(dataset) : "";
      const reply = client.command("SADD", `k${round % 7}`, ...texts);
      client.takeEffects();
      if (!reply.startsWith("-OOM")) continue;
      refused++;
      if (digest !== "") expect(stateDigest(dataset)).toBe(digest);
    }
    expect(verifyDataset(dataset)).toEqual([]);
  }, 60_000);
});

test("a partial sort leaves in its range what a whole sort would", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 400; round++) {
    const count = 1 + uniform(random, 300);
    const items = Int32Array.from({ length: count }, () => uniform(random, 1 + uniform(random, 100)));
    const sorted = items.slice().sort();
    const first = uniform(random, count);
    const last = first + uniform(random, count - first);
    partialSort(items, (a, b) => a - b, first, last);
    expect(items.slice(first, last + 1)).toEqual(sorted.slice(first, last + 1));
    expect(items.slice().sort()).toEqual(sorted);
  }
});
