/**
 * Requests that make a dataset of every type, in every encoding, small and big, in several databases, some keys with an expiry far off: the same ones
 * for the same seed. Both Emberlog and redis-server 7.0 take all of them.
 */
import { type Random, uniform } from "../../src/base/random.ts";
import type { Argument } from "./resp_client.ts";

const DATABASES = [0, 0, 0, 1, 9, 15];
/** Elements of a collection: one that is small anywhere, at the limits of listpacks and intsets, and beyond. */
const COUNTS = [1, 2, 3, 10, 100, 127, 128, 129, 511, 512, 513, 1500];
const LENGTHS = [0, 1, 11, 12, 20, 21, 62, 63, 64, 65, 253, 254, 255, 4095, 4096, 8191, 8192, 70_000];
const INTEGERS = [
  "0",
  "-1",
  "12",
  "127",
  "-128",
  "128",
  "4095",
  "-4096",
  "32767",
  "-32769",
  "8388607",
  "-8388609",
  "2147483647",
  "-2147483649",
  "4294967296",
  "9223372036854775807",
  "-9223372036854775808",
];
/** No "-0": whether its sign outlives a listpack depends on how many elements one ZADD has, since Redis 7.2. */
const SCORES = [
  "0",
  "1",
  "-1.5",
  "0.1",
  "3.141592653589793",
  "1e300",
  "-1e-300",
  "inf",
  "-inf",
  "9007199254740993",
  "1000000",
  "17179869184",
];
const DAY_MS = 86_400_000;
/** Arguments of one request. */
const ARGUMENTS_MAX = 1000;

const pick = <T>(random: Random, from: readonly T[]): T => from[uniform(random, from.length)]!;

/** Bytes that do not compress, that do, and text. */
function bytesOf(random: Random, length: number): Buffer {
  const kind = uniform(random, 3);
  if (kind === 0) return Buffer.from(random.bytes(length));
  if (kind === 1) return Buffer.alloc(length, 97 + uniform(random, 26));
  return Buffer.from("the quick brown fox jumps over the lazy dog ".repeat(length / 44 + 1).slice(0, length));
}

/** The `n`th of elements that differ from each other. */
function element(random: Random, kind: number, n: number, long: number): Argument {
  switch (kind) {
    case 0:
      return String(n - 20);
    case 1:
      return String(BigInt(n) * 1_000_003n ** BigInt(1 + (n % 3)));
    case 2:
      return `member:${n}`;
    case 3:
      return Buffer.concat([Buffer.from([n & 255, n >> 8, 0, 255, 13, 10]), Buffer.from(random.bytes(4))]);
    case 4:
      return n === long ? bytesOf(random, pick(random, LENGTHS)) : `m${n}`;
    default:
      return n < INTEGERS.length ? INTEGERS[n]! : n % 2 === 0 ? String(n * 1000) : `mixed ${n}`;
  }
}

function elements(random: Random): Argument[] {
  const count = pick(random, COUNTS);
  const kind = uniform(random, 6);
  const long = uniform(random, count);
  return Array.from({ length: count }, (_, n) => element(random, kind, n, long));
}

function stringOf(random: Random): Argument {
  switch (uniform(random, 4)) {
    case 0:
      return pick(random, INTEGERS);
    case 1:
      return pick(random, ["1.5", "01", "+1", " 1", "9223372036854775808", ""]);
    default:
      return bytesOf(random, pick(random, LENGTHS));
  }
}

function* inPieces(head: readonly Argument[], items: readonly Argument[]): Generator<Argument[]> {
  for (let at = 0; at < items.length; at += ARGUMENTS_MAX) yield [...head, ...items.slice(at, at + ARGUMENTS_MAX)];
}

function* value(random: Random, key: Argument): Generator<Argument[]> {
  switch (uniform(random, 8)) {
    case 0:
    case 1:
      return yield ["SET", key, stringOf(random)];
    case 2:
      yield ["APPEND", key, bytesOf(random, pick(random, LENGTHS))];
      return yield ["SETBIT", key, String(uniform(random, 40_000)), "1"];
    case 3: {
      yield* inPieces([pick(random, ["RPUSH", "LPUSH"]), key], elements(random));
      if (uniform(random, 3) === 0) yield ["RPUSH", key, bytesOf(random, 9000), "behind", bytesOf(random, 9000)];
      return;
    }
    case 4:
      return yield* inPieces(["SADD", key], elements(random));
    case 5: {
      const pairs = elements(random).flatMap((field) => [field, stringOf(random)]);
      // A big one has short values: hundreds of 70,000 bytes show nothing more.
      const short = pairs.map((item, i) => (i % 2 === 1 && pairs.length > 300 ? `value ${i}` : item));
      return yield* inPieces(["HSET", key], short);
    }
    default: {
      const scored = elements(random).flatMap((member, i) => [
        uniform(random, 2) === 0 ? pick(random, SCORES) : String(i / 7),
        member,
      ]);
      return yield* inPieces(["ZADD", key], scored);
    }
  }
}

/** Requests in their order, SELECT among them. `keys` counts those that are made; some are removed again, or change their type. */
export function* randomDataset(random: Random, keys: number, nowMs: number, prefix = "key"): Generator<Argument[]> {
  let database = -1;
  for (let n = 0; n < keys; n++) {
    const next = pick(random, DATABASES);
    if (next !== database) yield ["SELECT", String(next)];
    database = next;
    const key = uniform(random, 12) === 0 ? Buffer.from([n & 255, n >> 8, 0, 10, 200]) : `${prefix}:${n}`;
    yield* value(random, key);
    if (uniform(random, 4) === 0) {
      yield ["PEXPIREAT", key, String(nowMs + DAY_MS * (1 + uniform(random, 2000)) + uniform(random, 1000))];
    }
    switch (uniform(random, 20)) {
      case 0:
        yield ["DEL", key];
        break;
      case 1:
        yield ["RENAME", key, `renamed:${n}`];
        break;
      case 2:
        yield ["DEL", key];
        yield* value(random, key);
        break;
    }
  }
  yield ["SELECT", "0"];
}
