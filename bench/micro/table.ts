/**
 * Cost of a find, an insert and a removal in a Table of a given size, and its bytes a key.
 * `npx tsx bench/micro/run.ts table [keys …]`; default 1 and 5 million keys of 16 bytes with values of 32.
 *
 * Keys are looked up in random order through batches of 64, once as they come and once with a touching pass before
 * each batch. The keys are written into one input region first, as a turn would find them; hashing is part of the
 * cost.
 */
import { systemClock } from "../../src/base/clock.ts";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { Allocator } from "../../src/memory/allocator.ts";
import { Arena } from "../../src/memory/arena.ts";
import { createEntry, freeEntry } from "../../src/structure/entry.ts";
import { Table } from "../../src/structure/table.ts";
import { memoryCalls } from "./memory_calls.ts";

const KEY_BYTES = 16;
const VALUE_BYTES = 32;
const BATCH = 64;
const FINDS = 1 << 20;

/** "key:000000000042" for 42. */
function writeKey(target: Uint8Array, offset: number, number: number): void {
  target[offset] = 0x6b;
  target[offset + 1] = 0x65;
  target[offset + 2] = 0x79;
  target[offset + 3] = 0x3a;
  for (let i = KEY_BYTES - 1, rest = number; i >= 4; i--) {
    const digits = (rest / 10) | 0;
    target[offset + i] = 0x30 + (rest - digits * 10);
    rest = digits;
  }
}

class Subject {
  readonly arena = new Arena({ random: seededRandom(1), calls: memoryCalls() });
  readonly allocator = new Allocator(this.arena);
  readonly table = new Table(this.arena, this.allocator, Table.create(this.allocator));
  readonly key = new Uint8Array(KEY_BYTES);

  insertAll(count: number): number {
    const { table, allocator, key } = this;
    let slowestUs = 0;
    for (let i = 0; i < count; ) {
      const start = systemClock.monotonicUs();
      for (const end = Math.min(count, i + BATCH); i < end; i++) {
        writeKey(key, 0, i);
        const hash = table.hash(key, 0, KEY_BYTES);
        if (table.find(hash, key, 0, KEY_BYTES) !== 0) throw new Error("found before it was inserted");
        const entry = createEntry(allocator, 0, 0, key, 0, KEY_BYTES, VALUE_BYTES, false);
        if (entry === 0 || !table.insert(hash, entry)) throw new Error("out of address space");
      }
      slowestUs = Math.max(slowestUs, systemClock.monotonicUs() - start);
    }
    return slowestUs;
  }

  findAll(input: Uint8Array, touching: boolean): number {
    const { table } = this;
    const hashes = new Int32Array(BATCH);
    let found = 0;
    for (let offset = 0; offset < input.length; offset += BATCH * KEY_BYTES) {
      for (let i = 0; i < BATCH; i++) hashes[i] = table.hash(input, offset + i * KEY_BYTES, KEY_BYTES);
      if (touching) table.prefetch(hashes, 0, BATCH);
      for (let i = 0; i < BATCH; i++) {
        if (table.find(hashes[i]!, input, offset + i * KEY_BYTES, KEY_BYTES) !== 0) found++;
      }
    }
    return found;
  }

  removeAll(count: number): void {
    const { table, allocator, key } = this;
    for (let i = 0; i < count; i++) {
      writeKey(key, 0, i);
      const hash = table.hash(key, 0, KEY_BYTES);
      const entry = table.find(hash, key, 0, KEY_BYTES);
      if (!table.remove(hash, entry)) throw new Error("removed before");
      freeEntry(allocator, entry);
    }
  }
}

/** Processor time of this process, so that busy neighbours on the machine count less. */
function timedNs(work: () => void, operations: number): string {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return `${(((user + system) * 1000) / operations).toFixed(0)} ns`;
}

function run(count: number): void {
  const subject = new Subject();
  let slowestUs = 0;
  const insert = timedNs(() => {
    slowestUs = subject.insertAll(count);
  }, count);
  const random = seededRandom(7);
  const input = new Uint8Array(FINDS * KEY_BYTES);
  const missing = new Uint8Array(FINDS * KEY_BYTES);
  for (let i = 0; i < FINDS; i++) {
    writeKey(input, i * KEY_BYTES, uniform(random, count));
    writeKey(missing, i * KEY_BYTES, count + i);
  }
  subject.findAll(input.subarray(0, BATCH * KEY_BYTES * 1000), false);
  subject.findAll(input.subarray(0, BATCH * KEY_BYTES * 1000), true);
  const plain = timedNs(() => subject.findAll(input, false), FINDS);
  const touching = timedNs(() => subject.findAll(input, true), FINDS);
  const absent = timedNs(() => subject.findAll(missing, false), FINDS);
  const statistics = subject.table.statistics(0);
  console.log(
    `${count} keys: insert ${insert} (slowest 64: ${slowestUs.toFixed(0)} µs), find ${plain}, with touching pass ${touching}, absent ${absent}; ` +
      `table ${(statistics.bytes / count).toFixed(2)} B a key, all ${(subject.allocator.allocatedBytes / count).toFixed(1)} B, ` +
      `overflow buckets ${((100 * statistics.overflowBuckets) / statistics.buckets).toFixed(1)} %`,
  );
  console.log(`  remove ${timedNs(() => subject.removeAll(count), count)}`);
}

const sizes = process.argv.slice(2).map(Number);
run(100_000);
for (const count of sizes.length > 0 ? sizes : [1_000_000, 5_000_000]) run(count);
