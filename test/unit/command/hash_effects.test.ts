/** What hash commands leave in the log, and which events they tell: absolute, unconditional, and nothing where nothing changed. */
import { expect, test } from "vitest";
import { latin1 } from "../../../src/base/bytes.ts";
import { REQUEST, RequestParser } from "../../../src/protocol/request_parser.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

const NOW = 1_700_000_000_000;
const FAR = "4102444800000";

function words(bytes: Uint8Array): string[] {
  const parser = new RequestParser();
  const requests: string[] = [];
  for (let at = 0; at < bytes.length; at = parser.end) {
    parser.reset();
    expect(parser.next(bytes, at, bytes.length)).toBe(REQUEST);
    const args: string[] = [];
    for (let i = 0; i < parser.argc; i++) {
      args.push(latin1(bytes, parser.args[i * 2]!, parser.args[i * 2]! + parser.args[i * 2 + 1]!));
    }
    if (args[0] !== "SELECT") requests.push(args.join(" "));
  }
  return requests;
}

interface Case {
  readonly before: readonly string[];
  readonly request: string;
  readonly effects: readonly string[];
  readonly events: readonly string[];
}

function of(before: string, request: string, effects: readonly string[], events: readonly string[]): Case {
  return { before: before === "" ? [] : before.split("; "), request, effects, events };
}

const TIMED = `HSET h a 1 b 2; HPEXPIREAT h ${FAR} FIELDS 1 a`;

/** A field that will have expired when the request comes. */
const PAST = `HSET h a 1 b 2; HPEXPIREAT h ${NOW + 1} FIELDS 1 a`;
const ALL_PAST = `HSET h a 1; HPEXPIREAT h ${NOW + 1} FIELDS 1 a`;

const CASES: readonly Case[] = [
  of("", "HSET h a 1 b 2", ["HSET h a 1 b 2"], ["hset h"]),
  of("HSET h a 1", "HSETNX h a 2", [], []),
  of("HSET h a 1", "HDEL h x", [], []),
  of("HSET h a 1 b 2", "HDEL h x a", ["HDEL h x a"], ["hdel h"]),
  of("HSET h a 1", "HDEL h a", ["HDEL h a"], ["hdel h", "del h"]),
  of("HSET h a 1", "HINCRBY h a 2", ["HINCRBY h a 2"], ["hincrby h"]),
  of("HSET h a 1", "HINCRBYFLOAT h a 0.5", ["HSET h a 1.5"], ["hincrbyfloat h"]),
  of(TIMED, "HINCRBYFLOAT h a 0.5", ["HSETEX h KEEPTTL FIELDS 1 a 1.5"], ["hincrbyfloat h"]),
  of("HSET h a 1", "HEXPIRE h 10 FIELDS 2 a x", [`HPEXPIREAT h ${NOW + 10_100} FIELDS 1 a`], ["hexpire h"]),
  of(TIMED, "HEXPIRE h 10 NX FIELDS 1 a", [], []),
  of("HSET h a 1 b 2", "HEXPIRE h 0 FIELDS 1 a", ["HDEL h a"], ["hdel h"]),
  of("HSET h a 1", "HEXPIREAT h 1 FIELDS 1 a", ["HDEL h a"], ["hdel h", "del h"]),
  of(TIMED, "HPERSIST h FIELDS 2 b a", ["HPERSIST h FIELDS 1 a"], ["hpersist h"]),
  of("HSET h a 1", "HPERSIST h FIELDS 1 a", [], []),
  of("HSET h a 1", "HGETEX h FIELDS 1 a", [], []),
  of("HSET h a 1", "HGETEX h EX 10 FIELDS 1 a", [`HPEXPIREAT h ${NOW + 10_100} FIELDS 1 a`], ["hexpire h"]),
  of("HSET h a 1", "HGETEX h EX 0 FIELDS 1 a", ["HDEL h a"], ["hdel h", "del h"]),
  of(TIMED, "HGETEX h PERSIST FIELDS 1 a", ["HPERSIST h FIELDS 1 a"], ["hpersist h"]),
  of("HSET h a 1 b 2", "HGETDEL h FIELDS 2 a x", ["HDEL h a"], ["hdel h"]),
  of("", "HSETEX h FNX EX 10 FIELDS 1 a 1", [`HSETEX h PXAT ${NOW + 10_100} FIELDS 1 a 1`], ["hset h", "hexpire h"]),
  of("HSET h a 1", "HSETEX h FNX FIELDS 1 a 1", [], []),
  of("HSET h a 1 b 2", "HSETEX h EXAT 1 FIELDS 2 a 5 x 6", ["HDEL h a"], ["hset h", "hdel h"]),
  of("HSET h a 1", "HSETEX h KEEPTTL FIELDS 1 a 2", ["HSETEX h KEEPTTL FIELDS 1 a 2"], ["hset h"]),
  of(PAST, "HGET h b", ["HDEL h a"], ["hexpired h"]),
  of(ALL_PAST, "HGETALL h", ["HDEL h a"], ["hexpired h", "del h"]),
  of(PAST, "HSETNX h a 5", ["HDEL h a", "HSETNX h a 5"], ["hexpired h", "hset h"]),
  of(PAST, "HDEL h a", ["HDEL h a"], ["hexpired h"]),
  of(ALL_PAST, "HINCRBY h a 5", ["HDEL h a", "HINCRBY h a 5"], ["hexpired h", "del h", "hincrby h"]),
];

function check(each: Case, entriesMax: number): void {
  const client = new EngineClient({ recording: true, nowMs: NOW });
  const { dataset } = client.engine;
  dataset.limits.hashListpackEntries = entriesMax;
  for (const line of each.before) client.line(line);
  client.takeEffects();
  client.clock.advance(100);
  const events: string[] = [];
  dataset.events.mask = 16 | 1;
  dataset.events.sink = (name, _database, key, offset, length) => {
    events.push(`${name} ${latin1(key, offset, offset + length)}`);
  };
  client.line(each.request);
  expect({ effects: words(client.takeEffects()), events }).toEqual({ effects: each.effects, events: each.events });
}

test.each(CASES)("$before, then $request", (each) => check(each, 512));

// Of a big hash reads remove nothing: active expiry does.
test.each(CASES.filter((each) => !/^HGET(ALL)? /.test(each.request)))("$before, then $request, big", (each) =>
  check(each, 0),
);

test.each([0, 512])("active expiry removes what nobody asks for, %i entries packed", (entriesMax) => {
  const client = new EngineClient({ recording: true, nowMs: NOW });
  const { dataset } = client.engine;
  dataset.limits.hashListpackEntries = entriesMax;
  for (let key = 0; key < 50; key++) {
    for (let i = 0; i < 40; i++) client.line(`HSET h${key} f${i} v`);
    client.command("HPEXPIRE", `h${key}`, 10, "FIELDS", 40, ...Array.from({ length: 40 }, (_, i) => `f${i}`));
    if (key % 2 === 0) client.line(`HSET h${key} stays v`);
  }
  client.clock.advance(11);
  client.engine.beginTurn();
  // While the log is replayed the clock removes nothing. // D14
  dataset.clockHeld = true;
  dataset.expireStep(() => true);
  expect(dataset.expiredFields).toBe(0);
  dataset.clockHeld = false;
  let steps = 0;
  for (; dataset.expiredFields < 2000 && steps < 10_000; steps++) {
    let buckets = 0;
    dataset.expireStep(() => ++buckets < 2);
  }
  // In bounded steps: many of them.
  expect(steps).toBeGreaterThan(entriesMax === 0 ? 10 : 1);
  expect(dataset.expiredFields).toBe(2000);
  expect(client.line("DBSIZE")).toBe(":25\r\n");
  const copy = new EngineClient({ nowMs: NOW });
  copy.replay(client.takeEffects());
  expect(copy.line("DBSIZE")).toBe(":25\r\n");
  expect(copy.line("HKEYS h2")).toBe("*1\r\n$5\r\nstays\r\n");
});

test("a string in the place of a hash whose fields expire leaves nothing of it", () => {
  for (const request of [
    ["SET", "h", "x"],
    ["BITOP", "OR", "h", "source"],
    ["COPY", "source", "h", "REPLACE"],
    ["RENAME", "source", "h"],
  ]) {
    const client = new EngineClient({ nowMs: NOW });
    client.line("SET source y");
    client.line("HSET h f v");
    client.line("HPEXPIRE h 10 FIELDS 1 f");
    client.command(...request);
    expect(verifyDataset(client.engine.dataset)).toEqual([]);
    client.clock.advance(20);
    client.engine.beginTurn();
    client.engine.dataset.expireStep(() => true);
    expect(client.line("TYPE h")).toBe("+string\r\n");
  }
});
