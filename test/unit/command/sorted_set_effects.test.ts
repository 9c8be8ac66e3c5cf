/** What commands on sorted sets leave in the log: requests that give the same set again, and nothing where nothing changed. */
import { expect, test } from "vitest";
import { latin1 } from "../../../src/base/bytes.ts";
import { REQUEST, RequestParser } from "../../../src/protocol/request_parser.ts";
import { EngineClient } from "../../support/engine_client.ts";

function requests(bytes: Uint8Array): string[] {
  const parser = new RequestParser();
  const all: string[] = [];
  for (let at = 0; at < bytes.length; at = parser.end) {
    parser.reset();
    expect(parser.next(bytes, at, bytes.length)).toBe(REQUEST);
    const args: string[] = [];
    for (let i = 0; i < parser.argc; i++) {
      args.push(latin1(bytes, parser.args[i * 2]!, parser.args[i * 2]! + parser.args[i * 2 + 1]!));
    }
    if (args[0] !== "SELECT") all.push(args.join(" "));
  }
  return all;
}

const SET = "ZADD k 1 a 2 b 3 c";

/** A request to begin with, the request looked at, and its effects. */
const CASES: readonly (readonly [before: string, request: string, ...effects: string[]])[] = [
  ["", "ZADD k 1 a", "ZADD k 1 a"],
  [SET, "ZADD k 1 a"],
  [SET, "ZADD k XX 1 d"],
  [SET, "ZADD k GT CH 0 a"],
  [SET, "ZADD k INCR 0.1 a", "ZADD k INCR 0.1 a"],
  [SET, "ZADD k NX INCR 0.1 a"],
  [SET, "ZINCRBY k 0.1 a", "ZINCRBY k 0.1 a"],
  [SET, "ZINCRBY k 0 a"],
  [SET, "ZINCRBY k x a"],
  [SET, "ZREM k none"],
  [SET, "ZREM k a none", "ZREM k a none"],
  [SET, "ZREMRANGEBYRANK k 5 9"],
  [SET, "ZREMRANGEBYSCORE k 2 9", "ZREMRANGEBYSCORE k 2 9"],
  [SET, "ZREMRANGEBYLEX k - +", "ZREMRANGEBYRANK k 0 2"],
  [SET, "ZPOPMIN k", "ZPOPMIN k"],
  [SET, "ZPOPMAX k 0"],
  ["", "ZPOPMAX k"],
  [SET, "ZMPOP 2 none k MAX COUNT 2", "ZPOPMAX k 2"],
  [SET, "ZMPOP 2 none k MIN COUNT 200", "ZPOPMIN k 3"],
  ["", "ZMPOP 1 k MIN"],
  [SET, "BZPOPMIN none k 0", "ZPOPMIN k 1"],
  [SET, "BZPOPMAX k 0", "ZPOPMAX k 1"],
  [SET, "BZMPOP 0 2 none k MAX COUNT 2", "ZPOPMAX k 2"],
  ["", "BZPOPMIN k 0"],
  [SET, "ZRANDMEMBER k 2 WITHSCORES"],
  [SET, "ZRANGESTORE d k 0 1", "ZRANGESTORE d k 0 1"],
  ["", "ZRANGESTORE d k 0 1"],
  [SET, "ZUNIONSTORE d 2 k none WEIGHTS 0.1 1", "ZUNIONSTORE d 2 k none WEIGHTS 0.1 1"],
  [SET, "ZINTERSTORE d 2 k none"],
  [SET, "ZINTERSTORE k 2 k none", "ZINTERSTORE k 2 k none"],
  [SET, "ZDIFFSTORE d 2 k k"],
  [SET, "ZRANGE k 0 -1"],
  [SET, "ZUNION 1 k"],
];

test.each(CASES)("%s, then %s", (before, request, ...effects) => {
  for (const limit of [128, 0]) {
    const client = new EngineClient({ recording: true });
    client.engine.dataset.limits.zsetListpackEntries = limit;
    if (before !== "") client.line(before);
    client.takeEffects();
    const { changes } = client.engine.journal;
    client.line(request);
    expect(requests(client.takeEffects())).toEqual(effects);
    expect(client.engine.journal.changes > changes).toBe(effects.length > 0);
  }
});

/** Events of a request as they are emitted, class bits left out. */
function events(client: EngineClient, request: string): string[] {
  const seen: string[] = [];
  const { events: keyEvents } = client.engine.dataset;
  keyEvents.mask = 0x7fff;
  keyEvents.sink = (name, _database, key, offset, length) => {
    seen.push(`${name} ${latin1(key, offset, offset + length)}`);
  };
  client.line(request);
  keyEvents.mask = 0;
  return seen.filter((event) => !event.startsWith("new ") && !event.startsWith("keymiss "));
}

test("events as Redis emits them", () => {
  const client = new EngineClient();
  expect(events(client, SET)).toEqual(["zadd k"]);
  expect(events(client, SET)).toEqual([]);
  expect(events(client, "ZINCRBY k 1 a")).toEqual(["zincr k"]);
  expect(events(client, "ZADD k INCR 1 a")).toEqual(["zincr k"]);
  expect(events(client, "ZUNIONSTORE d 1 k")).toEqual(["zunionstore d"]);
  expect(events(client, "ZRANGESTORE e k 0 0")).toEqual(["zrangestore e"]);
  expect(events(client, "ZDIFFSTORE d 2 k k")).toEqual(["del d"]);
  expect(events(client, "ZREM e b none")).toEqual(["zrem e", "del e"]);
  expect(events(client, "ZPOPMAX k")).toEqual(["zpopmax k"]);
  expect(events(client, "ZREMRANGEBYSCORE k -inf inf")).toEqual(["zremrangebyscore k", "del k"]);
  client.line(SET);
  expect(events(client, "ZREMRANGEBYRANK k 0 0")).toEqual(["zremrangebyrank k"]);
  expect(events(client, "BZMPOP 0 2 none k MIN COUNT 5")).toEqual(["zpopmin k", "del k"]);
});
