/**
 * Sends one random sequence of commands to both servers and compares every reply; at the end, and now and then, the whole state.
 * A sequence that shows a difference is made shorter before it is reported.
 */
import { seededRandom } from "../../src/base/random.ts";
import type { RespClient } from "../support/resp_client.ts";
import { acceptedDifference } from "./differences.ts";
import { CommandSource, inspection, type RandomCommand } from "./random_commands.ts";
import type { Conformance } from "./runner.ts";
import { sameFor } from "./step.ts";

/** Commands between two looks at the whole state. */
const INSPECT_EVERY = 1000;
/** Commands sent before the replies are read. */
const BATCH = 50;
/** Runs that may be spent on making a failing sequence shorter. */
const SHRINK_RUNS = 300;

interface Divergence {
  readonly index: number;
  readonly name: string;
  readonly text: string;
}

/** Runs `steps` commands drawn from `seed`; the report of a difference, or "". */
export async function runRandom(conformance: Conformance, seed: number, steps: number): Promise<string> {
  const protocol = (seed & 1) === 0 ? 2 : 3;
  const source = new CommandSource(seededRandom(seed));
  const commands: RandomCommand[] = [];
  for (let i = 1; i <= steps; i++) {
    commands.push(source.next());
    if (i % INSPECT_EVERY === 0 || i === steps) commands.push(...inspection());
  }
  const replay = `replay: EMBERLOG_SEED=${seed} EMBERLOG_STEPS=${steps} npx vitest run test/conformance/random.test.ts`;
  let found: Divergence | undefined;
  try {
    found = await compare(conformance, commands, protocol);
  } catch (error) {
    return `seed ${seed}, RESP${protocol}: ${error}\n${await conformance.obituary()}\n${replay}`;
  }
  if (found === undefined) return "";
  const shortest = await shrink(conformance, commands.slice(0, found.index + 1), protocol, found.name);
  const last = await compare(conformance, shortest, protocol);
  return [
    `seed ${seed}, RESP${protocol}: ${found.text}`,
    `shortest sequence found:`,
    ...shortest.map((command) => `  ${shown(command)}`),
    last === undefined ? "(which no longer differs: it depends on time or on what was before)" : last.text,
    replay,
  ].join("\n");
}

async function compare(
  conformance: Conformance,
  commands: readonly RandomCommand[],
  protocol: 2 | 3,
): Promise<Divergence | undefined> {
  const [ours, theirs] = await Promise.all([conformance.ours.connect(), conformance.theirs.connect()]);
  try {
    for (const client of [ours, theirs]) {
      await client.command("FLUSHALL");
      if (protocol === 3) await client.command("HELLO", "3");
    }
    for (let start = 0; start < commands.length; start += BATCH) {
      const batch = commands.slice(start, start + BATCH);
      const [left, right] = await Promise.all([send(ours, batch), send(theirs, batch)]);
      conformance.steps += batch.length;
      for (let i = 0; i < batch.length; i++) {
        const args = batch[i]!.map((arg) =>
          arg instanceof Uint8Array ? Buffer.from(arg).toString("latin1") : String(arg),
        );
        const mine = left[i]!;
        const other = right[i]!;
        if (agree(args, mine, other, protocol)) continue;
        return {
          index: start + i,
          name: args[0]!,
          text: `step ${start + i}: ${shown(batch[i]!)}\n    emberlog ${JSON.stringify(mine)}\n    redis    ${JSON.stringify(other)}`,
        };
      }
    }
    return undefined;
  } finally {
    ours.close();
    theirs.close();
  }
}

function agree(args: readonly string[], ours: string, theirs: string, protocol: 2 | 3): boolean {
  try {
    if (sameFor(args)(ours, theirs)) return true;
  } catch {
    return false;
  }
  return acceptedDifference(args, ours, theirs, protocol);
}

async function send(client: RespClient, batch: readonly RandomCommand[]): Promise<string[]> {
  const replies = await client.pipeline(batch);
  return replies.map((reply) => reply.toString("latin1"));
}

/** Leaves out pieces of the sequence, ever smaller ones, as long as what remains still shows a difference at the same command. */
async function shrink(
  conformance: Conformance,
  commands: readonly RandomCommand[],
  protocol: 2 | 3,
  name: string,
): Promise<readonly RandomCommand[]> {
  let current = commands;
  let runs = 0;
  for (let piece = current.length >> 1; piece >= 1; piece >>= 1) {
    for (let start = 0; start < current.length - 1 && runs < SHRINK_RUNS; ) {
      const without = [...current.slice(0, start), ...current.slice(start + piece)];
      runs++;
      const found = await compare(conformance, without, protocol);
      if (found?.name !== name) start += piece;
      else current = without.slice(0, found.index + 1);
    }
  }
  return current;
}

function shown(command: RandomCommand): string {
  return command
    .map((arg) => {
      const text = arg instanceof Uint8Array ? Buffer.from(arg).toString("latin1") : String(arg);
      return /^[\w*.:+#-]+$/.test(text) ? text : JSON.stringify(text);
    })
    .join(" ");
}
