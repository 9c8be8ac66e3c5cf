/** Draws what the simulated clients send. Every value that is written is there once only. */
import { crc32cReference } from "../../src/base/crc32c.ts";
import { type Random, uniform } from "../../src/base/random.ts";
import { DATABASE_NONE, FLAG_MARK, FRAME_HEADER_BYTES, putFrameFields, sealFrame } from "../../src/log/format.ts";
import type { ModelSession } from "./model.ts";

const KEYS = ["a", "b", "c", "d", "e"];
const COUNTERS = ["n", "m"];
/** All keys there can be. */
export const ALL_KEYS = [...KEYS, ...COUNTERS];

export class Requests {
  private values = 0;

  /** The next request of a client whose session is in this state. `multi` counts what its transaction holds, -1 outside of one. */
  draw(random: Random, session: ModelSession, expiry: boolean): string[] {
    if (session.inMulti && uniform(random, 3) === 0) return uniform(random, 6) === 0 ? ["DISCARD"] : ["EXEC"];
    const dice = uniform(random, 100);
    const key = pick(random, KEYS);
    const expires = expiry && session.database === 1;
    if (dice < 24) return ["SET", key, this.value(random), ...this.options(random, expires)];
    if (dice < 38) return ["GET", key];
    if (dice < 46) return ["INCR", pick(random, COUNTERS)];
    if (dice < 50) return ["APPEND", key, this.value(random)];
    if (dice < 55) return ["DEL", key, pick(random, ALL_KEYS)];
    if (dice < 60) return ["MSET", key, this.value(random), pick(random, KEYS), this.value(random)];
    if (dice < 65) return ["MGET", key, pick(random, COUNTERS), pick(random, KEYS)];
    if (dice < 68) return [pick(random, ["EXISTS", "STRLEN", "GETDEL"]), key];
    if (dice < 70) return ["GETSET", key, this.value(random)];
    if (dice < 72) return expires ? ["PEXPIRE", key, String(1 + uniform(random, 3000))] : ["PERSIST", key];
    if (dice < 74)
      return expires ? ["PTTL", key] : session.database === 0 && !session.inMulti ? ["DBSIZE"] : ["GET", key];
    if (dice < 77) return this.rename(random, key);
    if (dice < 78) return ["FLUSHDB"];
    return session.inMulti ? ["INCR", pick(random, COUNTERS)] : this.aroundTransactions(random, session, key);
  }

  private aroundTransactions(random: Random, session: ModelSession, key: string): string[] {
    const dice = uniform(random, 10);
    if (dice < 2) return ["SELECT", String(uniform(random, 2))];
    if (dice < 4 && session.database === 0) return ["WATCH", key];
    return ["MULTI"];
  }

  private rename(random: Random, key: string): string[] {
    const to = pick(random, KEYS);
    return to === key ? ["GET", key] : ["RENAME", key, to];
  }

  private options(random: Random, expires: boolean): string[] {
    const dice = uniform(random, 10);
    if (dice === 0) return ["NX"];
    if (dice === 1) return ["XX"];
    if (dice < 5 && expires) return ["PX", String(1 + uniform(random, 3000))];
    return [];
  }

  private value(random: Random): string {
    const name = `v${++this.values}.`;
    const dice = uniform(random, 40);
    if (dice > 37) return name + forgedFrame(random);
    if (dice === 0) return name.padEnd(uniform(random, 20_000), "x");
    return dice < 8 ? name.padEnd(uniform(random, 1200), "y") : name;
  }
}

/**
 * A frame header that somebody who knows the format, but no salt, puts into a value: it claims that everything is durable. It must
 * never pass for a frame (D5).
 */
function forgedFrame(random: Random): string {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  putFrameFields(bytes, 0, 0, FLAG_MARK, DATABASE_NONE, 0, 1 + uniform(random, 100), 0, 0);
  sealFrame(bytes, 0, uniform(random, 10), 1_000_000, 0, crc32cReference);
  return Buffer.from(bytes).toString("latin1");
}

export function encode(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[uniform(random, list.length)]!;
}
