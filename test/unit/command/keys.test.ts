/**
 * The keyspace commands in an engine with a clock that stands still. What redis-server answers byte for byte is conformance's to compare; here
 * is what only shows with a clock at hand: limits of time, effects, access.
 */
import { describe, expect, it } from "vitest";
import { latin1 } from "../../../src/base/bytes.ts";
import { debugCommand } from "../../../src/command/debug/index.ts";
import { EngineClient } from "../../support/engine_client.ts";

const START = 1_700_000_000_000;

const GOLDEN_VALUE = "*2\r\n+d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f\r\n+0000000000000000000000000000000000000000";
const GOLDEN_ONE = "+264ccf65edec66bccfa7cc659414ccca432057d2";
const GOLDEN_EXPIRING = "*1\r\n+311b17018163335616e089f6b951c82c477335ac";
const GOLDEN_ALL = "+350593f415eb59c1647f6f680cb5c0d7d8ee909e";

function client(): EngineClient {
  return new EngineClient({ nowMs: START, recording: true, commands: [debugCommand({ refusal: () => undefined })] });
}

/** Runs lines, checks their replies. */
function check(engine: EngineClient, steps: readonly (readonly [line: string, reply: string])[]): void {
  for (const [line, reply] of steps) expect(engine.line(line), line).toBe(`${reply}\r\n`);
}

/** The effects of a line, each as its words. */
function effects(engine: EngineClient, line: string): string[] {
  engine.takeEffects();
  engine.line(line);
  const words = latin1(engine.takeEffects()).replace(/\$\d+\r\n/g, "");
  return words
    .split(/\*\d+\r\n/)
    .filter((part) => part !== "")
    .map((part) => part.trim().replaceAll("\r\n", " "));
}

describe("expiry", () => {
  it("a key lives through the millisecond of its time, and TTL rounds", () => {
    const engine = client();
    check(engine, [
      ["SET k v PX 1500", "+OK"],
      ["PTTL k", ":1500"],
      ["TTL k", ":2"],
    ]);
    engine.clock.advance(1001);
    check(engine, [["TTL k", ":0"]]);
    engine.clock.advance(499);
    check(engine, [
      ["PTTL k", ":0"],
      ["EXISTS k", ":1"],
    ]);
    engine.clock.advance(1);
    check(engine, [
      ["DBSIZE", ":1"],
      ["EXISTS k", ":0"],
      ["DBSIZE", ":0"],
    ]);
    expect(engine.engine.dataset.expiredKeys).toBe(1);
  });

  it("far times are exact", () => {
    check(client(), [
      ["SET k v", "+OK"],
      ["PEXPIREAT k 9223372036854775807", ":1"],
      ["PEXPIRETIME k", ":9223372036854775807"],
      ["EXPIRETIME k", ":9223372036854776"],
      ["PTTL k", `:${9223372036854775807n - BigInt(START)}`],
      ["PEXPIREAT k 9007199254740993", ":1"],
      ["PEXPIRETIME k", ":9007199254740993"],
      ["PEXPIREAT k 9007199254740993 GT", ":0"],
      ["PEXPIREAT k 9007199254740994 GT", ":1"],
      ["PEXPIREAT k 9007199254740993 LT", ":1"],
      ["EXPIRE k 9223372036854775", "-ERR invalid expire time in 'expire' command"],
      ["PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"],
      ["EXPIREAT k 9223372036854776", "-ERR invalid expire time in 'expireat' command"],
      ["EXPIREAT k -9223372036854776", "-ERR invalid expire time in 'expireat' command"],
      ["PEXPIREAT k -9223372036854775808", ":1"],
      ["EXISTS k", ":0"],
    ]);
  });

  it("setting an expiry again and again keeps the value, short or long", () => {
    const engine = client();
    for (const length of [0, 1, 44, 900, 990, 1010, 5000, 1_500_000]) {
      const value = "v".repeat(length);
      engine.command("SET", "k", value);
      const reply = `$${length}\r\n${value}\r\n`;
      for (const line of ["EXPIRE k 100", "EXPIRE k 200", "PERSIST k", "EXPIRE k 300", "RENAME k kk", "COPY kk k"]) {
        engine.line(line);
      }
      expect(engine.line("GET k") === reply && engine.line("GET kk") === reply).toBe(true);
      check(engine, [
        ["TTL k", ":300"],
        ["TTL kk", ":300"],
        ["DEL k kk", ":2"],
      ]);
    }
  });
});

describe("effects", () => {
  it("times are absolute, what is past is DEL, nothing changed is nothing logged", () => {
    const engine = client();
    expect(effects(engine, "SET k v")).toEqual(["SELECT 0", "SET k v"]);
    expect(effects(engine, "EXPIRE k 10")).toEqual([`PEXPIREAT k ${START + 10000}`]);
    expect(effects(engine, "EXPIRE k 5 GT")).toEqual([]);
    expect(effects(engine, "EXPIRE missing 5")).toEqual([]);
    expect(effects(engine, "PERSIST k")).toEqual(["PERSIST k"]);
    expect(effects(engine, "PERSIST k")).toEqual([]);
    expect(effects(engine, "RENAME k l")).toEqual(["RENAME k l"]);
    expect(effects(engine, "RENAME l l")).toEqual([]);
    expect(effects(engine, "RENAMENX l l")).toEqual([]);
    expect(effects(engine, "COPY l m DB 2")).toEqual(["COPY l m DB 2"]);
    expect(effects(engine, "COPY l m DB 2")).toEqual([]);
    expect(effects(engine, "MOVE l 3")).toEqual(["MOVE l 3"]);
    expect(effects(engine, "DEL l")).toEqual([]);
    expect(effects(engine, "FLUSHDB")).toEqual([]);
    expect(effects(engine, "SWAPDB 0 2")).toEqual(["SWAPDB 0 2"]);
    expect(effects(engine, "SWAPDB 0 0")).toEqual([]);
    expect(effects(engine, "SWAPDB 7 8")).toEqual([]);
    expect(effects(engine, "EXPIRE m -1")).toEqual(["DEL m"]);
    expect(effects(engine, "FLUSHALL")).toEqual(["FLUSHALL"]);
    expect(effects(engine, "FLUSHALL ASYNC")).toEqual([]);
    expect(effects(engine, "DEBUG POPULATE 3 x")).toEqual(["DEBUG POPULATE 3 x"]);
    expect(effects(engine, "DEBUG POPULATE 3 x")).toEqual([]);
    expect(effects(engine, "UNLINK x:0 x:1 none")).toEqual(["UNLINK x:0 x:1 none"]);
  });

  it("a key found expired is logged as DEL, by whatever command finds it", () => {
    for (const line of ["GET k", "EXISTS k", "DEL k", "SCAN 0", "RANDOMKEY", "RENAME k l", "TTL k", "COPY l k"]) {
      const engine = client();
      engine.line("SET k v PX 10");
      engine.line("SET l v");
      engine.clock.advance(11);
      const written = effects(engine, line);
      // RANDOMKEY may draw the other key.
      if (line !== "RANDOMKEY" || written.length > 0) expect(written[0], line).toBe("DEL k");
    }
    const engine = client();
    engine.line("SET k v PX 10");
    engine.clock.advance(11);
    expect(effects(engine, "KEYS *")).toEqual([]);
    expect(effects(engine, "DBSIZE")).toEqual([]);
  });

  it("replay does not expire by the clock", () => {
    const engine = client();
    const other = client();
    engine.line("SET k v PX 10");
    engine.line("SET m v");
    engine.line("PEXPIRE m 5");
    other.clock.advance(1000);
    other.replay(engine.takeEffects());
    expect(other.engine.dataset.keyCount).toBe(2);
    check(other, [["EXISTS k m", ":0"]]);
  });
});

describe("access", () => {
  it("idle time counts seconds, looking at a key does not reset it", () => {
    const engine = client();
    engine.line("SET k v");
    engine.clock.advance(90_000);
    for (const line of [
      "TYPE k",
      "TTL k",
      "EXISTS k",
      "OBJECT ENCODING k",
      "MEMORY USAGE k",
      "DEBUG OBJECT k",
      "KEYS *",
    ]) {
      engine.line(line);
      check(engine, [["OBJECT IDLETIME k", ":90"]]);
    }
    engine.line("GET k");
    check(engine, [["OBJECT IDLETIME k", ":0"]]);
  });

  it("NO-TOUCH leaves the time alone, for reads and writes, but not for TOUCH", () => {
    const engine = client();
    engine.line("SET k v");
    engine.clock.advance(5000);
    engine.session().noTouch = true;
    engine.line("GET k");
    engine.line("EXPIRE k 100 XX");
    check(engine, [["OBJECT IDLETIME k", ":5"]]);
    engine.line("TOUCH k");
    check(engine, [["OBJECT IDLETIME k", ":0"]]);
  });

  it("under an LFU policy it is the frequency that is kept", () => {
    const engine = client();
    engine.engine.dataset.trackFrequency(true);
    engine.line("SET k v");
    check(engine, [["OBJECT FREQ k", ":5"]]);
    for (let i = 0; i < 2000; i++) engine.line("GET k");
    const frequency = Number(engine.line("OBJECT FREQ k").slice(1));
    expect(frequency).toBeGreaterThan(12);
    expect(frequency).toBeLessThan(40);
    engine.line("SET k longer-than-before-so-that-the-entry-moves-to-a-larger-block-of-memory-than-it-had-until-now");
    expect(Number(engine.line("OBJECT FREQ k").slice(1))).toBeGreaterThanOrEqual(frequency);
    engine.clock.advance(5 * 60_000);
    expect(Number(engine.line("OBJECT FREQ k").slice(1))).toBeLessThanOrEqual(frequency + 1 - 5);
    expect(engine.line("OBJECT IDLETIME k")).toContain("-ERR An LFU maxmemory policy is selected");
  });
});

describe("databases", () => {
  it("flushing and swapping break the watches of keys that exist", () => {
    for (const [line, watched, broken] of [
      ["FLUSHALL", "k", true],
      ["FLUSHALL", "none", false],
      ["FLUSHDB ASYNC", "k", true],
      ["SWAPDB 0 1", "k", true],
      ["SWAPDB 0 1", "other", true],
      ["SWAPDB 1 2", "k", false],
    ] as const) {
      const engine = client();
      engine.line("SET k v");
      engine.line("SELECT 1", "b");
      engine.line("SET other v", "b");
      engine.line(`WATCH ${watched}`);
      engine.line(line, "c");
      engine.line("MULTI");
      expect(engine.line("EXEC"), `${line}, ${watched} watched`).toBe(broken ? "*-1\r\n" : "*0\r\n");
    }
  });

  it("a watched key that has expired breaks the watch even when it is flushed unnoticed", () => {
    const engine = client();
    engine.line("SET k v PX 10");
    engine.line("WATCH k");
    engine.clock.advance(11);
    engine.line("FLUSHALL", "b");
    engine.line("MULTI");
    expect(engine.line("EXEC")).toBe("*-1\r\n");
  });

  it("without a log a reader waits for nothing", () => {
    const engine = new EngineClient();
    engine.line("SET k v");
    engine.line("GET k");
    expect(engine.engine.executor.gate).toBeLessThanOrEqual(engine.engine.released);
  });

  it("D12: MOVE that finds the key in its target shows that", () => {
    const engine = new EngineClient({ recording: true });
    const { executor, journal } = engine.engine;
    // As under a log that has stored nothing yet.
    Object.defineProperty(engine.engine, "released", { value: 0 });
    engine.line("SET k here");
    engine.line("SELECT 1", "b");
    engine.line("SET k there", "b");
    engine.line("GET k");
    expect(executor.gate).toBe(1);
    expect(engine.line("MOVE k 1")).toBe(":0\r\n");
    expect(executor.gate).toBe(journal.sequence);
  });
});

describe("SCAN and RANDOMKEY", () => {
  it("SCAN finds every key that stays, while others come and go", () => {
    const engine = client();
    for (let i = 0; i < 500; i++) engine.command("SET", `stays:${i}`, "v");
    const seen = new Set<string>();
    let cursor = "0";
    let round = 0;
    do {
      const reply = engine.command("SCAN", cursor, "MATCH", "stays:*", "COUNT", 7);
      cursor = /\$\d+\r\n(\d+)\r\n/.exec(reply)![1]!;
      for (const match of reply.matchAll(/\r\n(stays:\d+)/g)) seen.add(match[1]!);
      for (let i = 0; i < 20; i++)
        engine.command(round % 40 < 20 ? "SET" : "DEL", `goes:${(round % 20) * 20 + i}`, "v");
      round++;
    } while (cursor !== "0");
    expect(seen.size).toBe(500);
  });

  it("RANDOMKEY finds the one key alive among thousands that have expired", () => {
    const engine = client();
    for (let i = 0; i < 3000; i++) engine.command("SET", `k${i}`, "v", "PX", 10);
    engine.line("SET alive v");
    engine.clock.advance(11);
    check(engine, [["RANDOMKEY", "$5\r\nalive"]]);
    engine.line("DEL alive");
    check(engine, [["RANDOMKEY", "$-1"]]);
  });
});

describe("DEBUG", () => {
  it("is refused when the host says so", () => {
    const engine = new EngineClient({ commands: [debugCommand({ refusal: () => "ERR DEBUG command not allowed." })] });
    check(engine, [["DEBUG DIGEST", "-ERR DEBUG command not allowed."]]);
  });

  it("digests are redis-server's", () => {
    const engine = client();
    // Values printed by redis-server 7.0.15 after the same commands.
    check(engine, [
      ["DEBUG DIGEST", "+0000000000000000000000000000000000000000"],
      ["SET k v", "+OK"],
      ["DEBUG DIGEST-VALUE k none", GOLDEN_VALUE],
      ["DEBUG DIGEST", GOLDEN_ONE],
      ["EXPIRE k 1000", ":1"],
      ["DEBUG DIGEST-VALUE k", GOLDEN_EXPIRING],
      ["SELECT 3", "+OK"],
      ["SET n 12345", "+OK"],
      ["DEBUG POPULATE 100 p 30", "+OK"],
      ["DEBUG DIGEST", GOLDEN_ALL],
    ]);
  });
});
