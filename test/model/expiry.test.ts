/**
 * Random keyspace commands against a naive model, and their effects replayed into a second engine: values, times and databases must be equal
 * in all three.
 *
 * The model is a Map a database, with expired keys dropped before each command; it says what the reply must be. The second engine executes only what
 * the first one logged, with the clock held, so whatever a command forgets to log, or logs with a relative time, shows in the digests.
 */
import { describe, expect, it } from "vitest";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { debugCommand } from "../../src/command/debug/index.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import { EngineClient } from "../support/engine_client.ts";
import { verifyDataset } from "../support/verify_dataset.ts";
import { replayHint, seed } from "./expiry_seed.ts";

const KEYS = 12;
const DATABASES = 3;
const COMMANDS = 15_000;
const START = 1_700_000_000_000;

interface Value {
  text: string;
  /** ms since 1970, -1 for never. */
  expiry: number;
}

class Model {
  readonly databases: Map<string, Value>[] = Array.from({ length: DATABASES }, () => new Map());
  selected = 0;
  nowMs = START;

  get current(): Map<string, Value> {
    return this.databases[this.selected]!;
  }

  expire(): void {
    for (const database of this.databases) {
      for (const [key, value] of database) if (value.expiry !== -1 && value.expiry < this.nowMs) database.delete(key);
    }
  }

  /** The reply to a command, as RESP; undefined where the model has no say. */
  run(args: readonly string[]): string | undefined {
    this.expire();
    const [name, key = "", other = ""] = args;
    const value = this.current.get(key);
    switch (name) {
      case "SET":
        this.current.set(key, { text: other, expiry: args[3] === "PX" ? this.nowMs + Number(args[4]) : -1 });
        return "+OK";
      case "GET":
        return value === undefined ? "$-1" : `$${value.text.length}\r\n${value.text}`;
      case "DEL":
      case "UNLINK":
        return `:${Number(this.current.delete(key)) + Number(this.current.delete(other))}`;
      case "EXISTS":
        return `:${value === undefined ? 0 : 1}`;
      case "PTTL":
        return `:${value === undefined ? -2 : value.expiry === -1 ? -1 : value.expiry - this.nowMs}`;
      case "PEXPIRETIME":
        return `:${value === undefined ? -2 : value.expiry}`;
      case "PERSIST": {
        const timed = value !== undefined && value.expiry !== -1;
        if (timed) value.expiry = -1;
        return `:${Number(timed)}`;
      }
      case "EXPIRE":
        return this.expireAt(key, this.nowMs + Number(other) * 1000, args[3]);
      case "PEXPIRE":
        return this.expireAt(key, this.nowMs + Number(other), args[3]);
      case "PEXPIREAT":
        return this.expireAt(key, Number(other), args[3]);
      case "RENAME":
      case "RENAMENX":
        return this.rename(key, other, name === "RENAMENX");
      case "COPY":
        return this.copy(args);
      case "MOVE": {
        const target = this.databases[Number(other)]!;
        if (target === this.current) return "-ERR source and destination objects are the same";
        if (value === undefined || target.has(key)) return ":0";
        this.current.delete(key);
        target.set(key, value);
        return ":1";
      }
      case "SELECT":
        this.selected = Number(key);
        return "+OK";
      case "SWAPDB": {
        const first = this.databases[Number(key)]!;
        this.databases[Number(key)] = this.databases[Number(other)]!;
        this.databases[Number(other)] = first;
        return "+OK";
      }
      case "FLUSHDB":
        this.current.clear();
        return "+OK";
      case "FLUSHALL":
        for (const database of this.databases) database.clear();
        return "+OK";
      default:
        return undefined;
    }
  }

  private expireAt(key: string, at: number, option: string | undefined): string {
    const value = this.current.get(key);
    if (value === undefined) return ":0";
    const never = value.expiry === -1;
    if (option === "NX" && !never) return ":0";
    if ((option === "XX" || option === "GT") && never) return ":0";
    if (option === "GT" && at <= value.expiry) return ":0";
    if (option === "LT" && !never && at >= value.expiry) return ":0";
    if (at <= this.nowMs) this.current.delete(key);
    else value.expiry = at;
    return ":1";
  }

  private rename(key: string, newKey: string, onlyNew: boolean): string {
    const value = this.current.get(key);
    if (value === undefined) return "-ERR no such key";
    if (onlyNew && this.current.has(newKey)) return ":0";
    this.current.delete(key);
    this.current.set(newKey, value);
    return onlyNew ? ":1" : "+OK";
  }

  private copy(args: readonly string[]): string {
    const [, key = "", newKey = ""] = args;
    const target = args.includes("DB") ? this.databases[Number(args[args.indexOf("DB") + 1])]! : this.current;
    if (target === this.current && key === newKey) return "-ERR source and destination objects are the same";
    const value = this.current.get(key);
    if (value === undefined || (target.has(newKey) && !args.includes("REPLACE"))) return ":0";
    target.set(newKey, { ...value });
    return ":1";
  }
}

function randomCommand(pick: (bound: number) => number): string[] {
  const key = (): string => {
    const n = pick(KEYS);
    // Some keys are long, so that moving a value to them takes it out of line.
    return n % 5 === 4 ? `key${n}`.padEnd(300 + n, "x") : `key${n}`;
  };
  const text = (): string => {
    const length = [3, 20, 44, 45, 200, 700, 1000, 5000][pick(8)]!;
    return pick(4) === 0 ? String(pick(20_000)) : "v".repeat(pick(length + 1));
  };
  const option = (): string[] => (pick(3) === 0 ? [["NX", "XX", "GT", "LT"][pick(4)]!] : []);
  const database = (): string => String(pick(DATABASES));
  switch (pick(26)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return ["SET", key(), text()];
    case 4:
    case 5:
      return ["SET", key(), text(), "PX", String(1 + pick(4000))];
    case 6:
      return ["GET", key()];
    case 7:
      return [pick(2) === 0 ? "DEL" : "UNLINK", key(), key()];
    case 8:
      return ["EXISTS", key()];
    case 9:
      return ["PTTL", key()];
    case 10:
      return ["PERSIST", key()];
    case 11:
      return ["EXPIRE", key(), String(pick(6) - 1), ...option()];
    case 12:
    case 13:
      return ["PEXPIRE", key(), String(pick(4000) - 100), ...option()];
    case 14:
      return ["PEXPIREAT", key(), String(START + pick(400_000)), ...option()];
    case 15:
    case 16:
      return ["RENAME", key(), key()];
    case 17:
      return ["RENAMENX", key(), key()];
    case 18:
    case 19:
      return [
        "COPY",
        key(),
        key(),
        ...(pick(2) === 0 ? ["DB", database()] : []),
        ...(pick(2) === 0 ? ["REPLACE"] : []),
      ];
    case 20:
      return ["MOVE", key(), database()];
    case 21:
    case 22:
      return ["SELECT", database()];
    case 23:
      return pick(4) === 0 ? ["SWAPDB", database(), database()] : ["SCAN", "0", "COUNT", "5"];
    case 24:
      return pick(15) === 0
        ? [pick(2) === 0 ? "FLUSHDB" : "FLUSHALL", pick(2) === 0 ? "ASYNC" : "SYNC"]
        : ["RANDOMKEY"];
    default:
      return ["PEXPIRETIME", key()];
  }
}

function newEngine(firstSegment: number): EngineClient {
  return new EngineClient({
    seed: seed + firstSegment,
    nowMs: START,
    databases: DATABASES,
    recording: true,
    firstSegment,
    commands: [debugCommand({ refusal: () => undefined })],
  });
}

describe("keyspace", () => {
  // Segments just below 16 GiB use the sign bit of addresses.
  for (const firstSegment of [0, 255]) {
    it(`model, engine and replay agree, first segment ${firstSegment}`, () => {
      const random = seededRandom(seed + firstSegment);
      const pick = (bound: number): number => uniform(random, bound);
      const model = new Model();
      const engine = newEngine(firstSegment);
      const replica = newEngine(firstSegment);
      const recent: string[] = [];
      for (let i = 0; i < COMMANDS; i++) {
        const step = pick(5) === 0 ? pick(600) : 0;
        model.nowMs += step;
        engine.clock.advance(step);
        const args = randomCommand(pick);
        recent.push(`${model.nowMs} ${args.join(" ").slice(0, 120)}`);
        const expected = model.run(args);
        const reply = engine.command(...args);
        const history = (): string => `${replayHint}\n${recent.slice(-12).join("\n")}`;
        if (expected !== undefined && reply !== `${expected}\r\n`) expect(reply, history()).toBe(`${expected}\r\n`);
        if (pick(50) === 0) engine.engine.dataset.expireStep(() => pick(20) > 0);
        if (pick(50) === 0) engine.engine.dataset.releaseStep();
        if (i % 500 !== 499) continue;
        // The replica's clock stands elsewhere: replay must not look at it.
        replica.clock.advance(pick(100_000));
        replica.replay(engine.takeEffects());
        expect(stateDigest(replica.engine.dataset), history()).toBe(stateDigest(engine.engine.dataset));
        expect(verifyDataset(engine.engine.dataset), history()).toEqual([]);
        expect(verifyDataset(replica.engine.dataset), history()).toEqual([]);
      }
      const total = model.databases.reduce((sum, database) => sum + database.size, 0);
      model.expire();
      expect(total, "the model holds keys at the end").toBeGreaterThan(0);
      for (const each of [engine, replica]) {
        each.command("FLUSHALL", "SYNC");
        expect(each.engine.dataset.releasingCount).toBe(0);
      }
      expect(engine.engine.dataset.allocator.allocatedBytes).toBe(newEngine(0).engine.dataset.allocator.allocatedBytes);
    });
  }
});
