/** Eviction: what each policy removes, when it stops, what it tells, and that it stands still where it must. */
import { describe, expect, it } from "vitest";
import type { EvictionPolicy } from "../../../src/dataset/eviction.ts";
import { EvictionPool, POOL_CANDIDATES } from "../../../src/dataset/eviction_pool.ts";
import { EVENT_EVICTED } from "../../../src/dataset/key_events.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const VALUE = "v".repeat(100);

function used(client: EngineClient): number {
  return client.engine.dataset.memory.usedBytes;
}

/** A limit that leaves `share` of the memory that the data take now; the empty tables' part is never given up. */
function limitTo(
  client: EngineClient,
  share: number,
  policy: EvictionPolicy,
  more: { tenacity?: number } = {},
): number {
  const { startBytes } = client.engine.dataset.memory;
  const limitBytes = startBytes + Math.floor((used(client) - startBytes) * share);
  client.engine.limitMemory({ limitBytes, policy, tenacity: 100, ...more });
  return limitBytes;
}

/** Keys `prefix0` … of which some exist, as numbers. */
function surviving(client: EngineClient, prefix: string, count: number): number[] {
  return Array.from({ length: count }, (_, i) => i).filter((i) => client.line(`EXISTS ${prefix}${i}`) === ":1\r\n");
}

function fill(client: EngineClient, prefix: string, count: number, ...more: (string | number)[]): void {
  for (let i = 0; i < count; i++) client.command("SET", `${prefix}${i}`, VALUE, ...more);
}

describe("allkeys-lru", () => {
  it("keeps what was read lately", () => {
    const client = new EngineClient({ seed: 7 });
    fill(client, "k", 4000);
    client.clock.advance(60_000);
    for (let i = 0; i < 4000; i += 4) client.line(`GET k${i}`);
    client.clock.advance(1000);
    const limit = limitTo(client, 0.5, "allkeys-lru");
    client.line("DBSIZE");
    expect(used(client)).toBeLessThanOrEqual(limit);
    const kept = surviving(client, "k", 4000);
    const lately = kept.filter((i) => i % 4 === 0);
    expect(lately.length).toBeGreaterThan(980);
    expect(kept.length - lately.length).toBeLessThan(1200);
    expect(client.engine.eviction.evictedKeys).toBe(4000 - kept.length);
    expect(verifyDataset(client.engine.dataset)).toEqual([]);
  });

  it("gives up the longest idle of many ages first", () => {
    const client = new EngineClient({ seed: 3 });
    for (let age = 0; age < 10; age++) {
      fill(client, `${age}:`, 300);
      client.clock.advance(10_000);
    }
    limitTo(client, 0.5, "allkeys-lru");
    client.line("DBSIZE");
    const kept = Array.from({ length: 10 }, (_, age) => surviving(client, `${age}:`, 300).length);
    expect(kept[0]! + kept[1]! + kept[2]!).toBeLessThan(90);
    expect(kept[7]! + kept[8]! + kept[9]!).toBeGreaterThan(840);
  });

  it("takes from all databases alike", () => {
    const client = new EngineClient({ seed: 5 });
    for (const database of [0, 3, 9]) {
      client.line(`SELECT ${database}`);
      fill(client, "k", 600);
    }
    client.clock.advance(5000);
    client.line("SELECT 3");
    for (let i = 0; i < 600; i++) client.line(`GET k${i}`);
    limitTo(client, 0.6, "allkeys-lru");
    client.line("DBSIZE");
    const { dataset } = client.engine;
    expect(dataset.database(3).count).toBeGreaterThan(590);
    expect(Math.abs(dataset.database(0).count - dataset.database(9).count)).toBeLessThan(120);
  });

  it("spares a candidate that was used since it was found", () => {
    const client = new EngineClient({ seed: 11 });
    fill(client, "hot", 20);
    client.clock.advance(1_000_000);
    limitTo(client, 0.97, "allkeys-lru");
    client.line("DBSIZE");
    const hot = surviving(client, "hot", 20);
    expect(hot.length).toBe(19);
    client.engine.limitMemory({ limitBytes: 0, policy: "allkeys-lru" });
    fill(client, "cold", 1000);
    client.clock.advance(100_000);
    for (const i of hot) client.line(`GET hot${i}`);
    limitTo(client, 0.9, "allkeys-lru");
    client.line("DBSIZE");
    expect(client.engine.eviction.evictedKeys).toBeGreaterThan(90);
    expect(surviving(client, "hot", 20)).toEqual(hot);
  });
});

describe("candidates that are gone", () => {
  it("are not evicted again, whatever lies in their place", () => {
    const client = new EngineClient({ seed: 21 });
    for (let round = 0; round < 20; round++) {
      fill(client, "k", 60);
      client.clock.advance(1_000_000);
      limitTo(client, 0.9, "allkeys-lru");
      client.line("DBSIZE");
      const before = client.engine.eviction.evictedKeys;
      client.line(round % 2 === 0 ? "FLUSHALL" : "SWAPDB 0 1");
      fill(client, `other${round}:`, 60);
      client.clock.advance(1000);
      limitTo(client, 0.9, "allkeys-lru");
      client.line("DBSIZE");
      expect(client.engine.eviction.evictedKeys).toBeGreaterThan(before);
      expect(verifyDataset(client.engine.dataset)).toEqual([]);
    }
  });
});

describe("allkeys-lfu", () => {
  it("keeps what is read often, though not lately", () => {
    const client = new EngineClient({ seed: 2 });
    client.engine.limitMemory({ limitBytes: 0, policy: "allkeys-lfu" });
    fill(client, "k", 2000);
    for (let round = 0; round < 30; round++) for (let i = 0; i < 2000; i += 5) client.line(`GET k${i}`);
    client.clock.advance(5000);
    for (let i = 1; i < 2000; i += 5) client.line(`GET k${i}`);
    limitTo(client, 0.4, "allkeys-lfu");
    client.line("DBSIZE");
    const kept = surviving(client, "k", 2000);
    expect(kept.filter((i) => i % 5 === 0).length).toBeGreaterThan(385);
    expect(kept.filter((i) => i % 5 === 1).length).toBeGreaterThan(kept.filter((i) => i % 5 === 2).length * 1.5);
  });

  it("forgets what was read often a long time ago", () => {
    const client = new EngineClient({ seed: 4 });
    client.engine.limitMemory({ limitBytes: 0, policy: "allkeys-lfu" });
    fill(client, "old", 500);
    for (let round = 0; round < 30; round++) for (let i = 0; i < 500; i++) client.line(`GET old${i}`);
    client.clock.advance(60 * 60_000);
    fill(client, "new", 500);
    for (let i = 0; i < 500; i++) client.line(`GET new${i}`);
    limitTo(client, 0.7, "allkeys-lfu");
    client.line("DBSIZE");
    expect(surviving(client, "new", 500).length).toBeGreaterThan(490);
  });
});

describe("policies of keys that expire", () => {
  it("volatile-ttl takes what expires soonest", () => {
    const client = new EngineClient({ seed: 6 });
    for (let i = 0; i < 2000; i++) client.command("SET", `k${i}`, VALUE, "PX", 1_000_000 + i * 1000);
    limitTo(client, 0.5, "volatile-ttl");
    client.line("DBSIZE");
    const kept = surviving(client, "k", 2000);
    expect(kept.filter((i) => i < 500).length).toBeLessThan(25);
    expect(kept.filter((i) => i >= 1500).length).toBeGreaterThan(485);
  });

  for (const policy of ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"] as const) {
    it(`${policy} never takes a key without an expiry, and refuses writes when none is left`, () => {
      const client = new EngineClient({ seed: 8 });
      fill(client, "stays", 500);
      fill(client, "expires", 500, "EX", 1000);
      limitTo(client, 0.7, policy);
      expect(client.line("SET more 1")).toBe("+OK\r\n");
      expect(surviving(client, "stays", 500).length).toBe(500);
      expect(client.engine.dataset.database(0).expires.count).toBeGreaterThan(100);
      limitTo(client, 0.1, policy);
      expect(client.line("SET more 2")).toBe(OOM);
      expect(client.engine.dataset.database(0).expires.count).toBe(0);
      expect(surviving(client, "stays", 500).length).toBe(500);
      expect(client.line("GET more")).toBe("$1\r\n1\r\n");
      expect(verifyDataset(client.engine.dataset)).toEqual([]);
    });
  }
});

describe("random policies", () => {
  it("allkeys-random takes any key", () => {
    const client = new EngineClient({ seed: 9 });
    fill(client, "k", 2000);
    client.clock.advance(10_000);
    for (let i = 0; i < 1000; i++) client.line(`GET k${i}`);
    limitTo(client, 0.5, "allkeys-random");
    client.line("DBSIZE");
    const kept = surviving(client, "k", 2000);
    const half = kept.filter((i) => i < 1000).length / kept.length;
    expect(Math.abs(half - 0.5)).toBeLessThan(0.06);
  });
});

describe("a limit", () => {
  it("is kept by every command that adds, whatever it adds", () => {
    const client = new EngineClient({ seed: 10 });
    fill(client, "k", 1000);
    const limit = limitTo(client, 1, "allkeys-lru", { tenacity: 10 });
    let most = 0;
    for (let i = 0; i < 3000; i++) {
      client.command("SET", `more${i}`, VALUE);
      most = Math.max(most, used(client));
    }
    // One command is let in before the next makes room for it.
    expect(most).toBeLessThan(limit + 16 * 1024);
    expect(client.engine.eviction.evictedKeys).toBeGreaterThan(2800);
  });

  it("that is far exceeded is approached in bounded time, and meanwhile nothing more is added", () => {
    const client = new EngineClient({ seed: 12 });
    fill(client, "k", 4000);
    // A clock that moves by 100 µs whenever it is looked at.
    let us = 0;
    client.clock.monotonicUs = () => (us += 100);
    const limit = limitTo(client, 0.1, "allkeys-lru", { tenacity: 10 });
    const before = client.engine.dataset.keyCount;
    client.line("DBSIZE");
    const after = client.engine.dataset.keyCount;
    expect(before - after).toBeGreaterThanOrEqual(16);
    expect(before - after).toBeLessThan(300);
    // In the same turn only what is added is evicted.
    const level = used(client);
    const { call } = client.engine;
    client.engine.beginTurn();
    expect(client.engine.eviction.makeRoom()).toBe(true);
    const ceiling = client.engine.eviction.ceilingBytes;
    expect(ceiling).toBeLessThan(level);
    expect(ceiling).toBeGreaterThan(limit);
    for (let i = 0; i < 20; i++) {
      const keys = client.engine.dataset.keyCount;
      expect(client.engine.eviction.makeRoom()).toBe(true);
      expect(client.engine.dataset.keyCount).toBe(keys);
    }
    expect(call.dataset.keyCount).toBeLessThan(after);
    // The timer goes on until it is done.
    let slices = 0;
    do client.engine.beginTurn();
    while (!client.engine.eviction.step(us + 1000) && ++slices < 1000);
    expect(slices).toBeGreaterThan(10);
    expect(used(client)).toBeLessThanOrEqual(limit);
  });

  it("counts how long it was exceeded", () => {
    const client = new EngineClient({ seed: 13 });
    fill(client, "k", 100);
    limitTo(client, 0.5, "noeviction");
    const { eviction } = client.engine;
    expect(eviction.exceededUs).toEqual({ current: 0, total: 0 });
    client.line("DBSIZE");
    client.clock.advance(250);
    expect(eviction.exceededUs).toEqual({ current: 250_000, total: 250_000 });
    client.line("FLUSHALL");
    client.line("DBSIZE");
    client.clock.advance(100);
    expect(eviction.exceededUs).toEqual({ current: 0, total: 250_000 });
  });

  it("of clients' buffers counts too", () => {
    const client = new EngineClient({ seed: 14 });
    fill(client, "k", 100);
    client.engine.limitMemory({ limitBytes: used(client) + 10_000, policy: "noeviction" });
    expect(client.line("SET a 1")).toBe("+OK\r\n");
    client.engine.measureClients = () => 20_000;
    expect(client.line("SET a 1")).toBe(OOM);
    client.engine.measureClients = () => 1000;
    expect(client.line("SET a 1")).toBe("+OK\r\n");
  });
});

describe("noeviction", () => {
  it("refuses nothing once enough has been deleted, though it is freed in steps", () => {
    for (const deletion of ["DEL big", "UNLINK big", "FLUSHALL ASYNC", "SET big small"]) {
      const client = new EngineClient({ seed: 20 });
      fill(client, "k", 300);
      const small = used(client);
      const members = Array.from({ length: 5000 }, (_, i) => `member:${i}`);
      client.command("SADD", "big", ...members);
      client.engine.limitMemory({ limitBytes: small + 20_000, policy: "noeviction" });
      expect(client.line("SADD big another")).toBe(OOM);
      // A SET is refused itself, a key that is overwritten otherwise is not.
      if (deletion.startsWith("SET")) {
        client.engine.limitMemory({ limitBytes: 0, policy: "noeviction" });
        client.line(deletion);
        client.engine.limitMemory({ limitBytes: small + 20_000, policy: "noeviction" });
      } else client.line(deletion);
      expect([deletion, client.line("SET a 1")]).toEqual([deletion, "+OK\r\n"]);
      expect(used(client)).toBeLessThan(small + 20_000);
    }
  });
});

describe("what an eviction tells", () => {
  it("logs a DEL for each, replay of which gives the same dataset, and evicts nothing by itself", () => {
    const client = new EngineClient({ seed: 15, recording: true });
    fill(client, "k", 500);
    limitTo(client, 0.5, "allkeys-lru");
    fill(client, "more", 300);
    client.line("MULTI");
    client.line("SET in:transaction 1");
    client.line("INCR in:transaction");
    client.line("EXEC");
    const effects = client.takeEffects();
    const text = Buffer.from(effects).toString("latin1");
    expect(text.split("\r\nDEL\r\n").length - 1).toBe(client.engine.eviction.evictedKeys);
    const copy = new EngineClient({ seed: 16 });
    copy.engine.limitMemory({ limitBytes: 1, policy: "allkeys-random" });
    copy.engine.dataset.clockHeld = true;
    copy.replay(effects);
    copy.engine.limitMemory({ limitBytes: 0, policy: "noeviction" });
    expect(copy.engine.eviction.evictedKeys).toBe(0);
    expect(copy.engine.dataset.keyCount).toBe(client.engine.dataset.keyCount);
    expect(copy.line("DEBUG DIGEST")).toBe(client.line("DEBUG DIGEST"));
  });

  it("breaks a watch, and is a keyspace event", () => {
    const client = new EngineClient({ seed: 17 });
    fill(client, "k", 10);
    const events: string[] = [];
    client.engine.dataset.events.mask = EVENT_EVICTED;
    client.engine.dataset.events.sink = (name, database, key, offset, length) =>
      events.push(`${name} ${database} ${Buffer.from(key).toString("latin1", offset, offset + length)}`);
    client.line("WATCH k3", "watcher");
    client.line("MULTI", "watcher");
    client.line("DBSIZE", "watcher");
    client.engine.limitMemory({ limitBytes: 1, policy: "allkeys-lru", tenacity: 100 });
    client.line("DBSIZE");
    expect(events.sort()).toEqual(Array.from({ length: 10 }, (_, i) => `evicted 0 k${i}`));
    expect(client.line("EXEC", "watcher")).toBe("*-1\r\n");
  });

  it("asks for more space in the log than a turn has, and stops where there is none", () => {
    const client = new EngineClient({ seed: 18, recording: true });
    const long = "x".repeat(2000);
    for (let i = 0; i < 500; i++) client.command("SET", `${long}${i}`, VALUE);
    const asked: number[] = [];
    let space = 400_000;
    client.engine.log = {
      payloadBytes: () => new Uint8Array(0),
      payloadStart: () => 0,
      commit: () => {},
      reserve: (bytes) => {
        asked.push(bytes);
        return bytes <= space + 448 * 1024;
      },
      releasedSequence: 0,
      congested: false,
      reserveErrno: 0,
      cohort: () => {},
      syncDueUs: () => -1,
      refusal: undefined,
    };
    client.takeEffects();
    limitTo(client, 0.01, "allkeys-lru");
    client.line("DBSIZE");
    const written = client.engine.journal.effects.length;
    expect(asked.length).toBeGreaterThan(3);
    expect(written).toBeLessThan(space + 70_000);
    expect(client.engine.dataset.removalsHeld).toBe(true);
    const left = client.engine.dataset.keyCount;
    expect(left).toBeGreaterThan(200);
    // Without space writes are refused for that reason, not for memory.
    client.engine.executor.restrict("MISCONF no space");
    client.engine.dataset.removalsHeld = true;
    expect(client.engine.eviction.makeRoom()).toBe(true);
    space = 10_000_000;
    client.takeEffects();
    client.line("DBSIZE");
    expect(client.engine.dataset.keyCount).toBeLessThan(50);
  });
});

describe("eviction stands still", () => {
  it("while clients are paused, and refuses nothing then", () => {
    const client = new EngineClient({ seed: 19 });
    fill(client, "k", 100);
    limitTo(client, 0.5, "allkeys-lru");
    client.engine.eviction.paused = true;
    client.line("DBSIZE");
    expect(client.engine.dataset.keyCount).toBe(100);
    client.engine.limitMemory({ limitBytes: 1, policy: "noeviction" });
    expect(client.line("SET a 1")).toBe("+OK\r\n");
    client.engine.eviction.paused = false;
    expect(client.line("SET a 1")).toBe(OOM);
  });
});

describe("the pool", () => {
  it("holds the best of what it was offered, in order, each once", () => {
    const pool = new EvictionPool();
    const scores = Array.from({ length: 200 }, (_, i) => (i * 7919) % 1009);
    for (const [i, score] of scores.entries()) {
      for (let twice = 0; twice < 2; twice++) if (pool.wants(i + 1, score)) pool.add(i + 1, i * 3, i % 16, score);
    }
    const best = [...scores.entries()].sort((a, b) => b[1] - a[1]).slice(0, POOL_CANDIDATES);
    for (const [i, score] of best) {
      expect(pool.take()).toBe(true);
      expect([pool.entry, pool.hash, pool.database, pool.score]).toEqual([i + 1, i * 3, i % 16, score]);
    }
    expect(pool.take()).toBe(false);
  });
});
