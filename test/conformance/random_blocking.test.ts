/**
 * Random waiting: several clients wait for lists, another one pushes, moves, renames and deletes, alone and in transactions.
 * After each step both servers must have answered the same clients with the same replies.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { withSeed } from "../model/memory_seed.ts";
import { redisAvailable } from "../support/redis_server.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { Conformance } from "./runner.ts";

const WAITERS = 5;
const STEPS = 250;

/** One server, with the clients that wait and those that don't. */
class Side {
  private readonly waiting: (Promise<void> | undefined)[] = [];
  private answers: string[] = [];
  private control!: RespClient;
  private readonly clients: RespClient[] = [];

  async open(server: ServerProcess): Promise<void> {
    this.control = await server.connect();
    await this.control.command("FLUSHALL");
    for (let i = 0; i < WAITERS; i++) this.clients.push(await server.connect());
  }

  close(): void {
    for (const client of [this.control, ...this.clients]) client.close();
  }

  isWaiting(i: number): boolean {
    return this.waiting[i] !== undefined;
  }

  /** Sends a command that may wait. */
  async send(i: number, command: readonly string[]): Promise<string> {
    const reply = this.clients[i]!.command(...command);
    this.waiting[i] = reply.then(
      (bytes) => {
        this.waiting[i] = undefined;
        this.answers.push(`${i}: ${bytes.toString("latin1")}`);
      },
      // Those who still wait at the end are closed.
      () => {},
    );
    return this.settled();
  }

  async command(commands: readonly (readonly string[])[]): Promise<string> {
    const replies = await this.control.pipeline(commands);
    return `${replies.join("")} ${await this.settled()}`;
  }

  /** Waits until exactly those have no reply whom the server counts as waiting; what the others were answered, by client. */
  private async settled(): Promise<string> {
    for (let round = 0; ; round++) {
      const info = (await this.control.command("INFO", "clients")).toString();
      const counted = Number(/blocked_clients:(\d+)/.exec(info)![1]);
      if (counted === this.waiting.filter((each) => each !== undefined).length) break;
      if (round === 2000) throw new Error(`the server counts ${counted} waiting clients`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const answers = this.answers.sort();
    this.answers = [];
    return JSON.stringify(answers);
  }
}

describe.skipIf(!redisAvailable())("random waiting", () => {
  let conformance: Conformance;
  beforeAll(async () => {
    conformance = await Conformance.start();
  });
  afterAll(() => conformance?.stop());

  for (const run of [1, 2]) {
    test(`${STEPS} steps, run ${run}`, () => withSeedAsync((seed) => compare(conformance, seed)));
  }
});

/** As withSeed, for what takes its time. */
async function withSeedAsync(run: (seed: number) => Promise<void>): Promise<void> {
  let seed = 0;
  withSeed("test/conformance/random_blocking.test.ts", (given) => {
    seed = given;
  });
  try {
    await run(seed);
  } catch (error) {
    throw new Error(`replay: EMBERLOG_SEED=${seed} npx vitest run test/conformance/random_blocking.test.ts\n${error}`);
  }
}

async function compare(conformance: Conformance, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const below = (bound: number): number => uniform(random, bound);
  const key = (): string => `k${below(4)}`;
  const end = (): string => (below(2) === 0 ? "LEFT" : "RIGHT");
  const keys = (): string[] => Array.from({ length: 1 + below(3) }, key);
  let element = 0;
  const blocking = (): string[] => {
    const some = keys();
    switch (below(6)) {
      case 0:
        return ["BLPOP", ...some, "0"];
      case 1:
        return ["BRPOP", ...some, "0"];
      case 2:
        return ["BLMOVE", key(), key(), end(), end(), "0"];
      case 3:
        return ["BRPOPLPUSH", key(), key(), "0"];
      default:
        return ["BLMPOP", "0", String(some.length), ...some, end(), "COUNT", String(1 + below(3))];
    }
  };
  const change = (): string[] => {
    switch (below(12)) {
      case 0:
        return ["DEL", key()];
      case 1:
        return ["SET", key(), "text"];
      case 2:
        return ["RENAME", key(), key()];
      case 3:
        return ["COPY", key(), key(), "REPLACE"];
      case 4:
        return ["LMOVE", key(), key(), end(), end()];
      case 5:
        return ["LPOP", key(), String(1 + below(2))];
      case 6:
        return ["SADD", key(), "member"];
      default:
        return [
          below(2) === 0 ? "LPUSH" : "RPUSH",
          key(),
          ...Array.from({ length: 1 + below(3) }, () => `e${element++}`),
        ];
    }
  };
  const sides = [new Side(), new Side()] as const;
  await Promise.all([sides[0].open(conformance.ours), sides[1].open(conformance.theirs)]);
  try {
    for (let step = 0; step < STEPS; step++) {
      const waiter = below(WAITERS);
      let results: string[];
      let shown: string;
      if (below(2) === 0 && !sides[0].isWaiting(waiter)) {
        const command = blocking();
        shown = `${waiter}> ${command.join(" ")}`;
        results = await Promise.all(sides.map((side) => side.send(waiter, command)));
      } else {
        const several = below(3) === 0;
        const commands = Array.from({ length: several ? 2 + below(4) : 1 }, change);
        if (several) commands.splice(0, commands.length, ["MULTI"], ...commands, ["EXEC"]);
        shown = commands.map((command) => command.join(" ")).join("; ");
        results = await Promise.all(sides.map((side) => side.command(commands)));
      }
      expect(`step ${step}, ${shown}\n${results[0]}`).toBe(`step ${step}, ${shown}\n${results[1]}`);
    }
  } finally {
    for (const side of sides) side.close();
  }
}
