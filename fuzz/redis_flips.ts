/**
 * The same decay, met by redis-server: single bits of its append-only file are flipped, it is started, and every key is read. Beside
 * bit_flips.ts it shows what checksums are for.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom, uniform } from "../src/base/random.ts";
import { redisVersion, startRedis } from "../test/support/redis_server.ts";
import type { ServerProcess } from "../test/support/server_process.ts";

const KEYS = 40;
const VALUE = "abcdefghij".repeat(30);
const ARGS = ["--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no"];

export interface RedisFlips {
  readonly version: string;
  readonly flips: number;
  refused: number;
  /** Started, and every key is as it was. */
  harmless: number;
  /** Started, and keys are missing, or hold what nobody wrote. */
  wrong: number;
  example: string;
}

/** `dir` is empty and the caller's. */
export async function flipRedis(dir: string, flips: number, seed: number): Promise<RedisFlips> {
  const first = await startRedis({ args: ARGS, dir });
  const client = await first.connect();
  for (let i = 0; i < KEYS; i++) await client.command("SET", `key:${i}`, `${i}:${VALUE}`);
  client.close();
  await first.stop();
  const folder = join(dir, "appendonlydir");
  const file = join(folder, readdirSync(folder).find((name) => name.endsWith(".incr.aof"))!);
  const sound = readFileSync(file);
  const random = seededRandom(seed);
  const result: RedisFlips = { version: redisVersion(), flips, refused: 0, harmless: 0, wrong: 0, example: "" };
  for (let i = 0; i < flips; i++) {
    const at = uniform(random, sound.length);
    const bytes = Buffer.from(sound);
    bytes[at] = bytes[at]! ^ (1 << uniform(random, 8));
    writeFileSync(file, bytes);
    let server: ServerProcess;
    try {
      server = await startRedis({ args: ARGS, dir });
    } catch {
      result.refused++;
      continue;
    }
    const wrong = await firstWrong(server);
    await server.kill9();
    if (wrong === "") result.harmless++;
    else {
      result.wrong++;
      if (result.example === "") result.example = `byte ${at}: ${wrong}`;
    }
  }
  writeFileSync(file, sound);
  return result;
}

async function firstWrong(server: ServerProcess): Promise<string> {
  const client = await server.connect();
  try {
    for (let i = 0; i < KEYS; i++) {
      const value = String((await client.call("GET", `key:${i}`)) ?? "nothing");
      const right = `${i}:${VALUE}`;
      if (value !== right) {
        const from = Math.max(0, [...value].findIndex((character, at) => character !== right[at]) - 10);
        return `GET key:${i} answers …${JSON.stringify(value.slice(from, from + 24))}… instead of …${JSON.stringify(right.slice(from, from + 24))}…`;
      }
    }
    return "";
  } finally {
    client.close();
  }
}
