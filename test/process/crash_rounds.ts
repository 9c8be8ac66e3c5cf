/**
 * Rounds of load, SIGKILL or a power cut, restart and judgement by the oracle in crash_model.ts, on one data directory.
 *
 * How a round ends is the ground's to say: the process killed at a random moment or at a named call of node:fs (kill_point.mjs), or
 * the file system stopped without writing anything more (power_ground.ts). After a power cut under `everysec` what was acknowledged within
 * the last EVERYSEC_BOUND_MS may be gone.
 *
 * Images are taken all the while, full ones and deltas, so that many rounds end in the middle of one, and the start begins with those that were
 * listed; none may be found damaged.
 *
 * Now and then the server is killed again while it recovers, and once recovered it is killed idle: neither may change anything.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Random, seededRandom, uniform } from "../../src/base/random.ts";
import { startEmberlog } from "../support/emberlog_server.ts";
import { ConnectionClosed, type RespClient, request } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { checkJournal, type State, TIMED, Writer } from "./crash_model.ts";

const WRITERS = 8;
const READERS = 2;
/** Between two images, ms, at most. */
const IMAGE_PAUSE_MS = 150;
/** Operations in one pipeline, at most. */
const PIPELINE_MAX = 16;
/** Rounds after which the directory is replaced, so that the log does not grow for the whole run. */
const ROUNDS_PER_DIRECTORY = 10;

export interface CrashResult {
  readonly acknowledged: number;
  /** Operations sent and not acknowledged that survived, which is allowed. */
  readonly survivors: number;
  /** Operations acknowledged and gone, which is allowed after a power cut under `everysec` and `no` only. */
  readonly lost: number;
  /** Starts that began with images. */
  readonly imageStarts: number;
  readonly failure: string;
}

/** Where rounds take place, and how they end. */
export interface Ground {
  /** An empty directory. */
  makeDirectory(): string;
  removeDirectory(dir: string): void;
  /** Load before the end, ms: at least, and how much more at most. */
  readonly loadMs: readonly [number, number];
  /** Unsynced data is gone afterwards. */
  readonly powerCut: boolean;
  /** Environment of a server that dies by itself somewhere; undefined for one that does not. */
  killPoint(random: Random): Readonly<Record<string, string>> | undefined;
  /** Ends the server, and with it perhaps the file system; afterwards another one can be started. */
  end(server: ServerProcess): Promise<void>;
}

/** Under `everysec` a power cut takes no more than this. */
export const EVERYSEC_BOUND_MS = 1500;

export const killGround: Ground = {
  makeDirectory: () => mkdtempSync(join(tmpdir(), "emberlog-crash-")),
  removeDirectory: (dir) => rmSync(dir, { recursive: true, force: true }),
  loadMs: [20, 400],
  powerCut: false,
  killPoint: () => undefined,
  end: (server) => server.kill9(),
};

/** Runs `rounds` rounds under `policy`; the failure, if there is one, names the seed and the round. */
export async function crashRounds(
  policy: "always" | "everysec" | "no",
  rounds: number,
  seed: number,
  ground: Ground = killGround,
): Promise<CrashResult> {
  const random = seededRandom(seed);
  const total = { acknowledged: 0, survivors: 0, lost: 0, imageStarts: 0 };
  for (let round = 1; round <= rounds; ) {
    const dir = ground.makeDirectory();
    const crash = new CrashDirectory(dir, policy, random, ground);
    try {
      for (let i = 0; i < ROUNDS_PER_DIRECTORY && round <= rounds; i++, round++) {
        const failure = await crash.round();
        if (failure !== "") {
          const replay = `replay: EMBERLOG_SEED=${seed} EMBERLOG_ROUNDS=${rounds} npx vitest run test/process/crash.test.ts`;
          return {
            ...total,
            failure: `${policy}, seed ${seed}, round ${round}, directory kept in ${dir}: ${failure}\n${replay}`,
          };
        }
      }
      total.acknowledged += crash.acknowledged;
      total.survivors += crash.survivors;
      total.lost += crash.lost;
      total.imageStarts += crash.imageStarts;
    } finally {
      await crash.end();
    }
    ground.removeDirectory(dir);
  }
  return { ...total, failure: "" };
}

class CrashDirectory {
  acknowledged = 0;
  survivors = 0;
  lost = 0;
  imageStarts = 0;
  private readonly dir: string;
  private readonly policy: string;
  private readonly random: Random;
  private readonly writers = Array.from({ length: WRITERS }, (_, i) => new Writer(i));
  private journal = "";
  private server: ServerProcess | undefined;
  private readonly ground: Ground;
  /** The end has begun: errors are to be expected, acknowledgements count. */
  private ending = false;
  private endMs = 0;

  constructor(dir: string, policy: string, random: Random, ground: Ground) {
    this.dir = dir;
    this.policy = policy;
    this.random = random;
    this.ground = ground;
  }

  async round(): Promise<string> {
    const killPoint = this.ground.killPoint(this.random);
    const server = killPoint === undefined ? (this.server ?? (await this.start())) : await this.startToDie(killPoint);
    if (server === undefined) return this.recoverAndJudge();
    this.ending = false;
    const loads = [
      ...this.writers.map((writer) => this.write(server, writer)),
      ...Array.from({ length: READERS }, () => this.read(server)),
      this.takeImages(server),
    ];
    const stopped = Promise.all(loads);
    await Promise.race([sleep(this.ground.loadMs[0] + uniform(this.random, this.ground.loadMs[1])), server.exit()]);
    if (!server.running && killPoint === undefined) {
      return `the server ended by itself:\n${server.output.slice(-4000)}`;
    }
    this.ending = true;
    this.endMs = performance.now();
    await this.ground.end(server);
    const errors = (await stopped).filter((error) => error !== "");
    if (errors.length > 0) return errors.join("; ");
    return this.recoverAndJudge();
  }

  private async recoverAndJudge(): Promise<string> {
    if (uniform(this.random, 4) === 0) await this.interruptRecovery();
    this.server = await this.start();
    const failure = (await this.judge(this.server)) || (await this.save(this.server));
    if (failure !== "" || uniform(this.random, 5) !== 0) return failure;
    return this.killIdle();
  }

  async end(): Promise<void> {
    await this.server?.kill9();
  }

  private start(env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const args = ["--appendonly", "yes", "--appendfsync", this.policy, "--log-segment-bytes", "1048576"];
    return startEmberlog({ dir: this.dir, args, env });
  }

  /** In place of the one that runs, a server that kills itself at some point; undefined when it did so before it was ready. */
  private async startToDie(killPoint: Readonly<Record<string, string>>): Promise<ServerProcess | undefined> {
    await this.server?.kill9();
    this.server = undefined;
    try {
      return await this.start(killPoint);
    } catch {
      return undefined;
    }
  }

  /** Kills the server at some moment of its start. */
  private async interruptRecovery(): Promise<void> {
    const starting = this.start();
    starting.catch(() => {});
    await Promise.race([starting, sleep(uniform(this.random, 400))]);
    await (await starting).kill9();
  }

  /** A crash with nothing to do must change nothing. */
  private async killIdle(): Promise<string> {
    const before = await digest(this.server!);
    await this.server!.kill9();
    this.server = await this.start();
    const after = await digest(this.server);
    return before === after ? "" : `recovering twice gave two states: ${before}, then ${after}`;
  }

  private async write(server: ServerProcess, writer: Writer): Promise<string> {
    const client = await server.connect();
    try {
      await client.command("SELECT", String(writer.database));
      for (;;) {
        const counts: number[] = [];
        const parts: Buffer[] = [];
        for (let i = uniform(this.random, PIPELINE_MAX); i >= 0; i--) {
          const operation = writer.draw(this.random);
          const requests = writer.requests(operation, writer.sent);
          counts.push(requests.length);
          for (const args of requests) parts.push(request(args));
        }
        client.write(Buffer.concat(parts));
        for (const count of counts) {
          let last: Buffer = Buffer.alloc(0);
          for (let i = 0; i < count; i++) {
            last = await client.reply();
            if (last[0] === 45 && this.ending) return "";
            if (last[0] === 45) return `writer ${writer.index} got ${last.toString()}`;
          }
          if (count > 1 && last[0] !== 42) return `writer ${writer.index}: EXEC answered ${last.toString()}`;
          writer.acknowledged++;
          writer.acknowledgedMs.push(performance.now());
        }
      }
    } catch (error) {
      if (error instanceof ConnectionClosed) return "";
      return String(error);
    } finally {
      client.close();
    }
  }

  /** Reads what the writers write, and notes the newest operation seen of each. */
  private async read(server: ServerProcess): Promise<string> {
    const client = await server.connect();
    try {
      for (;;) {
        const writer = this.writers[uniform(this.random, WRITERS)]!;
        const keys = writer.keys().slice(0, -3);
        const wanted = Array.from({ length: 5 }, () => keys[uniform(this.random, keys.length)]!);
        client.write(
          Buffer.concat([request(["SELECT", String(writer.database)]), ...wanted.map((key) => request(["GET", key]))]),
        );
        await client.reply();
        for (let i = 0; i < wanted.length; i++) {
          const reply = await client.reply();
          const number = Number(reply.toString("latin1").split("\r\n")[1]);
          if (reply[1] !== 45 && number > writer.seen) writer.seen = number;
        }
      }
    } catch (error) {
      if (error instanceof ConnectionClosed) return "";
      return String(error);
    } finally {
      client.close();
    }
  }

  /** Now and then an image is finished before the load goes on, however busy the machine is. */
  private async save(server: ServerProcess): Promise<string> {
    if (uniform(this.random, 3) !== 0) return "";
    const client = await server.connect();
    try {
      const reply = (await client.command("SAVE")).toString();
      return reply === "+OK\r\n" ? "" : `SAVE answered ${reply}`;
    } finally {
      client.close();
    }
  }

  /** Wishes for images. What becomes of them shows when the next server starts. */
  private async takeImages(server: ServerProcess): Promise<string> {
    const client = await server.connect();
    try {
      for (;;) {
        await sleep(uniform(this.random, IMAGE_PAUSE_MS));
        await client.command(uniform(this.random, 3) === 0 ? "BGREWRITEAOF" : "BGSAVE");
      }
    } catch (error) {
      return error instanceof ConnectionClosed ? "" : String(error);
    } finally {
      client.close();
    }
  }

  private async judge(server: ServerProcess): Promise<string> {
    const client = await server.connect();
    try {
      const info = (await client.command("INFO", "persistence")).toString();
      const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
      if (field("images_damaged_at_start") !== 0) return `an image is damaged:\n${server.output.slice(-2000)}`;
      if (field("image_loaded_bytes") > 0) this.imageStarts++;
      const units: number[][] = [];
      for (const writer of this.writers) {
        const recovered = await stateOf(client, writer);
        const { acknowledged, sent } = writer;
        if (this.ground.powerCut && this.policy !== "always") writer.forgive(this.endMs - EVERYSEC_BOUND_MS);
        const settled = writer.settle(recovered, this.policy === "always");
        if (typeof settled === "string") return settled;
        this.acknowledged += acknowledged;
        this.lost += Math.max(0, acknowledged - writer.acknowledged);
        this.survivors += Math.max(0, Math.min(sent, writer.acknowledged) - acknowledged);
        units.push(settled.units);
      }
      await client.command("SELECT", "0");
      const journal = String((await client.call("GET", "journal")) ?? "");
      const failure = checkJournal(this.journal, journal, units);
      this.journal = journal;
      return failure;
    } finally {
      client.close();
    }
  }
}

async function stateOf(client: RespClient, writer: Writer): Promise<State> {
  await client.command("SELECT", String(writer.database));
  const keys = writer.keys();
  const replies = await client.pipeline(
    keys.flatMap((key) => [
      ["GET", key],
      ["TTL", key],
    ]),
  );
  const state: State = new Map();
  keys.forEach((key, i) => {
    const value = replies[i * 2]!.toString("latin1");
    if (value === "$-1\r\n") return;
    const timed = /^:[1-9]/.test(replies[i * 2 + 1]!.toString());
    state.set(key, value.slice(value.indexOf("\r\n") + 2, -2) + (timed ? TIMED : ""));
  });
  return state;
}

async function digest(server: ServerProcess): Promise<string> {
  const client = await server.connect();
  const reply = await client.command("DEBUG", "DIGEST");
  client.close();
  return reply.toString().trim();
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
