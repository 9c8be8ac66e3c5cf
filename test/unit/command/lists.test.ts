/** Lists below the replies: what is compressed, what is logged, what a full address space leaves, and how the encodings change. */
import { describe, expect, test } from "vitest";
import { latin1, latin1Bytes } from "../../../src/base/bytes.ts";
import { seededRandom, uniform } from "../../../src/base/random.ts";
import { formOf, SQUEEZED } from "../../../src/dataset/list/node_words.ts";
import { ListNodes } from "../../../src/dataset/list/nodes.ts";
import { bigWord0 } from "../../../src/dataset/packed.ts";
import { NIL } from "../../../src/memory/layout.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";
import { nodeCounts, verifyList } from "../../support/verify_list.ts";

function entryOf(client: EngineClient, key: string): number {
  const db = client.engine.dataset.database(0);
  const bytes = latin1Bytes(key);
  return db.find(bytes, 0, bytes.length, db.hash(bytes, 0, bytes.length));
}

function squeezedNodes(client: EngineClient, key: string): number {
  const nodes = new ListNodes(client.engine.dataset);
  nodes.attach(bigWord0(client.engine.dataset.arena, entryOf(client, key)));
  let count = 0;
  for (let standing = nodes.tree.seekFirst(); standing; standing = nodes.tree.next()) {
    if (formOf(nodes.tree.w1) === SQUEEZED) count++;
  }
  return count;
}

function job(i: number): string {
  return `job:${String(i).padStart(16, "0")}`;
}

/** Pushes jobs first … last to the end of a list. */
function pushJobs(client: EngineClient, key: string, first: number, last: number): void {
  for (let i = first; i <= last; i += 500) {
    client.command("RPUSH", key, ...Array.from({ length: Math.min(500, last - i + 1) }, (_, j) => job(i + j)));
  }
}

function effectsOf(client: EngineClient): string[] {
  const text = latin1(client.takeEffects());
  return text
    .split(/\*\d+\r\n/)
    .filter((request) => request !== "")
    .map((request) =>
      request
        .replace(/\$\d+\r\n/g, "")
        .trim()
        .replaceAll("\r\n", " "),
    );
}

describe("the middle of a long list", () => {
  test("is compressed without list-compress-depth, and read, popped and changed all the same", () => {
    const client = new EngineClient();
    const count = 500_000;
    pushJobs(client, "l", 0, count - 1);
    expect(squeezedNodes(client, "l")).toBeGreaterThan(200);
    expect(client.engine.dataset.lists.length(entryOf(client, "l"))).toBe(count);
    const perItem = client.engine.dataset.allocator.allocatedBytes / count;
    expect(perItem).toBeLessThan(22);
    for (const i of [0, 199_999, 250_000, 250_001, 300_000, count - 1]) {
      expect(client.command("LINDEX", "l", i)).toBe(`$20\r\n${job(i)}\r\n`);
    }
    expect(client.command("LSET", "l", 250_000, "new")).toBe("+OK\r\n");
    expect(client.command("LINSERT", "l", "AFTER", "new", "newer")).toBe(`:${count + 1}\r\n`);
    expect(client.command("LRANGE", "l", 249_999, 250_002)).toBe(
      `*4\r\n$20\r\n${job(249_999)}\r\n$3\r\nnew\r\n$5\r\nnewer\r\n$20\r\n${job(250_001)}\r\n`,
    );
    expect(client.command("LREM", "l", "0", job(240_000))).toBe(":1\r\n");
    expect(client.command("LTRIM", "l", 230_000, 249_000)).toBe("+OK\r\n");
    expect(client.command("LPOP", "l")).toBe(`$20\r\n${job(230_000)}\r\n`);
    expect(client.command("RPOP", "l")).toBe(`$20\r\n${job(249_001)}\r\n`);
    expect(verifyList(client.engine.dataset, entryOf(client, "l"))).toEqual([]);
  });

  test("is compressed from list-compress-depth on, and compressed again after a change", () => {
    const client = new EngineClient();
    client.engine.dataset.limits.listCompressDepth = 2;
    pushJobs(client, "l", 0, 9999);
    const nodes = nodeCounts(client.engine.dataset, entryOf(client, "l"))!.length;
    expect(squeezedNodes(client, "l")).toBe(nodes - 4);
    client.command("LSET", "l", 5000, job(1));
    expect(squeezedNodes(client, "l")).toBe(nodes - 4);
    client.command("LPOP", "l", 1200);
    client.command("LPUSH", "l", "x");
    expect(client.command("LLEN", "l")).toBe(":8801\r\n");
    expect(verifyList(client.engine.dataset, entryOf(client, "l"))).toEqual([]);
  });

  test("is left alone where it doesn't shrink", () => {
    const client = new EngineClient();
    client.engine.dataset.limits.listCompressDepth = 1;
    let x = 1;
    for (let i = 0; i < 4000; i++) {
      const bytes = new Uint8Array(20);
      for (let j = 0; j < 20; j++) {
        x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) + i;
        bytes[j] = x >>> 16;
      }
      client.command("RPUSH", "l", bytes);
    }
    expect(squeezedNodes(client, "l")).toBe(0);
  });
});

describe("effects", () => {
  test("blocking commands and LMPOP are logged as the pops that happened", () => {
    const client = new EngineClient({ recording: true });
    client.line("RPUSH l a b c d e f g h");
    client.takeEffects();
    for (const line of [
      "BLPOP none l 0",
      "BRPOP l 0",
      "BLMOVE l m LEFT RIGHT 0",
      "BRPOPLPUSH l m 0",
      "BLMPOP 0 2 none l LEFT COUNT 2",
      "LMPOP 1 l RIGHT COUNT 100",
      "BLPOP none 0",
      "LMPOP 1 none LEFT",
    ]) {
      client.line(line);
    }
    expect(effectsOf(client)).toEqual([
      "LPOP l",
      "RPOP l",
      "LMOVE l m LEFT RIGHT",
      "RPOPLPUSH l m",
      "LPOP l 2",
      "RPOP l 2",
    ]);
  });

  test("what changes nothing is not logged", () => {
    const client = new EngineClient({ recording: true });
    client.line("RPUSH l a b");
    client.takeEffects();
    for (const line of ["LREM l 0 x", "LTRIM l 0 -1", "LINSERT l BEFORE x y", "LPUSHX no x", "LPOP no", "LPOP l 0"]) {
      client.line(line);
    }
    expect(effectsOf(client)).toEqual([]);
  });
});

describe("a full address space", () => {
  test("refuses and changes nothing; what is popped makes room", () => {
    const client = new EngineClient({ bytesMax: 1 });
    const { dataset } = client.engine;
    const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    // Fill the only segment: large strings first, then small ones, until nothing fits.
    let keys = 0;
    for (const bytes of [1_000_000, 60_000, 9000, 700, 40]) {
      while (client.command("SET", `fill:${keys}`, "x".repeat(bytes)) === "+OK\r\n") {
        keys++;
        if (keys === 40 && bytes === 1_000_000) {
          // Lists of every kind are there before it is full.
          client.command("RPUSH", "small", "a", "b");
          for (let i = 0; i < 30; i++) client.command("RPUSH", "big", ...Array.from({ length: 100 }, (_, j) => job(j)));
        }
      }
    }
    const digest = (): string =>
      client.command("LRANGE", "big", "0", "-1") + client.command("LRANGE", "small", "0", "-1");
    const before = digest();
    const long = "y".repeat(200_000);
    let refused = 0;
    for (const request of [
      ["RPUSH", "new", long],
      ["RPUSH", "small", long],
      ["LPUSH", "big", ...Array.from({ length: 3000 }, (_, i) => job(i)), long],
      ["LSET", "big", "1500", long],
      ["LSET", "small", "0", long],
      ["LINSERT", "big", "AFTER", job(50), long],
      ["LINSERT", "small", "AFTER", "a", long],
    ]) {
      const reply = client.command(...request);
      expect([request[0], request[1], reply]).toEqual([request[0], request[1], OOM]);
      refused++;
      expect(digest()).toBe(before);
      expect(verifyList(dataset, entryOf(client, "big"))).toEqual([]);
    }
    expect(refused).toBe(7);
    expect(client.command("EXISTS", "new")).toBe(":0\r\n");
    expect(client.command("LPOP", "big", "2900")).toMatch(/^\*2900/);
    expect(client.command("LLEN", "big")).toBe(":100\r\n");
  });
});

/** Takes all of the address space; the blocks, the large ones first. */
function takeAll(client: EngineClient): [block: number, bytes: number][] {
  const { allocator } = client.engine.dataset;
  const held: [number, number][] = [];
  for (const bytes of [1 << 20, 1 << 16, 1 << 14, 4096, 1024, 512, 256, 64]) {
    for (let block = allocator.allocate(bytes); block !== NIL; block = allocator.allocate(bytes))
      held.push([block, bytes]);
  }
  return held;
}

describe("what fails half-way", () => {
  // Nodes of four elements that compress well, of which all but the outermost are compressed.
  const texts = Array.from({ length: 40 }, (_, i) => `${i} `.padEnd(100, "x"));

  for (const [name, ...request] of [
    ["a push to the front", "LPUSH", "l", ...texts],
    ["a push to the end", "RPUSH", "l", ...texts],
    ["a push of large elements, too", "RPUSH", "l", ...texts, "y".repeat(300), ...texts],
    ["a move from end to front", "LMOVE", "l", "l", "RIGHT", "LEFT"],
    ["a move from front to end", "LMOVE", "l", "l", "LEFT", "RIGHT"],
    ["a move of an element alone in its node", "LMOVE", "alone", "alone", "RIGHT", "LEFT"],
    ["a move to a list that must grow", "LMOVE", "l", "small", "LEFT", "LEFT"],
  ]) {
    test(`${name} leaves the lists as they were`, () => {
      const client = new EngineClient({ bytesMax: 1 });
      const { dataset } = client.engine;
      Object.assign(dataset.limits, { listListpackSize: 4, listCompressDepth: 1, listPlainBytes: 200 });
      client.command("RPUSH", "l", ...texts.slice(0, 12));
      client.command("RPUSH", "alone", ...texts.slice(0, 13));
      client.command("RPUSH", "small", ...texts.slice(0, 4));
      const state = (): string => ["l", "alone", "small"].map((key) => client.command("LRANGE", key, "0", "-1")).join();
      const before = state();
      const held = takeAll(client);
      const random = seededRandom(7);
      let refused = 0;
      // A few blocks more are free each time, until there are enough of them.
      for (let reply = client.command(...request); reply.startsWith("-OOM"); reply = client.command(...request)) {
        refused++;
        expect(state()).toBe(before);
        expect(verifyDataset(dataset)).toEqual([]);
        for (let i = 0; i < 3; i++) {
          const [block, bytes] = held.splice(held.length - 1 - uniform(random, Math.min(held.length, 400)), 1)[0]!;
          dataset.allocator.free(block, bytes);
        }
      }
      expect(refused).toBeGreaterThan(0);
      expect(state()).not.toBe(before);
      expect(verifyDataset(dataset)).toEqual([]);
    });
  }
});

describe("nodes", () => {
  test("are split and merged where Redis would", () => {
    const client = new EngineClient();
    client.engine.dataset.limits.listListpackSize = 4;
    client.line("RPUSH l 1 2 3 4 5 6 7 8 9 10 11 12");
    // All of them at once: the list is big before the first is added, and nodes fill up one after the other.
    expect(nodeCounts(client.engine.dataset, entryOf(client, "l"))).toEqual([4, 4, 4]);
    client.line("LINSERT l AFTER 6 x");
    expect(
      client
        .command("LRANGE", "l", "0", "-1")
        .replace(/[$*]\d+\r\n/g, "")
        .replaceAll("\r\n", " "),
    ).toBe("1 2 3 4 5 6 x 7 8 9 10 11 12 ");
    expect(nodeCounts(client.engine.dataset, entryOf(client, "l"))).toEqual([4, 2, 3, 4]);
    client.line("LPOP l 4");
    client.line("LINSERT l BEFORE 9 y");
    expect(nodeCounts(client.engine.dataset, entryOf(client, "l"))).toEqual([2, 4, 4]);
  });
});
