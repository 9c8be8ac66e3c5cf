/**
 * Cost of a Tree's operations with a million members. `npx tsx bench/micro/run.ts tree [members]`
 *
 * Processor time an operation; entries are made beforehand. "equal scores" is what ZRANGEBYLEX wants: every step of a
 * search reads a member.
 */
import { latin1Bytes } from "../../src/base/bytes.ts";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { Allocator } from "../../src/memory/allocator.ts";
import { Arena } from "../../src/memory/arena.ts";
import { createEntry } from "../../src/structure/entry.ts";
import { EntryList } from "../../src/structure/entry_list.ts";
import { Tree } from "../../src/structure/tree.ts";
import { memoryCalls } from "./memory_calls.ts";

const MEMBERS = Number(process.argv[2] ?? 1_000_000);
const QUERIES = Math.min(MEMBERS, 300_000);
const random = seededRandom(1);
const arena = new Arena({ random, calls: memoryCalls() });
const allocator = new Allocator(arena);
const tree = new Tree(arena, allocator);

const entries = new Int32Array(MEMBERS);
const scores = new Float64Array(MEMBERS);
const order = new Int32Array(MEMBERS);
for (let i = 0; i < MEMBERS; i++) {
  const key = latin1Bytes(`member:${String(i).padStart(9, "0")}`);
  entries[i] = createEntry(allocator, 0, 0, key, 0, key.length, 8, false);
  scores[i] = random.int32() / 16;
  order[i] = i;
}
for (let i = MEMBERS - 1; i > 0; i--) {
  const j = uniform(random, i + 1);
  const swapped = order[i]!;
  order[i] = order[j]!;
  order[j] = swapped;
}

let sink = 0;

function report(name: string, operations: number, work: () => void): void {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  console.log(`${name.padEnd(44)} ${(((user + system) * 1000) / operations).toFixed(0).padStart(6)} ns`);
}

function bytesEach(): void {
  tree.verify(tree.items < 2_000_000);
  console.log(
    `${"".padEnd(44)} ${(tree.bytes / tree.items).toFixed(1).padStart(6)} bytes an item, height ${tree.height}`,
  );
}

function release(): void {
  const out = new EntryList(4096);
  report("releaseInto, an item", tree.items, () => {
    for (let done = false; !done; out.clear()) done = tree.releaseInto(16, out);
  });
}

function build(name: string, scoreOf: (i: number) => number, entryOf: (i: number) => number): void {
  tree.attach(Tree.create(allocator, false));
  report(`insertScore, ${name}`, MEMBERS, () => {
    for (let i = 0; i < MEMBERS; i++) if (!tree.insertScore(scoreOf(i), entryOf(i))) throw new Error("full");
  });
  bytesEach();
}

function queries(scoreOf: (i: number) => number): void {
  report("seekEntry, at random", QUERIES, () => {
    for (let i = 0; i < QUERIES; i++)
      if (!tree.seekEntry(scoreOf(order[i]!), entries[order[i]!]!)) throw new Error("?");
  });
  report("seekEntry and position (ZRANK)", QUERIES, () => {
    for (let i = 0; i < QUERIES; i++) {
      tree.seekEntry(scoreOf(order[i]!), entries[order[i]!]!);
      sink += tree.position();
    }
  });
  report("seekScore", QUERIES, () => {
    for (let i = 0; i < QUERIES; i++) sink += +tree.seekScore(scores[order[i]!]!, false);
  });
  report("seekPosition", QUERIES, () => {
    for (let i = 0; i < QUERIES; i++) sink += +tree.seekPosition(order[i]!);
  });
  report("next, score and entry", tree.items, () => {
    for (let more = tree.seekFirst(); more; more = tree.next()) sink += tree.score + tree.entry;
  });
}

function updates(): void {
  report("moveScore, far", QUERIES, () => {
    for (let i = 0; i < QUERIES; i++) {
      const at = order[i]!;
      const score = scores[MEMBERS - 1 - at]! + 0.01;
      tree.moveScore(scores[at]!, entries[at]!, score);
      scores[at] = score;
    }
  });
  report("moveScore, in place", QUERIES, () => {
    for (let i = 0; i < QUERIES; i++) {
      const at = order[i]!;
      const score = scores[at]! + 0.0001;
      tree.moveScore(scores[at]!, entries[at]!, score);
      scores[at] = score;
    }
  });
  report("removeScore, at random (half)", MEMBERS / 2, () => {
    for (let i = 0; i < MEMBERS / 2; i++)
      if (!tree.removeScore(scores[order[i]!]!, entries[order[i]!]!)) throw new Error("?");
  });
  bytesEach();
}

console.log(`${MEMBERS} members`);
build(
  "random scores",
  (i) => scores[i]!,
  (i) => entries[i]!,
);
queries((i) => scores[i]!);
updates();
release();
build(
  "ascending",
  (i) => i,
  (i) => entries[i]!,
);
release();
build(
  "descending",
  (i) => -i,
  (i) => entries[i]!,
);
release();
build(
  "equal scores, members at random",
  () => 1,
  (i) => entries[order[i]!]!,
);
queries(() => 1);
release();

tree.attach(Tree.create(allocator, true));
report("append, weighted", MEMBERS, () => {
  for (let i = 0; i < MEMBERS; i++) tree.append(i, 8192, 20 + (i & 63));
});
bytesEach();
report("seekPosition, weighted", QUERIES, () => {
  for (let i = 0; i < QUERIES; i++) sink += +tree.seekPosition(order[i]! * 40);
});
report("queue: append and remove the first", QUERIES, () => {
  for (let i = 0; i < QUERIES; i++) {
    tree.append(i, 8192, 20);
    tree.seekFirst();
    tree.remove();
  }
});
report("setWords, weight of the last changes", QUERIES, () => {
  for (let i = 0; i < QUERIES; i++) {
    tree.seekLast();
    tree.setWords(tree.w0, tree.w1, tree.w2 + 1);
  }
});
release();
if (sink === 0.5) console.log(sink);
