/** The small sibling of `npm run fuzz -- --target crash`: some seeds, those that once failed, and proof that the oracle sees. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { crash } from "../../fuzz/crash.ts";
import { MUTANTS } from "../../fuzz/mutation/mutants.ts";
import { Model, ModelSession } from "../../fuzz/sim/model.ts";
import { runSeed } from "../../fuzz/sim/run.ts";
import { shrink } from "../../fuzz/sim/shrink.ts";
import { seededRandom } from "../../src/base/random.ts";
import { MemoryFile } from "../../src/disk/memory_file.ts";
import { REGRESSIONS } from "./regressions.ts";

const SEEDS = 60;
const OPTIONS = { keep: undefined, verbose: false };

test(`${SEEDS} seeds: crashes, faults and decay on the simulated disk`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const failure = await crash.run(seededRandom(seed), seed, OPTIONS);
    expect(failure, `npm run fuzz -- --target crash --seed ${seed}`).toBe("");
  }
});

test.each(REGRESSIONS)("once failed: $name (seed $seed)", async ({ seed, keep }) => {
  const { failure } = await runSeed(seed, keep === undefined ? undefined : new Set(keep));
  expect(failure).toBe("");
});

test("a seed replays to the byte, and steps left out leave the others as they are", async () => {
  const lines: string[] = [];
  const once = await runSeed(12, undefined, (line) => lines.push(line));
  const twice = await runSeed(12);
  expect(twice.hash).toBe(once.hash);
  expect(twice.counts.numbers).toEqual(once.counts.numbers);
  expect((await runSeed(13)).hash).not.toBe(once.hash);
  expect(lines.length).toBeGreaterThan(100);
  expect((await runSeed(12, new Set())).failure).toBe("");
});

test("a seed that runs behind others, in memory that they have used, is the seed that runs alone", async () => {
  for (let seed = 200; seed < 212; seed++) await runSeed(seed);
  const behind = [await runSeed(12), await runSeed(13)].map(({ hash }) => hash);
  const script =
    'import("./fuzz/sim/run.ts").then(async ({ runSeed }) => console.log((await runSeed(Number(process.argv[1]))).hash))';
  const alone = [12, 13].map((seed) =>
    Number(execFileSync(process.execPath, ["--import", "tsx", "--eval", script, String(seed)], { encoding: "utf8" })),
  );
  expect(behind).toEqual(alone);
});

describe("the oracle notices", () => {
  test("a disk that forgets what it has synced", async () => {
    const { endWriteback } = MemoryFile.prototype;
    MemoryFile.prototype.endWriteback = () => {};
    let found = 0;
    try {
      for (let seed = 1; seed <= 20; seed++) if ((await runSeed(seed)).failure !== "") found++;
    } finally {
      MemoryFile.prototype.endWriteback = endWriteback;
    }
    expect(found).toBeGreaterThan(15);
  });

  test("a state that is no prefix: a hole, a lost write, half a transaction", () => {
    const model = new Model();
    const session = new ModelSession();
    const run = (...args: string[]) => model.execute(session, args, { nowMs: 1000, refusal: undefined, answer: "" });
    expect(run("SET", "a", "1")).toEqual({ text: "+OK\r\n", shows: 1 });
    run("MULTI");
    run("SET", "b", "2");
    run("SET", "a", "3");
    expect(run("EXEC")).toEqual({ text: "*2\r\n+OK\r\n+OK\r\n", shows: 2 });
    expect(run("GET", "b")).toEqual({ text: "$1\r\n2\r\n", shows: 2 });
    expect(run("SET", "c", "4").shows).toBe(3);
    const state = (...pairs: [string, string][]) =>
      new Map(pairs.map(([key, value]) => [`0:${key}`, { text: `string ${value}`, expireMs: 0 }]));
    expect(model.settle(state(["a", "3"], ["b", "2"]), 3, 1000), "a lost write").toBe(-1);
    expect(model.settle(state(["a", "1"], ["b", "2"]), 0, 1000), "half a transaction").toBe(-1);
    expect(model.settle(state(["a", "1"], ["c", "4"]), 0, 1000), "a hole").toBe(-1);
    expect(model.settle(state(["a", "3"], ["b", "2"]), 1, 1000)).toBe(2);
    // What was lost is lost from then on.
    expect(run("SET", "d", "5").shows).toBe(3);
    expect(model.settle(state(["a", "3"], ["b", "2"], ["d", "5"]), 3, 1000)).toBe(3);
  });
});

describe("the model holds a server to what it may answer", () => {
  const at = (answer: string) => ({ nowMs: 1000, refusal: undefined, answer });
  const filled = (): [Model, ModelSession] => {
    const [model, session] = [new Model(), new ModelSession()];
    model.execute(session, ["SADD", "s", "p", "q"], at(""));
    return [model, session];
  };

  test("a member that is drawn is one of the set, and gone", () => {
    const [model, session] = filled();
    expect(model.execute(session, ["SPOP", "s"], at("$1\r\nq\r\n"))).toEqual({ text: "$1\r\nq\r\n", shows: 2 });
    expect(model.execute(session, ["SISMEMBER", "s", "q"], at(""))).toEqual({ text: ":0\r\n", shows: 2 });
    expect(() => model.execute(session, ["SPOP", "s"], at("$1\r\nq\r\n"))).toThrow("does not hold");
  });

  test("members come in any order, and all of them", () => {
    const [model, session] = filled();
    const answer = "*2\r\n$1\r\nq\r\n$1\r\np\r\n";
    expect(model.execute(session, ["SMEMBERS", "s"], at(answer)).text).toBe(answer);
    expect(() => model.execute(session, ["SMEMBERS", "s"], at("*1\r\n$1\r\nq\r\n"))).toThrow("in some order");
  });

  test("a request that waits goes on with what was pushed, and what it is answered shows that", () => {
    const [model, session] = filled();
    expect(model.execute(session, ["BLPOP", "l", "0"], at(""))).toEqual({ text: "", shows: 0 });
    expect(model.wakes(session)).toBe("");
    model.execute(new ModelSession(), ["RPUSH", "l", "v"], at(""));
    expect(model.wakes(session)).toBe("l");
    expect(model.resume(session, "l", at(""))).toEqual({ text: "*2\r\n$1\r\nl\r\n$1\r\nv\r\n", shows: 3 });
    expect(model.wakes(session)).toBe("");
  });
});

test("every mutant stands in the sources, exactly once, under a name of its own", () => {
  const wrong = MUTANTS.flatMap(({ name, edits }) =>
    edits
      .map(({ file, find }) => ({ file, times: readFileSync(file, "utf8").split(find).length - 1 }))
      .filter(({ times }) => times !== 1)
      .map(({ file, times }) => `${name}: ${times} times in ${file}`),
  );
  expect(wrong).toEqual([]);
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});

test("shrinking keeps the steps that are needed", async () => {
  const steps = Array.from({ length: 40 }, (_, i) => i);
  const needed = [3, 17, 18, 39];
  const fails = async (kept: readonly number[]): Promise<boolean> => needed.every((each) => kept.includes(each));
  expect(await shrink(steps, fails, 400)).toEqual(needed);
});
