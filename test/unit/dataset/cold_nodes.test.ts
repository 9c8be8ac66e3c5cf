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
