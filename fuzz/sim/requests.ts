/** Draws what the simulated clients send. Every value that is written is there once only. */
import { crc32cReference } from "../../src/base/crc32c.ts";
import { type Random, uniform } from "../../src/base/random.ts";
import { DATABASE_NONE, FLAG_MARK, FRAME_HEADER_BYTES, putFrameFields, sealFrame } from "../../src/log/format.ts";
import { CHANNELS, PATTERNS } from "./channels.ts";
import type { SimClient } from "./clients.ts";

const STRINGS = ["a", "b", "c", "d", "e"];
const COUNTERS = ["n", "m"];
const LISTS = ["l", "k"];
const HASHES = ["h", "g"];
/** The one hash whose fields expire: whether it is there at all is left to its own commands, since nobody says when the last field goes. */
const EXPIRING_HASH = "x";
const SETS = ["s", "t"];
const SORTED_SETS = ["z", "y"];
const ALL_KEYS = [...STRINGS, ...COUNTERS, ...LISTS, ...HASHES, ...SETS, ...SORTED_SETS];
const MEMBERS = ["p", "q", "r", "u", "w"];

/** Share of the kinds of requests, by what they are about. */
const FAMILIES = [
  ..."strings ".repeat(8).trim().split(" "),
  ..."lists ".repeat(3).trim().split(" "),
  ..."hashes ".repeat(2).trim().split(" "),
  ..."sets ".repeat(2).trim().split(" "),
  ..."sortedSets ".repeat(2).trim().split(" "),
  ..."keys ".repeat(2).trim().split(" "),
  ..."sessions ".repeat(3).trim().split(" "),
] as const;

export interface Draw {
  readonly random: Random;
  readonly client: SimClient;
  /** Keys may expire. */
  readonly expiry: boolean;
  /** The client may wait for keys: somebody else is there to have it go on. */
  readonly mayWait: boolean;
  /** Somebody else listens to channels. */
  readonly heard: boolean;
}

export class Requests {
  private values = 0;

  /** The next request of a client. */
  draw(draw: Draw): string[] {
    const { random, client } = draw;
    if (client.subscriptions.size > 0) return this.subscription(draw);
    if (client.inMulti && uniform(random, 3) === 0) return uniform(random, 6) === 0 ? ["DISCARD"] : ["EXEC"];
    // A message may tell of all that its transaction does, also of what comes behind it.
    if (draw.heard && uniform(random, client.inMulti ? 3 : 8) === 0)
      return client.inMulti ? ["PUBLISH", pick(random, CHANNELS), this.name()] : ["MULTI"];
    switch (pick(random, FAMILIES)) {
      case "lists":
        return this.list(draw);
      case "hashes":
        return this.hash(draw);
      case "sets":
        return this.set(draw);
      case "sortedSets":
        return this.sortedSet(draw);
      case "keys":
        return this.keyspace(draw);
      case "sessions":
        return client.inMulti ? ["INCR", pick(random, COUNTERS)] : this.session(draw);
      default:
        return this.string(draw);
    }
  }

  /** A request that differs from this one by its last argument at most, where there are such that are executed at once. */
  alike(request: readonly string[], random: Random): string[] | undefined {
    const [name, key, value] = request;
    switch (name) {
      case "LPUSH":
      case "RPUSH":
        return value === undefined || request.length > 3 ? undefined : [name, key!, this.value(random)];
      case "LPOP":
      case "RPOP":
      case "GET":
        return request.length > 2 ? undefined : [name, key!];
      default:
        return undefined;
    }
  }

  private string({ random, expiry }: Draw): string[] {
    const key = keyOf(random, STRINGS);
    const dice = uniform(random, 20);
    if (dice < 7) return ["SET", key, this.value(random), ...this.options(random, expiry)];
    if (dice < 11) return ["GET", key];
    if (dice < 14) return ["INCR", keyOf(random, COUNTERS)];
    if (dice < 15) return ["APPEND", key, this.value(random)];
    if (dice < 16) return ["MSET", key, this.value(random), pick(random, STRINGS), this.value(random)];
    if (dice < 18) return ["MGET", key, pick(random, COUNTERS), pick(random, ALL_KEYS)];
    return dice < 19 ? [pick(random, ["STRLEN", "GETDEL"]), key] : ["GETSET", key, this.value(random)];
  }

  private list({ random, mayWait }: Draw): string[] {
    const key = keyOf(random, LISTS);
    const other = pick(random, LISTS);
    const side = (): string => pick(random, ["LEFT", "RIGHT"]);
    switch (uniform(random, mayWait ? 14 : 11)) {
      case 0:
      case 1:
        return ["LPUSH", key, this.name(), this.name()];
      case 2:
      case 3:
        return ["RPUSH", key, this.value(random)];
      case 4:
        return [pick(random, ["LPOP", "RPOP"]), key];
      case 5:
        return [pick(random, ["LPOP", "RPOP"]), key, "2"];
      case 6:
        return ["LRANGE", key, "0", "-1"];
      case 7:
        return ["LMOVE", key, other, side(), side()];
      case 8:
        return ["LSET", key, String(uniform(random, 3)), this.name()];
      case 9:
        return ["LTRIM", key, "0", String(1 + uniform(random, 4))];
      case 10:
        return uniform(random, 2) === 0 ? ["LLEN", key] : ["LREM", key, "0", this.lastName];
      case 11:
      case 12:
        return [pick(random, ["BLPOP", "BRPOP"]), key, other, "0"];
      default:
        return ["BLMOVE", key, other, side(), side(), "0"];
    }
  }

  private hash({ random, expiry }: Draw): string[] {
    const expiring = expiry && uniform(random, 2) === 0;
    const key = expiring ? EXPIRING_HASH : keyOf(random, HASHES);
    const field = pick(random, MEMBERS);
    switch (uniform(random, expiring ? 12 : 8)) {
      case 0:
      case 1:
        return ["HSET", key, field, this.value(random), pick(random, MEMBERS), this.name()];
      case 2:
        return ["HDEL", key, field, pick(random, MEMBERS)];
      case 3:
        return ["HGET", key, field];
      case 4:
        return ["HINCRBY", key, `${field}+`, String(1 + uniform(random, 9))];
      case 5:
        return ["HGETALL", key];
      case 6:
        return ["HMGET", key, field, pick(random, MEMBERS)];
      case 7:
        return ["HRANDFIELD", key];
      case 8:
      case 9:
        return ["HPEXPIRE", key, String(1 + uniform(random, 3000)), "FIELDS", "1", field];
      case 10:
        return ["HPERSIST", key, "FIELDS", "1", field];
      default:
        return ["HPTTL", key, "FIELDS", "1", field];
    }
  }

  private set({ random }: Draw): string[] {
    const key = keyOf(random, SETS);
    const member = pick(random, MEMBERS);
    switch (uniform(random, 11)) {
      case 0:
      case 1:
        return ["SADD", key, member, pick(random, MEMBERS), this.name()];
      case 2:
        return ["SADD", key, String(uniform(random, 40))];
      case 3:
        return ["SREM", key, member];
      case 4:
        return ["SPOP", key];
      case 5:
        return ["SPOP", key, String(1 + uniform(random, 3))];
      case 6:
        return ["SMEMBERS", key];
      case 7:
        return [pick(random, ["SRANDMEMBER", "SCARD"]), key];
      case 8:
        return ["SISMEMBER", key, member];
      case 9:
        return ["SMOVE", key, pick(random, SETS), member];
      default:
        return [pick(random, ["SUNIONSTORE", "SDIFFSTORE"]), pick(random, SETS), key, pick(random, SETS)];
    }
  }

  private sortedSet({ random, mayWait }: Draw): string[] {
    const key = keyOf(random, SORTED_SETS);
    const member = pick(random, MEMBERS);
    switch (uniform(random, mayWait ? 13 : 12)) {
      case 0:
      case 1:
        return ["ZADD", key, String(uniform(random, 20)), member];
      case 2:
        return ["ZADD", key, String(uniform(random, 20)), this.name()];
      case 3:
        return ["ZINCRBY", key, String(1 + uniform(random, 9)), member];
      case 4:
        return ["ZREM", key, member];
      case 5:
        return ["ZSCORE", key, member];
      case 6:
        return ["ZRANGE", key, "0", "-1"];
      case 7:
        return [pick(random, ["ZPOPMIN", "ZPOPMAX"]), key];
      case 8:
        return ["ZPOPMIN", key, "2"];
      case 9:
        return ["ZRANGESTORE", pick(random, SORTED_SETS), key, "0", String(uniform(random, 4))];
      case 10:
        return ["ZREMRANGEBYRANK", key, "0", String(uniform(random, 2))];
      case 11:
        return [pick(random, ["ZCARD", "ZRANDMEMBER"]), key];
      default:
        return ["BZPOPMIN", key, pick(random, SORTED_SETS), "0"];
    }
  }

  private keyspace({ random, client, expiry }: Draw): string[] {
    const key = pick(random, ALL_KEYS);
    const other = pick(random, ALL_KEYS);
    switch (uniform(random, 16)) {
      case 0:
      case 1:
      case 2:
        return ["DEL", key, other];
      case 3:
        return ["EXISTS", key, other];
      case 4:
        return ["TYPE", key];
      case 5:
      case 6:
        return other === key ? ["GET", key] : ["RENAME", key, other];
      case 7:
        return other === key ? ["COPY", key, key, "DB", String(1 - client.database)] : ["COPY", key, other, "REPLACE"];
      case 8:
        return ["MOVE", key, String(1 - client.database)];
      case 9:
        return ["SWAPDB", "0", "1"];
      case 10:
        return [uniform(random, 3) === 0 ? "FLUSHALL" : "FLUSHDB"];
      case 11:
      case 12:
        return expiry ? ["PEXPIRE", key, String(1 + uniform(random, 3000))] : ["PERSIST", key];
      case 13:
        return expiry ? ["PTTL", key] : client.inMulti ? ["TYPE", key] : ["DBSIZE"];
      default:
        return ["DEL", key];
    }
  }

  private session(draw: Draw): string[] {
    const { random, expiry, mayWait } = draw;
    const dice = uniform(random, 16);
    if (dice < 3) return ["SELECT", String(uniform(random, 2))];
    // A key that expires breaks a watch: when, nobody says.
    if (dice < 6 && !expiry) return ["WATCH", pick(random, ALL_KEYS)];
    if (dice < 9) return ["PUBLISH", pick(random, CHANNELS), this.name()];
    if (dice === 9 && mayWait) return this.subscription(draw);
    return ["MULTI"];
  }

  private subscription({ random, client }: Draw): string[] {
    const name = pick(random, [...CHANNELS, ...PATTERNS]);
    const by = PATTERNS.includes(name) ? "P" : "";
    return [`${by}${client.subscriptions.size > 0 && uniform(random, 2) === 0 ? "UN" : ""}SUBSCRIBE`, name];
  }

  private options(random: Random, expires: boolean): string[] {
    const dice = uniform(random, 10);
    if (dice === 0) return ["NX"];
    if (dice === 1) return ["XX"];
    if (dice < 5 && expires) return ["PX", String(1 + uniform(random, 3000))];
    return [];
  }

  private name(): string {
    return `v${++this.values}.`;
  }

  private get lastName(): string {
    return `v${this.values}.`;
  }

  private value(random: Random): string {
    const name = this.name();
    const dice = uniform(random, 40);
    if (dice > 37) return name + forgedFrame(random);
    if (dice === 0) return name.padEnd(uniform(random, 20_000), "x");
    return dice < 8 ? name.padEnd(uniform(random, 1200), "y") : name;
  }
}

/** Mostly one of these, now and then one that holds something else. */
function keyOf(random: Random, keys: readonly string[]): string {
  return pick(random, uniform(random, 20) === 0 ? ALL_KEYS : keys);
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
