/** kill -9 under load, a few rounds with each policy, and proof that the oracle sees what it is there to see. */
import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import { checkJournal, type State, Writer } from "./crash_model.ts";
import { crashRounds } from "./crash_rounds.ts";

const rounds = Number(process.env["EMBERLOG_ROUNDS"] ?? 3);
const seed = Number(process.env["EMBERLOG_SEED"] ?? randomInt(1 << 30));

describe("nothing acknowledged is lost by kill -9", () => {
  for (const policy of ["always", "everysec", "no"] as const) {
    test(`appendfsync ${policy}, ${rounds} rounds, seed ${seed}`, { timeout: 120_000 }, async () => {
      const result = await crashRounds(policy, rounds, seed);
      expect(result.failure).toBe("");
      expect(result.acknowledged).toBeGreaterThan(rounds * 100);
    });
  }
});

describe("the oracle notices", () => {
  /** A writer that has sent 400 operations, of which 390 were acknowledged, and the exact states it went through. */
  function history(): { writer: Writer; states: State[]; units: number[] } {
    const writer = new Writer(0);
    const random = seededRandom(7);
    const shadow = new Writer(0);
    const states: State[] = [new Map()];
    const units: number[] = [];
    for (let number = 1; number <= 400; number++) {
      const operation = writer.draw(random);
      if (operation.kind === "unit") units.push(number);
      const state = new Map(states.at(-1)!);
      const value = String(number);
      if (operation.kind === "set") state.set(operation.key, value);
      if (operation.kind === "setex") state.set(operation.key, `${value} (timed)`);
      if (operation.kind === "del") state.delete(operation.key);
      if (operation.kind === "mset") for (const key of operation.keys) state.set(key, value);
      if (operation.kind === "big") state.set(operation.key, `${value}:`.padEnd(40_000, "b"));
      if (operation.kind === "append") state.set(shadow.key(-2), `${state.get(shadow.key(-2)) ?? ""}${value},`);
      if (operation.kind === "unit") state.set(operation.key, value);
      if (operation.kind === "unit" || operation.kind === "incr") {
        state.set(shadow.key(-1), String(Number(state.get(shadow.key(-1)) ?? 0) + 1));
      }
      states.push(state);
    }
    writer.acknowledged = 390;
    return { writer, states, units };
  }

  test("that a prefix with all acknowledged operations is right", () => {
    for (const length of [390, 395, 400]) {
      const { writer, states, units } = history();
      expect(writer.settle(states[length]!, true)).toEqual({ units: units.filter((number) => number <= length) });
    }
  });

  test("a lost acknowledged write", () => {
    const { writer, states } = history();
    expect(writer.settle(states[389]!, true)).toMatch(/no prefix/);
  });

  test("a lost write that somebody had read, where reads count", () => {
    const { writer, states } = history();
    writer.seen = 393;
    expect(writer.settle(states[392]!, true)).toMatch(/no prefix/);
    expect(writer.settle(states[392]!, false)).toHaveProperty("units");
  });

  test("a hole, a write applied twice, a lost time to live, a key from nowhere", () => {
    const spoiled: ((state: State) => void)[] = [
      (state) => state.set("w0:k3", "1"),
      (state) => state.set("w0:k-1", String(Number(state.get("w0:k-1")) + 1)),
      (state) => {
        for (const [key, value] of state) if (value.endsWith("(timed)")) state.set(key, value.replace(" (timed)", ""));
      },
      (state) => state.set("w0:k99", "x"),
      (state) => state.delete("w0:k-2"),
    ];
    for (const spoil of spoiled) {
      const { writer, states } = history();
      const state = new Map(states[395]!);
      spoil(state);
      expect(writer.settle(state, true)).toMatch(/no prefix/);
    }
  });

  test("half a unit, in either half, and a journal that went back", () => {
    expect(checkJournal("", "0:3;0:7;1:2;", [[3, 7], [2]])).toBe("");
    expect(checkJournal("", "0:3;1:2;", [[3, 7], [2]])).toMatch(/not in the journal: 7/);
    expect(checkJournal("", "0:3;0:7;1:2;1:9;", [[3, 7], [2]])).toMatch(/not in its keys: 9/);
    expect(checkJournal("0:3;", "1:2;", [[], [2]])).toMatch(/lost what it held/);
    expect(checkJournal("0:3;", "0:3;1:2;", [[], [2]])).toBe("");
  });
});
