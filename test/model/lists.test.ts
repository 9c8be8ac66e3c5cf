/** Lists against arrays: every command that changes one, with nodes of a few elements as of many, plain and compressed ones. */
import { describe, expect, test } from "vitest";
import { latin1Bytes } from "../../src/base/bytes.ts";
import { type Random, seededRandom, uniform } from "../../src/base/random.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import { EngineClient } from "../support/engine_client.ts";
import { verifyDataset } from "../support/verify_dataset.ts";
import { verifyList } from "../support/verify_list.ts";
import { withSeed } from "./memory_seed.ts";

const FILE = "test/model/lists.test.ts";
const KEYS = ["a", "b"];

interface Settings {
  readonly size: number;
  readonly depth: number;
  readonly plainBytes: number;
  readonly elementBytesMax: number;
  readonly steps: number;
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

function array(texts: readonly string[]): string {
  return `*${texts.length}\r\n${texts.map(bulk).join("")}`;
}

class Model {
  readonly client: EngineClient;
  readonly lists = new Map<string, string[]>();
  private readonly random: Random;
  private readonly settings: Settings;

  constructor(client: EngineClient, random: Random, settings: Settings) {
    this.client = client;
    this.random = random;
    this.settings = settings;
  }

  below(bound: number): number {
    return uniform(this.random, bound);
  }

  text(): string {
    const { elementBytesMax } = this.settings;
    switch (this.below(6)) {
      case 0:
        return String(this.below(300) - 150);
      case 1:
        return String(this.random.int32() * 100_000);
      case 2:
        return "xyz"[this.below(3)]!;
      case 3:
        return "";
      default:
        return String.fromCharCode(97 + this.below(3)).repeat(this.below(elementBytesMax));
    }
  }

  list(key: string): string[] {
    return this.lists.get(key) ?? [];
  }

  /** Does something to both and compares the replies. */
  step(): void {
    const key = KEYS[this.below(KEYS.length)]!;
    const list = [...this.list(key)];
    const { expected, args } = this.draw(key, list);
    const reply = this.client.command(...args);
    expect([args.join(" ").slice(0, 200), reply.slice(0, 500)]).toEqual([
      args.join(" ").slice(0, 200),
      expected.slice(0, 500),
    ]);
    if (list.length === 0) this.lists.delete(key);
    else this.lists.set(key, list);
  }

  private draw(key: string, list: string[]): { expected: string; args: (string | Uint8Array)[] } {
    const grows = list.length < 40 || this.below(3) === 0;
    const index = this.below(list.length + 2) - 1;
    switch (this.below(grows ? 10 : 16)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const texts = Array.from({ length: 1 + this.below(12) }, () => this.text());
        const front = this.below(2) === 0;
        if (front) list.unshift(...[...texts].reverse());
        else list.push(...texts);
        return { expected: `:${list.length}\r\n`, args: [front ? "LPUSH" : "RPUSH", key, ...texts] };
      }
      case 4:
      case 5: {
        const pivot = list.length === 0 || this.below(8) === 0 ? "no such" : list[this.below(list.length)]!;
        const at = list.indexOf(pivot);
        const text = this.text();
        const after = this.below(2) === 0;
        const was = list.length;
        if (at !== -1) list.splice(after ? at + 1 : at, 0, text);
        const expected = at === -1 ? (was === 0 ? ":0\r\n" : ":-1\r\n") : `:${list.length}\r\n`;
        return { expected, args: ["LINSERT", key, after ? "AFTER" : "BEFORE", pivot, text] };
      }
      case 6:
      case 7: {
        const text = this.text();
        const args = ["LSET", key, String(index), text];
        if (list.length === 0) return { expected: "-ERR no such key\r\n", args };
        const at = index < 0 ? index + list.length : index;
        if (at < 0 || at >= list.length) return { expected: "-ERR index out of range\r\n", args };
        list[at] = text;
        return { expected: "+OK\r\n", args };
      }
      case 8: {
        const at = index < 0 ? index + list.length : index;
        const found = list[at];
        return { expected: found === undefined ? "$-1\r\n" : bulk(found), args: ["LINDEX", key, String(index)] };
      }
      case 9: {
        const start = this.below(list.length + 4) - 2;
        const stop = start + this.below(20) - 3;
        const from = start < 0 ? Math.max(0, start + list.length) : start;
        const to = stop < 0 ? stop + list.length : stop;
        return {
          expected: array(list.slice(from, Math.max(0, to + 1))),
          args: ["LRANGE", key, String(start), String(stop)],
        };
      }
      case 10:
      case 11: {
        const front = this.below(2) === 0;
        const count = this.below(3) === 0 ? 1 + this.below(list.length + 3) : 0;
        const args = [front ? "LPOP" : "RPOP", key];
        if (count === 0) {
          const text = front ? list.shift() : list.pop();
          return { expected: text === undefined ? "$-1\r\n" : bulk(text), args };
        }
        args.push(String(count));
        if (list.length === 0) return { expected: "*-1\r\n", args };
        const gone = front ? list.splice(0, count) : list.splice(-count).reverse();
        return { expected: array(gone), args };
      }
      case 12: {
        const start = this.below(6);
        const stop = list.length - 1 - this.below(8);
        const kept = list.slice(start, stop + 1);
        list.splice(0, list.length, ...kept);
        return { expected: "+OK\r\n", args: ["LTRIM", key, String(start), String(stop)] };
      }
      case 13: {
        const text = list.length === 0 ? "x" : list[this.below(list.length)]!;
        const count = this.below(5) - 2;
        let left = count === 0 ? list.length : Math.abs(count);
        let removed = 0;
        const order = count < 0 ? [...list].reverse() : list;
        const kept = order.filter((each) => {
          if (each !== text || left === 0) return true;
          left--;
          removed++;
          return false;
        });
        list.splice(0, list.length, ...(count < 0 ? kept.reverse() : kept));
        return { expected: `:${removed}\r\n`, args: ["LREM", key, String(count), text] };
      }
      case 14: {
        const text = list.length === 0 ? "x" : list[this.below(list.length)]!;
        const all = list.flatMap((each, at) => (each === text ? [at] : []));
        const backwards = this.below(2) === 0;
        if (backwards) all.reverse();
        const args = ["LPOS", key, text, "COUNT", "0", "RANK", backwards ? "-1" : "1"];
        return { expected: `*${all.length}\r\n${all.map((at) => `:${at}\r\n`).join("")}`, args };
      }
      default:
        return { expected: `:${list.length}\r\n`, args: ["LLEN", key] };
    }
  }

  verify(): void {
    const { dataset } = this.client.engine;
    const db = dataset.database(0);
    for (const key of KEYS) {
      const list = this.list(key);
      expect(this.client.command("LRANGE", key, "0", "-1")).toBe(array(list));
      const bytes = latin1Bytes(key);
      const entry = db.find(bytes, 0, bytes.length, db.hash(bytes, 0, bytes.length));
      expect(entry !== 0).toBe(list.length > 0);
      if (entry !== 0) expect(verifyList(dataset, entry)).toEqual([]);
    }
  }
}

function runModel(seed: number, settings: Settings, firstSegment = 0): void {
  const random = seededRandom(seed);
  const client = new EngineClient({ recording: true, firstSegment });
  const copy = new EngineClient({ seed: 2 });
  const { dataset } = client.engine;
  const before = dataset.allocator.allocatedBytes;
  const { limits } = dataset;
  limits.listListpackSize = settings.size;
  limits.listCompressDepth = settings.depth;
  limits.listPlainBytes = settings.plainBytes;
  const model = new Model(client, random, settings);
  for (let i = 0; i < settings.steps; i++) {
    model.step();
    if (i % 97 === 0) {
      model.verify();
      copy.replay(client.takeEffects());
      expect(stateDigest(copy.engine.dataset)).toBe(stateDigest(dataset));
    }
    if (i % 500 === 499) {
      expect(client.command("COPY", "a", "c", "REPLACE")).toBe(`:${model.list("a").length > 0 ? 1 : 0}\r\n`);
      if (model.list("a").length > 0) {
        expect(client.command("LRANGE", "c", "0", "-1")).toBe(array(model.list("a")));
      }
    }
  }
  model.verify();
  expect(verifyDataset(dataset)).toEqual([]);
  client.command("DEL", "a", "b", "c");
  while (dataset.releaseStep());
  // The tables of keys may have grown; nothing else is left.
  expect(dataset.allocator.allocatedBytes - before).toBeLessThan(2048);
}

describe("lists and arrays", () => {
  const cases: readonly (readonly [name: string, settings: Settings])[] = [
    ["nodes of two elements", { size: 2, depth: 0, plainBytes: 0, elementBytesMax: 40, steps: 3000 }],
    ["nodes of eight elements, compressed", { size: 8, depth: 1, plainBytes: 0, elementBytesMax: 60, steps: 3000 }],
    ["nodes of 4 KiB", { size: -1, depth: 0, plainBytes: 0, elementBytesMax: 1500, steps: 3000 }],
    ["nodes of 4 KiB, compressed", { size: -1, depth: 2, plainBytes: 0, elementBytesMax: 1500, steps: 3000 }],
    ["large elements by themselves", { size: 4, depth: 0, plainBytes: 30, elementBytesMax: 60, steps: 3000 }],
    ["elements beyond the limit", { size: -1, depth: 1, plainBytes: 0, elementBytesMax: 9000, steps: 1000 }],
  ];
  for (const [name, settings] of cases) {
    test(name, () => withSeed(FILE, (seed) => runModel(seed, settings)));
  }
  test("across the sign of addresses", () =>
    withSeed(FILE, (seed) =>
      runModel(seed, { size: 4, depth: 1, plainBytes: 50, elementBytesMax: 80, steps: 2000 }, 255),
    ));
});
