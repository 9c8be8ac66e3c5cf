/** What string and bitmap commands leave in the log: absolute, unconditional, and nothing where nothing changed. */
import { expect, test } from "vitest";
import { latin1 } from "../../../src/base/bytes.ts";
import { REQUEST, RequestParser } from "../../../src/protocol/request_parser.ts";
import { EngineClient } from "../../support/engine_client.ts";

const NOW = 1_700_000_000_000;

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

/** Requests to begin with, the request looked at, and its effects. */
const CASES: readonly (readonly [before: string, request: string, ...effects: string[]])[] = [
  ["", "SET k v", "SET k v"],
  ["", "set k v nx", "SET k v"],
  ["SET k v", "SET k w NX"],
  ["SET k v", "SET k w NX GET"],
  ["", "SET k w XX"],
  ["SET k v", "SET k w XX GET", "SET k w"],
  ["SET k v", "SET k w IFEQ x"],
  ["SET k v", "SET k w IFEQ v", "SET k w"],
  ["", "SET k v EX 100", `SET k v PXAT ${NOW + 100_000}`],
  ["", "SET k v PX 100 GET", `SET k v PXAT ${NOW + 100}`],
  ["", "SET k v EXAT 4102444800", "SET k v PXAT 4102444800000"],
  ["SET k v EX 100", "SET k w KEEPTTL", "SET k w KEEPTTL"],
  ["SET k v EX 100", "SET k w EX 0"],
  ["", "SETEX k 100 v", `SET k v PXAT ${NOW + 100_000}`],
  ["", "PSETEX k 100 v", `SET k v PXAT ${NOW + 100}`],
  ["", "SETNX k v", "SETNX k v"],
  ["SET k v", "SETNX k v"],
  ["SET k v", "GETSET k w", "GETSET k w"],
  ["SET k v", "GETDEL k", "DEL k"],
  ["", "GETDEL k"],
  ["SET k v", "GETEX k"],
  ["SET k v", "GETEX k PERSIST"],
  ["SET k v EX 5", "GETEX k PERSIST", "PERSIST k"],
  ["SET k v", "GETEX k EX 100", `PEXPIREAT k ${NOW + 100_000}`],
  ["SET k v", "GETEX k EXAT 1", "DEL k"],
  ["SET k v", "GETEX k PXAT 1", "DEL k"],
  ["", "GETEX k EX 100"],
  ["SET k 5", "INCR k", "INCR k"],
  ["SET k x", "INCR k"],
  ["SET k 5", "DECRBY k 7", "DECRBY k 7"],
  ["SET k 0.1 EX 100", "INCRBYFLOAT k 0.2", "SET k 0.3 KEEPTTL"],
  ["SET k x", "INCRBYFLOAT k 1"],
  ["SET k abc", "APPEND k def", "APPEND k def"],
  ["SET k abc", "SETRANGE k 1 x", "SETRANGE k 1 x"],
  ["", "MSET a 1 b 2", "MSET a 1 b 2"],
  ["SET b v", "MSETNX a 1 b 2"],
  ["", "MSETNX a 1 b 2", "MSETNX a 1 b 2"],
  ["", "SETBIT k 7 0", "SETBIT k 7 0"],
  ["SETBIT k 7 1", "SETBIT k 7 1"],
  ["SETBIT k 7 1", "SETBIT k 6 1", "SETBIT k 6 1"],
  ["SET k abc", "SETBIT k 1 1", "SETBIT k 1 1"],
  ["SETBIT k 7 1", "BITFIELD k SET u8 0 1"],
  ["SETBIT k 7 1", "BITFIELD k GET u8 0"],
  ["SETBIT k 7 1", "BITFIELD k SET u8 0 2", "BITFIELD k SET u8 0 2"],
  ["SETBIT k 7 1", "BITFIELD k OVERFLOW FAIL INCRBY u8 0 300"],
  ["SETBIT k 7 1", "BITOP AND d k", "BITOP AND d k"],
  ["SET d v", "BITOP AND d k", "BITOP AND d k"],
  ["", "BITOP AND d k"],
  ["SET k v", "GET k"],
];

test.each(CASES)("%s, then %s", (before, request, ...effects) => {
  const client = new EngineClient({ recording: true, nowMs: NOW });
  if (before !== "") client.line(before);
  client.takeEffects();
  const changes = client.engine.journal.changes;
  client.line(request);
  expect(words(client.takeEffects())).toEqual(effects);
  expect(client.engine.journal.changes > changes).toBe(effects.length > 0);
});

test("a key that has expired is removed by whoever looks for it, and logged", () => {
  const client = new EngineClient({ recording: true, nowMs: NOW });
  client.line("SET k 5 PX 10");
  client.takeEffects();
  client.clock.advance(11);
  client.line("INCR k");
  expect(words(client.takeEffects())).toEqual(["DEL k", "INCR k"]);
});
