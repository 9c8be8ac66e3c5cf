/** Active expiry: what it removes, when it stops, and that it stops for every reason it must. */
import { describe, expect, it } from "vitest";
import { NIL, SEGMENT_BYTES } from "../../../src/memory/layout.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

/** Puts `count` keys that expire after `ms` into a database. */
function fill(engine: EngineClient, database: number, prefix: string, count: number, ms: number): void {
  engine.session().database = database;
  for (let i = 0; i < count; i++) engine.command("SET", `${prefix}${i}`, "v", "PX", ms);
}

/** A tick of the timer: setTime and one step that may look at its budget `budget` times. */
function tick(engine: EngineClient, budget = Number.MAX_SAFE_INTEGER): boolean {
  engine.engine.beginTurn();
  let left = budget;
  return engine.engine.dataset.expireStep(() => --left > 0);
}

describe("active expiry", () => {
  it("removes all keys that have expired, and only those", () => {
    const engine = new EngineClient();
    const { dataset } = engine.engine;
    fill(engine, 0, "short", 3000, 10);
    fill(engine, 0, "long", 1000, 100_000);
    fill(engine, 5, "short", 7, 10);
    expect(tick(engine)).toBe(true);
    expect(dataset.keyCount).toBe(4007);
    engine.clock.advance(11);
    for (let i = 0; i < 100 && dataset.keyCount > 1000; i++) tick(engine);
    expect(dataset.keyCount).toBe(1000);
    expect(dataset.expiredKeys).toBe(3007);
    expect(dataset.database(0).averageTtlMs).toBeGreaterThan(0);
    expect(verifyDataset(dataset)).toEqual([]);
  });

  it("one tick leaves at most about a tenth of a database's expiring keys stale", () => {
    const engine = new EngineClient();
    fill(engine, 0, "short", 5000, 10);
    fill(engine, 0, "long", 2000, 100_000);
    engine.clock.advance(11);
    expect(tick(engine)).toBe(true);
    const database = engine.engine.dataset.database(0);
    expect(database.count - 2000).toBeLessThan(1000);
    engine.engine.dataset.expireEffort = 10;
    tick(engine);
    expect(database.count - 2000).toBeLessThan(200);
  });

  it("stops when its time is up, and a flood in one database starves no other", () => {
    const engine = new EngineClient();
    const { dataset } = engine.engine;
    fill(engine, 0, "flood", 20_000, 10);
    fill(engine, 1, "few", 30, 10);
    engine.clock.advance(11);
    expect(tick(engine, 2)).toBe(false);
    expect(dataset.keyCount).toBeGreaterThan(19_900);
    expect(dataset.expireTimeCapReached).toBe(1);
    for (let i = 0; i < 32; i++) tick(engine, 8);
    expect(dataset.database(1).count).toBe(0);
    expect(dataset.database(0).count).toBeGreaterThan(15_000);
  });

  it("removes no more in a step than the log has space for", () => {
    const engine = new EngineClient({ recording: true });
    const long = "k".repeat(10_000);
    fill(engine, 0, long, 200, 10);
    engine.takeEffects();
    engine.clock.advance(11);
    expect(tick(engine)).toBe(false);
    expect(engine.takeEffects().length).toBeLessThan(256 * 1024);
    for (let i = 0; i < 100 && engine.engine.dataset.keyCount > 0; i++) {
      tick(engine);
      engine.takeEffects();
    }
    expect(engine.engine.dataset.keyCount).toBe(0);
  });

  it("does nothing while the clock is held or it is switched off", () => {
    const engine = new EngineClient();
    const { dataset } = engine.engine;
    fill(engine, 0, "k", 50, 10);
    engine.clock.advance(11);
    dataset.clockHeld = true;
    expect(tick(engine)).toBe(true);
    expect(dataset.keyCount).toBe(50);
    dataset.clockHeld = false;
    dataset.activeExpiry = false;
    expect(tick(engine)).toBe(true);
    expect(dataset.keyCount).toBe(50);
    dataset.activeExpiry = true;
    tick(engine);
    expect(dataset.keyCount).toBe(0);
  });
});

describe("setting an expiry without address space", () => {
  it("gives back the block that the value would have moved to", () => {
    const client = new EngineClient({ bytesMax: SEGMENT_BYTES });
    const { dataset } = client.engine;
    const { allocator } = dataset;
    // The first bucket of the table of expiring keys is full, so that the next one needs another bucket.
    for (let i = 0; i < 12; i++) client.command("SET", `k${i}`, "v", "PX", 100_000);
    // Inline by three bytes: with an expiry it isn't any more.
    client.command("SET", "big", "b".repeat(1010));
    // No page and no block of a bucket's size is left, but blocks for the entry and for its value are.
    const small = allocator.allocate(32);
    const large = allocator.allocate(1024);
    for (const bytes of [1 << 20, 1 << 16, 1 << 14, 4096, 64]) while (allocator.allocate(bytes) !== NIL);
    allocator.free(small, 32);
    allocator.free(large, 1024);
    const before = allocator.allocatedBytes;
    expect(client.command("PEXPIRE", "big", 5000)).toMatch(/^-OOM/);
    expect(allocator.allocatedBytes).toBe(before);
    expect(client.command("PTTL", "big")).toBe(":-1\r\n");
    expect(client.command("STRLEN", "big")).toBe(":1010\r\n");
    expect(verifyDataset(dataset)).toEqual([]);
  });
});
