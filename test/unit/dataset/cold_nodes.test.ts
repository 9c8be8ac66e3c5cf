/** Nodes that wait to be compressed: in the end a list takes what it would have taken, and is the same list, whatever has happened to it. */
import { expect, test } from "vitest";
import { COLD_LISTS_MAX } from "../../../src/base/limits.ts";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { stateDigest } from "../../../src/dataset/digest.ts";
import { formOf, SQUEEZED } from "../../../src/dataset/list/node_words.ts";
import { ListNodes } from "../../../src/dataset/list/nodes.ts";
import { bigWord0 } from "../../../src/dataset/packed.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

/** The longest lists have so many nodes at either end that stay open: list/limits.ts. */
const OPEN = 512;
const VALUE = "compressible ".repeat(8);

function makeClient(waits: boolean): EngineClient {
  const client = new EngineClient({ seed: 1, databases: 2 });
  client.engine.dataset.limits.listListpackSize = 2;
  client.engine.dataset.lists.cold.waits = waits;
  return client;
}

/** Of a big list: which nodes are compressed, as one character a node. */
function forms(client: EngineClient, key: string): string {
  const { dataset } = client.engine;
  const bytes = Uint8Array.from(key, (character) => character.charCodeAt(0));
  const database = dataset.database(0);
  const nodes = new ListNodes(dataset);
  nodes.attach(bigWord0(dataset.arena, database.find(bytes, 0, bytes.length, database.hash(bytes, 0, bytes.length))));
  let text = "";
  for (let standing = nodes.tree.seekFirst(); standing; standing = nodes.tree.next()) {
    text += formOf(nodes.tree.w1) === SQUEEZED ? "-" : "o";
  }
  return text;
}

function settle(client: EngineClient): void {
  const { cold } = client.engine.dataset.lists;
  for (let steps = 0; cold.step(); steps++) if (steps > 10_000) throw new Error("compressing comes to no end");
  expect(cold.count).toBe(0);
}

const push = (client: EngineClient, command: string, key: string, count: number): void => {
  for (let left = count; left > 0; left -= 100) {
    client.command(command, key, ...Array.from({ length: Math.min(left, 100) }, (_, i) => `${VALUE}${i}`));
  }
};

test("what waited is compressed like what did not", () => {
  const waiting = makeClient(true);
  const eager = makeClient(false);
  for (const client of [waiting, eager]) {
    push(client, "RPUSH", "list", 3000);
    push(client, "LPUSH", "list", 3000);
    push(client, "LPUSH", "other", 2500);
  }
  expect(forms(waiting, "list")).not.toContain("-");
  settle(waiting);
  for (const key of ["list", "other"]) {
    expect(forms(waiting, key)).toBe(forms(eager, key));
    expect(forms(waiting, key)).toMatch(new RegExp(`^o{${OPEN}}-+o{${OPEN}}$`));
  }
  const [bytes, expected] = [waiting, eager].map(({ engine }) => engine.dataset.allocator.allocatedBytes);
  expect(bytes).toBe(expected);
  expect(stateDigest(waiting.engine.dataset)).toBe(stateDigest(eager.engine.dataset));
  expect(verifyDataset(waiting.engine.dataset)).toEqual([]);
});

test("keys that are gone, or others, do no harm", () => {
  const client = makeClient(true);
  for (const key of ["gone", "string", "small", "moved", "shorter"]) push(client, "RPUSH", key, 3000);
  client.command("DEL", "gone", "string", "small");
  client.command("SET", "string", "x");
  client.command("RPUSH", "small", "x");
  client.command("RENAME", "moved", "elsewhere");
  client.command("LTRIM", "shorter", 0, 999);
  const before = stateDigest(client.engine.dataset);
  settle(client);
  expect(stateDigest(client.engine.dataset)).toBe(before);
  expect(verifyDataset(client.engine.dataset)).toEqual([]);
});

test("with too many lists they are compressed at once", () => {
  const client = makeClient(true);
  for (let i = 0; i <= COLD_LISTS_MAX; i++) push(client, "RPUSH", `list${i}`, 2 * (2 * OPEN + 2));
  expect(forms(client, "list0")).not.toContain("-");
  expect(forms(client, `list${COLD_LISTS_MAX}`)).toContain("-");
  settle(client);
  expect(forms(client, "list0")).toContain("-");
});

function step(client: EngineClient, random: Random): void {
  const dice = uniform(random, 10);
  const key = ["a", "b"][uniform(random, 2)]!;
  if (dice < 6) push(client, dice < 3 ? "LPUSH" : "RPUSH", key, uniform(random, 1500));
  else if (dice < 8) client.command(dice === 6 ? "LPOP" : "RPOP", key, uniform(random, 900));
  else if (dice < 9) client.command("LINSERT", key, "BEFORE", `${VALUE}7`, "x");
  else for (let i = 0; i < 20; i++) client.engine.dataset.lists.cold.step();
}

test("random lists are the same in the end", () => {
  const waiting = makeClient(true);
  const eager = makeClient(false);
  const randoms = [seededRandom(9), seededRandom(9)];
  for (let i = 0; i < 60; i++) {
    step(waiting, randoms[0]!);
    step(eager, randoms[1]!);
  }
  settle(waiting);
  expect(stateDigest(waiting.engine.dataset)).toBe(stateDigest(eager.engine.dataset));
  expect(verifyDataset(waiting.engine.dataset)).toEqual([]);
});

test("random identifiers, which repeat nothing, are compressed too, and the list reads as it was written", () => {
  const client = makeClient(true);
  client.engine.dataset.limits.listListpackSize = -1;
  const random = seededRandom(5);
  const ids = Array.from({ length: 240_000 }, () => Buffer.from(random.bytes(9)).toString("hex"));
  for (let at = 0; at < ids.length; at += 1000) client.command("RPUSH", "ids", ...ids.slice(at, at + 1000));
  const used = (): number => client.engine.dataset.allocator.allocatedBytes;
  const before = used();
  settle(client);
  const shape = forms(client, "ids");
  expect(shape).toMatch(/^o+-+o+$/);
  const compressed = shape.split("-").length - 1;
  expect(compressed).toBeGreaterThan(100);
  // 18 digits of four bits, and what a listpack puts around them.
  expect((before - used()) / compressed).toBeGreaterThan(4096 * 0.35);
  expect(verifyDataset(client.engine.dataset)).toEqual([]);
  for (const at of [0, 115_000, 120_000, 125_000, 239_999]) {
    expect(client.command("LINDEX", "ids", at)).toBe(`$18\r\n${ids[at]}\r\n`);
  }
  const middle = ids.slice(119_000, 121_000);
  expect(client.command("LRANGE", "ids", 119_000, 120_999)).toBe(
    `*2000\r\n${middle.map((id) => `$18\r\n${id}\r\n`).join("")}`,
  );
  client.command("LSET", "ids", 120_000, "another");
  expect(client.command("LINDEX", "ids", 120_000)).toBe("$7\r\nanother\r\n");
  for (let at = ids.length - 1; at >= 100_000; at--) {
    const wanted = at === 120_000 ? "$7\r\nanother\r\n" : `$18\r\n${ids[at]}\r\n`;
    if (client.command("RPOP", "ids") !== wanted) throw new Error(`element ${at} is another one`);
  }
});
