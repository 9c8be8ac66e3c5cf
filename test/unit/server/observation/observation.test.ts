/**
 * How the executor measures, and what the observation makes of it: runs of short commands as one, what may take long alone, nothing at all
 * while nobody asks.
 */
import { describe, expect, test } from "vitest";
import type { Clock } from "../../../../src/base/clock.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import type { Call } from "../../../../src/command/call.ts";
import type { CommandDefinition } from "../../../../src/command/definition.ts";
import { CommandTable, UNKNOWN_COMMAND } from "../../../../src/command/table.ts";
import { exec, multi } from "../../../../src/command/transaction/multi.ts";
import { Engine } from "../../../../src/engine/engine.ts";
import { RequestParser } from "../../../../src/protocol/request_parser.ts";
import { encodeRequest } from "../../../../src/protocol/request_writer.ts";
import { Observation } from "../../../../src/server/observation/observation.ts";

const WALL_MS = 1_700_000_000_123;

class TestClock implements Clock {
  us = 0;
  reads = 0;
  wallMs(): number {
    return WALL_MS;
  }
  monotonicUs(): number {
    this.reads++;
    return this.us;
  }
}

/** Each command takes the time that its argument says, µs. */
function taking(clock: TestClock, name: string, more: Partial<CommandDefinition>): CommandDefinition {
  return {
    name,
    group: "string",
    since: "1.0.0",
    summary: "",
    arity: -1,
    flags: [],
    run(call: Call) {
      clock.us += call.argc > 1 ? call.integer(1) : 0;
      call.reply.ok();
    },
    ...more,
  };
}

function harness(): {
  clock: TestClock;
  engine: Engine;
  observation: Observation;
  turn(...requests: string[]): void;
} {
  const clock = new TestClock();
  const table = new CommandTable([
    taking(clock, "QUICK", { flags: ["fast"] }),
    taking(clock, "OTHER", { flags: ["fast"] }),
    taking(clock, "SLOW", { complexity: "O(N)" }),
    taking(clock, "SECRET", { flags: ["fast"], secrets: () => [2] }),
    multi,
    exec,
  ]);
  const engine = new Engine({ clock, random: seededRandom(1), table, databases: 1 });
  const observation = new Observation(engine.executor, () => clock.wallMs());
  const parser = new RequestParser(64);
  return {
    clock,
    engine,
    observation,
    turn(...requests) {
      engine.beginTurn();
      clock.reads = 0;
      const { call, executor } = engine;
      const parts = requests.map((request) =>
        encodeRequest(request.split(" ").map((word) => Uint8Array.from(Buffer.from(word)))),
      );
      const input = new Uint8Array(Buffer.concat(parts));
      call.input = input;
      parser.reset();
      for (let at = 0; at < input.length; ) {
        const first = parser.argCount;
        parser.next(input, at, input.length);
        call.args = parser.args;
        call.first = first;
        call.argc = parser.argc;
        const id = table.lookup(input, call.start(0), call.length(0));
        if (id === UNKNOWN_COMMAND) throw new Error("unknown");
        executor.execute(call, id, at, parser.end);
        at = parser.end;
      }
      executor.stopTimer(call);
      engine.commit();
      call.reply.position = 0;
    },
  };
}

const id = { quick: 0, other: 1, slow: 2, secret: 3, exec: 5 };

describe("without anything that asks", () => {
  test("there is no observer, and a run of short commands reads the clock once", () => {
    const { clock, engine, observation, turn } = harness();
    observation.configure(-1, 128, 0, false);
    expect(engine.executor.observer).toBeUndefined();
    turn("QUICK 5", "QUICK 7", "QUICK 1");
    expect(clock.reads).toBe(1);
    expect([engine.executor.calls[id.quick], engine.executor.microseconds[id.quick]]).toEqual([3, 13]);
    expect(observation.histogram(id.quick)).toBeUndefined();
  });

  test("a run ends where another command begins, and each has its own time", () => {
    const { clock, engine, observation, turn } = harness();
    observation.configure(-1, 128, 0, false);
    turn("QUICK 5", "QUICK 7", "OTHER 100", "QUICK 1");
    expect(clock.reads).toBe(3);
    const { microseconds } = engine.executor;
    expect([microseconds[id.quick], microseconds[id.other]]).toEqual([13, 100]);
  });
});

describe("with the slow log", () => {
  test("a run is as slow as its average: the measuring costs no clock read more", () => {
    const { clock, observation, turn } = harness();
    observation.configure(10_000, 128, 0, true);
    turn(...Array.from({ length: 100 }, () => "QUICK 200"));
    expect(clock.reads).toBe(1);
    expect(observation.slowLog.length).toBe(0);
    expect(observation.histogram(id.quick)!.total).toBe(100);
    expect(observation.histogram(id.quick)!.percentile(50)).toBeGreaterThanOrEqual(200_000);
    expect(observation.histogram(id.quick)!.percentile(50)).toBeLessThan(202_000);
  });

  test("what may take long is measured alone", () => {
    const { observation, turn } = harness();
    observation.configure(10_000, 128, 0, true);
    turn("SLOW 3", "SLOW 20000 with arguments", "SLOW 9999");
    const entries = observation.slowLog.newest(10);
    expect(entries).toHaveLength(1);
    expect(entries[0]!.microseconds).toBe(20000);
    expect(entries[0]!.time).toBe(Math.floor(WALL_MS / 1000));
    expect(entries[0]!.args.map((each) => Buffer.from(each).toString())).toEqual([
      "SLOW",
      "20000",
      "with",
      "arguments",
    ]);
  });

  test("with a low threshold every command is, in order, its secrets hidden", () => {
    const { observation, turn } = harness();
    observation.configure(0, 128, 0, false);
    turn("QUICK 1", "QUICK 2", "SECRET 3 hush", "QUICK 4");
    const entries = observation.slowLog.newest(10).reverse();
    expect(entries.map(({ id: number, microseconds }) => [number, microseconds])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
    expect(entries[2]!.args.map((each) => Buffer.from(each).toString())).toEqual(["SECRET", "3", "(redacted)"]);
  });

  test("a transaction's commands are logged, EXEC is not", () => {
    const { engine, observation, turn } = harness();
    observation.configure(50, 128, 0, true);
    turn("MULTI", "QUICK 60", "SLOW 70", "EXEC");
    expect(observation.slowLog.newest(10).map(({ microseconds }) => microseconds)).toEqual([70, 60]);
    // EXEC takes the time of all of it.
    const { calls, microseconds } = engine.executor;
    expect([calls[id.exec], microseconds[id.exec], microseconds[id.slow]]).toEqual([1, 130, 70]);
    expect(observation.histogram(id.exec)!.total).toBe(1);
    turn("MULTI", "EXEC", "QUICK 5");
    expect([calls[id.exec], microseconds[id.exec], microseconds[id.quick]]).toEqual([2, 130, 65]);
  });

  test("it forgets the oldest, and nothing is kept with a length of 0", () => {
    const { observation, turn } = harness();
    observation.configure(0, 2, 0, false);
    turn("QUICK 1", "QUICK 2", "QUICK 3");
    expect(observation.slowLog.newest(10).map(({ id: number }) => number)).toEqual([2, 1]);
    observation.configure(0, 0, 0, false);
    turn("QUICK 1");
    expect(observation.slowLog.length).toBe(0);
  });
});

describe("with the latency monitor", () => {
  test("events are named by what ran, and a transaction counts as a whole", () => {
    const { observation, turn } = harness();
    observation.configure(-1, 128, 10, false);
    turn("QUICK 9999", "QUICK 15000");
    turn("SLOW 12000");
    expect([...observation.latency.series].map(([name, { max }]) => [name, max])).toEqual([
      ["fast-command", 15],
      ["command", 12],
    ]);
    observation.latency.reset([]);
    turn("MULTI", "QUICK 6000", "SLOW 7000", "EXEC");
    expect([...observation.latency.series].map(([name, { max }]) => [name, max])).toEqual([["command", 13]]);
  });
});

test("CONFIG RESETSTAT forgets the histograms, and tracking can be turned off", () => {
  const { observation, turn } = harness();
  observation.configure(-1, 128, 0, true);
  turn("QUICK 5");
  expect(observation.histogram(id.quick)!.total).toBe(1);
  observation.resetHistograms();
  expect(observation.histogram(id.quick)).toBeUndefined();
  observation.configure(10_000, 128, 0, false);
  turn("QUICK 5");
  expect(observation.histogram(id.quick)).toBeUndefined();
});
