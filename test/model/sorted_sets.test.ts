/**
 * Sorted sets against a naive model (a map, sorted when it is asked), packed and big, with thresholds that change; and what they log,
 * replayed, makes the same dataset.
 */
import { describe, expect, test } from "vitest";
import { formatDouble } from "../../src/base/double.ts";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import { EngineClient } from "../support/engine_client.ts";
import { decodeReply, plain } from "../support/reply_value.ts";
import { verifyDataset } from "../support/verify_dataset.ts";
import { withSeed } from "./memory_seed.ts";

const FILE = "test/model/sorted_sets.test.ts";

type Model = Map<string, number>;
/** A whole set in order: pairs of member and score. */
type Pairs = readonly (readonly [string, number])[];

function ordered(model: Model): Pairs {
  return [...model].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
}

function flat(pairs: Pairs): string[] {
  return pairs.flatMap(([member, score]) => [member, formatDouble(score)]);
}

class Run {
  readonly client: EngineClient;
  private readonly copy: EngineClient;
  private readonly models = new Map<string, Model>([
    ["a", new Map()],
    ["b", new Map()],
    ["c", new Map()],
  ]);
  private readonly random: ReturnType<typeof seededRandom>;

  constructor(seed: number, firstSegment: number) {
    this.random = seededRandom(seed);
    this.client = new EngineClient({ recording: true, firstSegment });
    this.copy = new EngineClient({ seed: 2, firstSegment });
  }

  below(bound: number): number {
    return uniform(this.random, bound);
  }

  private key(): string {
    return ["a", "b", "c"][this.below(3)]!;
  }

  private member(): string {
    const i = this.below(400);
    return i < 300 ? `m${i}` : i < 380 ? String(i - 340) : "long".repeat(i - 379);
  }

  /** Never -0, which a listpack makes 0. */
  private score(): number {
    const whole = this.below(60) - 30;
    return this.below(3) === 0 ? whole / 7 + 0 : whole + 0;
  }

  private ask(...args: (string | number)[]): unknown {
    return plain(decodeReply(Buffer.from(this.client.command(...args), "latin1")));
  }

  step(): void {
    const key = this.key();
    const model = this.models.get(key)!;
    switch (this.below(12)) {
      case 0:
      case 1:
      case 2: {
        const pairs = Array.from({ length: 1 + this.below(12) }, () => [this.score(), this.member()] as const);
        const before = model.size;
        for (const [score, member] of pairs) model.set(member, score);
        expect(this.ask("ZADD", key, ...pairs.flat())).toBe(model.size - before);
        return;
      }
      case 3: {
        const member = this.member();
        const by = this.score();
        const sum = (model.get(member) ?? 0) + by + 0;
        model.set(member, sum);
        expect(this.ask("ZINCRBY", key, by, member)).toBe(formatDouble(sum));
        return;
      }
      case 4: {
        const members = [this.member(), this.member(), this.member()];
        const removed = members.filter((member) => model.delete(member)).length;
        expect(this.ask("ZREM", key, ...members)).toBe(removed);
        return;
      }
      case 5: {
        const member = this.member();
        const rank = ordered(model).findIndex(([each]) => each === member);
        const score = model.get(member);
        expect(this.ask("ZRANK", key, member)).toBe(rank < 0 ? null : rank);
        expect(this.ask("ZREVRANK", key, member)).toBe(rank < 0 ? null : model.size - 1 - rank);
        expect(this.ask("ZSCORE", key, member)).toBe(score === undefined ? null : formatDouble(score));
        return;
      }
      case 6: {
        const from = this.below(model.size + 2);
        const count = this.below(30);
        const all = ordered(model);
        expect(this.ask("ZRANGE", key, from, from + count, "WITHSCORES")).toEqual(
          flat(all.slice(from, from + count + 1)),
        );
        expect(this.ask("ZRANGE", key, from, from + count, "REV", "WITHSCORES")).toEqual(
          flat(all.toReversed().slice(from, from + count + 1)),
        );
        return;
      }
      case 7: {
        const low = this.score();
        const high = low + this.below(15);
        const within = ordered(model).filter(([, score]) => score > low && score <= high);
        expect(this.ask("ZCOUNT", key, `(${low}`, high)).toBe(within.length);
        expect(this.ask("ZRANGEBYSCORE", key, `(${low}`, high, "WITHSCORES", "LIMIT", 1, 5)).toEqual(
          flat(within.slice(1, 6)),
        );
        expect(this.ask("ZREVRANGEBYSCORE", key, high, `(${low}`, "WITHSCORES", "LIMIT", 1, 5)).toEqual(
          flat(within.toReversed().slice(1, 6)),
        );
        return;
      }
      case 8: {
        const gone = this.below(3) === 0 ? this.byScore(key, model) : this.byRank(key, model);
        for (const [member] of gone) model.delete(member);
        return;
      }
      case 9: {
        const count = this.below(6);
        const highest = this.below(2) === 0;
        const all = highest ? ordered(model).toReversed() : ordered(model);
        expect(this.ask(highest ? "ZPOPMAX" : "ZPOPMIN", key, count)).toEqual(flat(all.slice(0, count)));
        for (const [member] of all.slice(0, count)) model.delete(member);
        return;
      }
      case 10:
        this.combine(key);
        return;
      default:
        // Thresholds in between make sets of either encoding, and conversions.
        this.client.engine.dataset.limits.zsetListpackEntries = [0, 5, 40, 128, 400][this.below(5)]!;
    }
  }

  private byScore(key: string, model: Model): Pairs {
    const low = this.score();
    const gone = ordered(model).filter(([, score]) => score >= low && score < low + 4);
    expect(this.ask("ZREMRANGEBYSCORE", key, low, `(${low + 4}`)).toBe(gone.length);
    return gone;
  }

  private byRank(key: string, model: Model): Pairs {
    const from = this.below(model.size + 1);
    const count = this.below(this.below(5) === 0 ? 200 : 10);
    const gone = ordered(model).slice(from, from + count + 1);
    expect(this.ask("ZREMRANGEBYRANK", key, from, from + count)).toBe(gone.length);
    return gone;
  }

  private combine(key: string): void {
    const [first, second] = [this.key(), this.key()];
    const [left, right] = [this.models.get(first)!, this.models.get(second)!];
    const operation = ["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"][this.below(3)]!;
    const result: Model = new Map();
    for (const [member, score] of left) {
      const other = right.get(member);
      if (operation === "ZUNIONSTORE") result.set(member, score + (other ?? 0) + 0);
      else if (operation === "ZINTERSTORE" && other !== undefined) result.set(member, score + other + 0);
      else if (operation === "ZDIFFSTORE" && other === undefined) result.set(member, score);
    }
    if (operation === "ZUNIONSTORE") {
      for (const [member, score] of right) if (!left.has(member)) result.set(member, score);
    }
    expect(this.ask(operation, key, 2, first, second)).toBe(result.size);
    this.models.set(key, result);
  }

  /** Everything as the model has it, the layout whole, and the effects so far make the same. */
  inspect(): void {
    for (const [key, model] of this.models) {
      expect(this.ask("ZCARD", key)).toBe(model.size);
      expect(this.ask("ZRANGE", key, 0, -1, "WITHSCORES")).toEqual(flat(ordered(model)));
      expect(this.ask("EXISTS", key)).toBe(model.size === 0 ? 0 : 1);
    }
    while (this.client.engine.dataset.releaseStep());
    expect(verifyDataset(this.client.engine.dataset)).toEqual([]);
    this.copy.replay(this.client.takeEffects());
    expect(stateDigest(this.copy.engine.dataset)).toBe(stateDigest(this.client.engine.dataset));
    expect(verifyDataset(this.copy.engine.dataset)).toEqual([]);
  }
}

function runModel(seed: number, firstSegment: number): void {
  const run = new Run(seed, firstSegment);
  for (let round = 0; round < 15; round++) {
    for (let i = 0; i < 80; i++) run.step();
    run.inspect();
  }
}

describe("sorted sets", () => {
  test("are what the model is, and so are their effects", () => withSeed(FILE, (seed) => runModel(seed, 0)));
  test("also across the sign of addresses", () => withSeed(FILE, (seed) => runModel(seed, 255)));
});
