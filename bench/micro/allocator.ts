/**
 * Cost of allocating and freeing, and of making and freeing entries. `npx tsx bench/micro/run.ts allocator`
 *
 * "warm": a batch of 64 blocks taken and given back over and over. "mixed": a million blocks live, one given back at
 * random for each one taken, with sizes from 16 to 300 bytes: what a server does whose values change their lengths.
 */
import { seededRandom, uniform } from "../../src/base/random.ts";
import { Allocator } from "../../src/memory/allocator.ts";
import { Arena } from "../../src/memory/arena.ts";
import { createEntry, freeEntry } from "../../src/structure/entry.ts";
import { memoryCalls } from "./memory_calls.ts";

const OPERATIONS = 1 << 20;
const BATCH = 64;
const arena = new Arena({ random: seededRandom(1), calls: memoryCalls() });
const allocator = new Allocator(arena);
const addresses = new Int32Array(OPERATIONS);
const sizes = new Int32Array(OPERATIONS);

function warm(bytes: number): void {
  for (let i = 0; i < OPERATIONS; i += BATCH) {
    for (let j = 0; j < BATCH; j++) addresses[j] = allocator.allocate(bytes);
    for (let j = 0; j < BATCH; j++) allocator.free(addresses[j]!, bytes);
  }
}

const key = new Uint8Array(16).fill(65);

function warmEntries(): void {
  for (let i = 0; i < OPERATIONS; i += BATCH) {
    for (let j = 0; j < BATCH; j++) addresses[j] = createEntry(allocator, 0, 0, key, 0, 16, 32, false);
    for (let j = 0; j < BATCH; j++) freeEntry(allocator, addresses[j]!);
  }
}

function fill(): void {
  const random = seededRandom(2);
  for (let i = 0; i < OPERATIONS; i++) {
    sizes[i] = 16 + uniform(random, 285);
    addresses[i] = allocator.allocate(sizes[i]!);
  }
}

const order = new Int32Array(OPERATIONS);
const newSizes = new Int32Array(OPERATIONS);

function mixed(): void {
  for (let i = 0; i < OPERATIONS; i++) {
    const at = order[i]!;
    allocator.free(addresses[at]!, sizes[at]!);
    sizes[at] = newSizes[i]!;
    addresses[at] = allocator.allocate(sizes[at]!);
  }
}

/** The best of five runs, processor time. */
function report(name: string, work: () => void): void {
  let bestUs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(start);
    bestUs = Math.min(bestUs, user + system);
  }
  console.log(`${name.padEnd(30)} ${((bestUs * 1000) / OPERATIONS).toFixed(1)} ns`);
}

report("allocate + free 56 B, warm", () => warm(56));
report("allocate + free 1000 B, warm", () => warm(1000));
report("allocate + free 20 kB, warm", () => warm(20_000));
report("entry made and freed, warm", warmEntries);
fill();
const random = seededRandom(3);
for (let i = 0; i < OPERATIONS; i++) {
  order[i] = uniform(random, OPERATIONS);
  newSizes[i] = 16 + uniform(random, 285);
}
report("free + allocate, mixed", mixed);
const statistics = allocator.statistics();
console.log(
  `fragmentation after it: ${statistics.fragmentationRatio.toFixed(3)} (chunks in use through bytes allocated)`,
);
