/**
 * A small sorted set as redis-server 7.0.15 stores it: the payload of DUMP (rdbcompression no) without type, length and trailer. Whole
 * numbers are integers, up to 2^62; 7.0.15 prints others with seventeen digits, so that only scores are here whose text is the same since.
 */
import { expect, test } from "vitest";
import { latin1Bytes } from "../../src/base/bytes.ts";
import { openPack, Pack } from "../../src/dataset/packed.ts";
import { listpackBytes } from "../../src/structure/listpack.ts";
import { EngineClient } from "../support/engine_client.ts";

const GOLDEN =
  "570000001400816602842d696e6605816402dffd028161020101816202020181630283322e3504816802c12c020501f270110104dfef02f4000000000100000009816702f400008a5d784563010981650283696e6604ff";
const PAIRS = ["1 a", "2 b", "2.5 c", "-3 d", "inf e", "-inf f", "1e17 g", "300 h", "70000 5", "4294967296 -17"];

/** The listpack of the set under a key. */
function stored(client: EngineClient, name: string): string {
  const { dataset } = client.engine;
  const db = dataset.database(0);
  const key = latin1Bytes(name);
  const pack = new Pack();
  openPack(dataset.arena, db.find(key, 0, key.length, db.hash(key, 0, key.length)), pack);
  expect(pack.length).toBe(listpackBytes(pack.bytes, pack.offset));
  return Buffer.from(pack.bytes.slice(pack.offset, pack.offset + pack.length)).toString("hex");
}

test("built at once, one by one, in any order, and with scores that change", () => {
  const client = new EngineClient();
  client.line(`ZADD at-once ${PAIRS.join(" ")}`);
  expect(stored(client, "at-once")).toBe(GOLDEN);
  for (const pair of PAIRS.toReversed()) client.line(`ZADD reversed ${pair}`);
  expect(stored(client, "reversed")).toBe(GOLDEN);
  for (const pair of PAIRS) client.line(`ZADD changed 7.25 ${pair.split(" ")[1]}`);
  client.line("ZADD changed 1 gone 900000000 gone-too");
  for (const pair of PAIRS) client.line(`ZADD changed ${pair}`);
  client.line("ZREM changed gone gone-too");
  expect(stored(client, "changed")).toBe(GOLDEN);
});

test("stored by other commands", () => {
  const client = new EngineClient();
  client.line(`ZADD k ${PAIRS.join(" ")}`);
  client.line("ZUNIONSTORE union 1 k");
  expect(stored(client, "union")).toBe(GOLDEN);
  client.line("ZRANGESTORE range k 0 -1");
  expect(stored(client, "range")).toBe(GOLDEN);
  client.line("COPY k copy");
  expect(stored(client, "copy")).toBe(GOLDEN);
});
