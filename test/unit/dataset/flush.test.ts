/** Emptying databases: nothing is left allocated, in whatever steps it is freed and however little memory there is. */
import { describe, expect, it } from "vitest";
import { SEGMENT_BYTES } from "../../../src/memory/layout.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

function fill(engine: EngineClient, count: number, prefix = "k"): void {
  for (let i = 0; i < count; i++) {
    if (i % 3 === 0) engine.command("SET", `${prefix}${i}`, "v".repeat(i % 40), "EX", 100);
    else engine.command("SET", `${prefix}${i}`, i % 100 === 1 ? "v".repeat(3000) : "v");
  }
}

describe("flush", () => {
  it("frees everything, at once or in steps", () => {
    for (const mode of ["SYNC", "ASYNC"]) {
      const engine = new EngineClient();
      const { dataset } = engine.engine;
      const before = dataset.allocator.allocatedBytes;
      fill(engine, 5000);
      expect(engine.line(`FLUSHALL ${mode}`)).toBe("+OK\r\n");
      expect(dataset.keyCount).toBe(0);
      expect(dataset.releasingCount).toBe(mode === "SYNC" ? 0 : 5000);
      fill(engine, 100, "new");
      while (dataset.releaseStep());
      expect(dataset.keyCount).toBe(100);
      expect(verifyDataset(dataset)).toEqual([]);
      engine.line("FLUSHALL SYNC");
      expect(dataset.allocator.allocatedBytes).toBe(before);
    }
  });

  it("needs no place for small tables, and goes on when all places are taken", () => {
    const engine = new EngineClient();
    const { dataset } = engine.engine;
    const before = dataset.allocator.allocatedBytes;
    for (let round = 0; round < 200; round++) {
      engine.line("SET k v");
      engine.line("FLUSHALL ASYNC");
    }
    expect(dataset.allocator.allocatedBytes).toBe(before);
    let largest = 0;
    for (let round = 0; round < 40; round++) {
      const count = 130 + ((round * 7) % 40) * 10;
      largest = Math.max(largest, count);
      fill(engine, count);
      engine.line("FLUSHALL ASYNC");
    }
    expect(dataset.releasingCount).toBeGreaterThan(largest);
    while (dataset.releaseStep());
    expect(dataset.releasingCount).toBe(0);
    expect(dataset.allocator.allocatedBytes).toBe(before);
  });

  it("works in an address space without a byte left", () => {
    const engine = new EngineClient({ bytesMax: SEGMENT_BYTES });
    const { dataset } = engine.engine;
    const value = "v".repeat(1_000_000);
    for (let i = 0; engine.command("SET", `large${i}`, value) === "+OK\r\n"; i++);
    for (const length of [100_000, 4000, 500, 60, 1]) {
      for (let i = 0; engine.command("SET", `${length}:${i}`, "v".repeat(length)) === "+OK\r\n"; i++);
    }
    // The rest goes in blocks of the sizes that two empty tables need.
    for (const bytes of [64, 32, 16, 8]) while (dataset.allocator.allocate(bytes) !== 0);
    expect(engine.line("RENAME large0 other")).toContain("OOM");
    expect(engine.line("COPY large1 other")).toContain("OOM");
    expect(verifyDataset(dataset)).toEqual([]);
    expect(engine.line("FLUSHALL")).toBe("+OK\r\n");
    expect(dataset.keyCount).toBe(0);
    expect(engine.line("SET k v")).toBe("+OK\r\n");
    expect(verifyDataset(dataset)).toEqual([]);
  });
});
