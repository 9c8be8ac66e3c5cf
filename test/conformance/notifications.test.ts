/**
 * Keyspace notifications: after every command the messages that a subscriber of both kinds of channels gets, compared with redis-server's in
 * their order. First a table of commands, then random ones; EMBERLOG_SEED and EMBERLOG_STEPS replay one sequence.
 */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import { EventListener } from "../support/key_events.ts";
import { redisAvailable } from "../support/redis_server.ts";
import { CommandSource } from "./random_commands.ts";
import { Conformance } from "./runner.ts";
import { words } from "./step.ts";

const steps = Number(process.env["EMBERLOG_STEPS"] ?? 2500);
const given = process.env["EMBERLOG_SEED"];
const seeds = given === undefined ? [1, randomInt(1 << 30)] : [Number(given)];

const tables: Readonly<Record<string, readonly string[]>> = {
  "strings that are set": [
    "SET a 1",
    "SET a 2",
    "SET a 3 EX 100",
    "SET a 4 KEEPTTL",
    "SET a 5 NX",
    "SET b 5 XX",
    "SET b 5 GET",
    "SET b 6 GET",
    "SET b 7 GET PX 100000",
    "SET c 8 NX GET",
    "SETNX a 1",
    "SETNX d 1",
    "SETEX e 100 v",
    "SETEX a 100 v",
    "PSETEX a 100000 v",
    "GETSET a 1",
    "GETSET f 1",
    "MSET g 1 h 2 g 3",
    "MSETNX i 1 h 2",
    "MSETNX i 1 j 2",
    "MSET a 1",
  ],
  "strings that change": [
    "APPEND a 1",
    "APPEND a 2",
    'APPEND a ""',
    'APPEND none ""',
    "SETRANGE a 5 x",
    'SETRANGE a 5 ""',
    "SETRANGE b 3 x",
    "INCR n",
    "DECR n",
    "INCRBY n 5",
    "DECRBY n 9223372036854775807",
    "INCRBY n 0",
    "INCRBYFLOAT n 1.5",
    "INCR a",
    "INCRBYFLOAT m 1",
    "GETDEL n",
    "GETDEL n",
    "SET t 1 EX 100",
    "GETEX t",
    "GETEX t PERSIST",
    "GETEX t PERSIST",
    "GETEX t EX 100",
    "GETEX t PXAT 1",
    "GETEX t",
  ],
  bitmaps: [
    "SETBIT a 7 1",
    "SETBIT a 7 1",
    "SETBIT a 100 0",
    "SETBIT a 7 0",
    "BITFIELD a SET u8 0 5 INCRBY u8 0 1",
    "BITFIELD a SET u8 0 6",
    "BITFIELD a GET u8 0",
    "BITFIELD b GET u8 0",
    "BITFIELD_RO b GET u8 0",
    "BITFIELD b SET u8 100 1",
    "BITFIELD b OVERFLOW FAIL INCRBY u8 100 255",
    "BITOP AND c a b",
    "BITOP AND c x y",
    "BITOP AND c x y",
    "BITOP NOT d a",
    "GETBIT none 1",
    "BITCOUNT none",
    "BITPOS none 1",
    "BITPOS none 0",
  ],
  keys: [
    "MSET a 1 b 2 c 3 d 4",
    "DEL a a none b",
    "UNLINK c none",
    "EXPIRE d 100",
    "EXPIRE d 50 GT",
    "EXPIRE d 500 GT",
    "PEXPIRE d 100000",
    "EXPIREAT d 4102444800",
    "PEXPIREAT d 4102444800000",
    "PERSIST d",
    "PERSIST d",
    "EXPIRE d -1",
    "EXPIRE d 1",
    "SET d 1",
    "EXPIREAT d 1",
    "SET d 1",
    "RENAME d e",
    "RENAME e e",
    "RENAMENX e e",
    "SET f 1",
    "RENAME e f",
    "SET e 1",
    "RENAMENX e f",
    "RENAMENX e g",
    "RENAME none x",
    "COPY g h",
    "COPY g h",
    "COPY g h REPLACE",
    "COPY none h",
    "COPY g g DB 1",
    "MOVE g 2",
    "MOVE g 2",
    "MOVE none 2",
    "SELECT 2",
    "SET g 2",
    "SWAPDB 2 3",
    "FLUSHDB",
    "SELECT 0",
    "FLUSHALL",
  ],
  "keys that are missed": [
    "GET a",
    "MGET a b",
    "STRLEN a",
    "GETRANGE a 0 1",
    "SUBSTR a 0 1",
    "LCS a b",
    "EXISTS a b",
    "TOUCH a b",
    "TYPE a",
    "TTL a",
    "PTTL a",
    "EXPIRETIME a",
    "PEXPIRETIME a",
    "OBJECT ENCODING a",
    "OBJECT IDLETIME a",
    "MEMORY USAGE a",
    "GETEX a",
    "RENAME a b",
    "WATCH a",
    "UNWATCH",
    "SCAN 0",
    "KEYS *",
    "RANDOMKEY",
    "EXPIRE a 1",
    "PERSIST a",
  ],
  "keys that expire": [
    "DEBUG SET-ACTIVE-EXPIRE 0",
    "SET a 1 PX 1",
    "SET b 1 PX 1",
    "SET c 1 PX 1",
    "SET d 1 PX 1",
    "SET e 1 PX 1",
    "SET f 1 PX 1",
    "SET other 1",
    "DEBUG SLEEP 0.01",
    "GET a",
    "GET a",
    "SET b 2",
    "DEL c c",
    "INCR d",
    "RENAME e x",
    "COPY other f",
    "SET g 1 PX 1",
    "MULTI",
    "SET h 1",
    "GET none",
    "EXEC",
    "DEBUG SET-ACTIVE-EXPIRE 1",
  ],
};

/** The events, and the two servers that they come from. */
class Comparison {
  readonly conformance: Conformance;

  private constructor(conformance: Conformance) {
    this.conformance = conformance;
  }

  static async start(): Promise<Comparison> {
    return new Comparison(await Conformance.start({ args: ["--notify-keyspace-events", "AKEmn"] }));
  }

  /** Runs commands on both; the first difference, or "". */
  async run(commands: Iterable<readonly (string | Uint8Array | number)[]>, source: string): Promise<string> {
    const { ours, theirs } = this.conformance;
    const [left, right] = [await EventListener.start(ours), await EventListener.start(theirs)];
    const done: string[] = [];
    try {
      await Promise.all([left.run(["FLUSHALL"]), right.run(["FLUSHALL"])]);
      for (const command of commands) {
        done.push(
          JSON.stringify(
            command.map((word) => (typeof word === "object" ? Buffer.from(word).toString("latin1") : word)),
          ),
        );
        const [mine, other] = await Promise.all([left.run(command), right.run(command)]);
        // What expires by itself does so soon, not at once.
        for (let waits = 0; waits < 20 && inOrder(mine.events) !== inOrder(other.events); waits++) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          mine.events.push(...(await left.run(["PING"])).events);
          other.events.push(...(await right.run(["PING"])).events);
        }
        if (inOrder(mine.events) === inOrder(other.events)) continue;
        return `${source}, after\n${done.slice(-6).join("\n")}\nemberlog ${JSON.stringify(mine)}\nredis    ${JSON.stringify(other)}`;
      }
      return "";
    } finally {
      left.close();
      right.close();
    }
  }
}

/** Misses stand last: SORT asks for the weights of a set's members in the order of the set, which is each server's own. */
function inOrder(events: readonly string[]): string {
  const missed = (event: string): boolean => event.includes("keymiss");
  return [...events.filter((event) => !missed(event)), ...events.filter(missed).sort()].join("\n");
}

describe.skipIf(!redisAvailable())("keyspace notifications are redis-server's", () => {
  let comparison: Comparison;
  beforeAll(async () => {
    comparison = await Comparison.start();
  });
  afterAll(() => comparison?.conformance.stop());

  for (const [name, lines] of Object.entries(tables)) {
    test(name, async () => {
      expect(await comparison.run(lines.map(words), name)).toBe("");
    });
  }

  for (const seed of seeds) {
    test(`${steps} random commands, seed ${seed}`, async () => {
      const source = new CommandSource(seededRandom(seed));
      const commands = Array.from({ length: steps }, () => source.next());
      const replay = `EMBERLOG_SEED=${seed} EMBERLOG_STEPS=${steps} npx vitest run test/conformance/notifications.test.ts`;
      expect(await comparison.run(commands, `replay: ${replay}`)).toBe("");
    });
  }
});
