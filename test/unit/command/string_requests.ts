/** Random requests of the string and bitmap groups: few keys, values and numbers at the edges, options in all combinations. */
import { type Random, uniform } from "../../../src/base/random.ts";

export type Request = readonly string[];

const KEYS = ["a", "b", "c", "d", "key:5", ""];

const INTEGERS = [
  "0", "1", "-1", "2", "7", "8", "9", "15", "42", "-42", "100", "-100", "255", "4294967296", "999999999999999",
  "9007199254740991", "9007199254740993", "-9007199254740993", "9223372036854775806", "9223372036854775807",
  "-9223372036854775808", "9223372036854775808", "01", "-0", "+1", " 1", "1 ", "", "x", "1.5",
]; // biome-ignore format: a table

const FLOATS = [
  "0", "-0", "1", "-1.5", "3.14159", "0.1", "1e3", "5e-18", "1e17", "123456789012345678", "1.5e300", "-1e4900", "1e-4940",
  "1e5000", "0x1p-3", "inf", "-inf", "nan", "", " 1", "1 ", "1e", ".", "5.", ".5",
]; // biome-ignore format: a table

const WORDS = ["", "a", "abc", "foobar", "ohmytext", "mynewtext", "\x00\xff\x80", "hello world", "12", "-7", "010"];

/** Far beyond any run of a test, ms. */
const FAR_MS = 4_102_444_800_000;

function pick<T>(random: Random, from: readonly T[]): T {
  return from[uniform(random, from.length)]!;
}

function key(random: Random): string {
  return pick(random, KEYS);
}

function integer(random: Random): string {
  return uniform(random, 3) === 0 ? pick(random, INTEGERS) : String(uniform(random, 60) - 20);
}

function bytes(random: Random, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++) text += String.fromCharCode(uniform(random, 4) === 0 ? 0xff : uniform(random, 256));
  return text;
}

function value(random: Random): string {
  const kind = uniform(random, 12);
  if (kind < 4) return pick(random, WORDS);
  if (kind < 6) return pick(random, INTEGERS);
  if (kind < 7) return pick(random, FLOATS);
  if (kind < 8) return bytes(random, 40 + uniform(random, 10));
  if (kind < 9) return bytes(random, 900 + uniform(random, 300));
  return bytes(random, uniform(random, 20));
}

function some(random: Random, make: () => string[], most: number): string[] {
  const all: string[] = [];
  for (let i = 1 + uniform(random, most); i > 0; i--) all.push(...make());
  return all;
}

function anyCase(random: Random, word: string): string {
  return uniform(random, 3) === 0 ? word.toLowerCase() : word;
}

function expiry(random: Random): string[] {
  switch (uniform(random, 6)) {
    case 0:
      return ["EX", pick(random, ["100000", "50000", "0", "-1", "9223372036854775807", "x", "9223372036854775"])];
    case 1:
      return ["PX", pick(random, ["100000000", "50000000", "0", "9223372036854775807", "x"])];
    case 2:
      return ["EXAT", String(FAR_MS / 1000 + uniform(random, 5))];
    case 3:
      return ["PXAT", String(FAR_MS + uniform(random, 5))];
    case 4:
      return ["PXAT", pick(random, ["0", "1", "-5", "9223372036854775807"])];
    default:
      return ["EX"];
  }
}

function setOptions(random: Random): string[] {
  const all: string[] = [];
  for (let i = uniform(random, 4); i > 0; i--) {
    const kind = uniform(random, 8);
    if (kind === 0) all.push(...expiry(random));
    else all.push(anyCase(random, pick(random, ["NX", "XX", "GET", "KEEPTTL", "NX", "XX", "GET", "BOGUS"])));
  }
  return all;
}

function getexOptions(random: Random): string[] {
  const kind = uniform(random, 5);
  if (kind === 0) return [];
  if (kind === 1) return [anyCase(random, "PERSIST")];
  if (kind === 2) return [...expiry(random), "PERSIST"];
  return expiry(random);
}

function bitType(random: Random): string {
  if (uniform(random, 20) === 0) return pick(random, ["u64", "i65", "u0", "x8", "i", "", "u08"]);
  return uniform(random, 2) === 0 ? `u${1 + uniform(random, 63)}` : `i${1 + uniform(random, 64)}`;
}

function bitOffset(random: Random): string {
  const kind = uniform(random, 10);
  if (kind === 0)
    return pick(random, ["-1", "#-1", "x", "#", "4294967296", "#1152921504606846976", "9223372036854775807"]);
  return kind < 4 ? `#${uniform(random, 12)}` : String(uniform(random, 200));
}

function bitfieldOperations(random: Random, readOnly: boolean): string[] {
  return some(
    random,
    () => {
      const kind = uniform(random, readOnly ? 12 : 6);
      if (kind === 0) return ["OVERFLOW", pick(random, ["WRAP", "SAT", "FAIL", "sat", "x"])];
      if (kind === 1) return ["SET", bitType(random), bitOffset(random), integer(random)];
      if (kind === 2) return ["INCRBY", bitType(random), bitOffset(random), integer(random)];
      return [anyCase(random, "GET"), bitType(random), bitOffset(random)];
    },
    4,
  );
}

function unit(random: Random): string[] {
  const kind = uniform(random, 4);
  return kind < 2 ? [] : [pick(random, ["BIT", "BYTE", "bit", kind === 3 ? "BITS" : "BIT"])];
}

const MAKERS: readonly ((random: Random) => string[])[] = [
  (r) => ["GET", key(r)],
  (r) => ["SET", key(r), value(r)],
  (r) => ["SET", key(r), value(r), ...setOptions(r)],
  (r) => ["GETDEL", key(r)],
  (r) => ["GETEX", key(r), ...getexOptions(r)],
  (r) => ["GETSET", key(r), value(r)],
  (r) => ["GETRANGE", key(r), integer(r), integer(r)],
  (r) => ["SUBSTR", key(r), integer(r), integer(r)],
  (r) => ["SETRANGE", key(r), uniform(r, 10) === 0 ? integer(r) : String(uniform(r, 60)), value(r)],
  (r) => ["APPEND", key(r), value(r)],
  (r) => ["STRLEN", key(r)],
  (r) => ["INCR", key(r)],
  (r) => ["DECR", key(r)],
  (r) => ["INCRBY", key(r), integer(r)],
  (r) => ["DECRBY", key(r), integer(r)],
  (r) => ["INCRBYFLOAT", key(r), pick(r, FLOATS)],
  (r) => ["MGET", ...some(r, () => [key(r)], 4)],
  (r) => ["MSET", ...some(r, () => [key(r), value(r)], 4)],
  (r) => ["MSETNX", ...some(r, () => [key(r), value(r)], 2)],
  (r) => ["SETEX", key(r), pick(r, ["100000", "0", "-1", "x", "9223372036854775807"]), value(r)],
  (r) => ["PSETEX", key(r), pick(r, ["100000000", "0", "x"]), value(r)],
  (r) => ["SETNX", key(r), value(r)],
  (r) => ["LCS", key(r), key(r), ...lcsOptions(r)],
  (r) => [
    "SETBIT",
    key(r),
    uniform(r, 8) === 0 ? bitOffset(r) : String(uniform(r, 300)),
    pick(r, ["0", "1", "0", "1", "2"]),
  ],
  (r) => ["GETBIT", key(r), uniform(r, 8) === 0 ? bitOffset(r) : String(uniform(r, 300))],
  (r) => ["BITCOUNT", key(r)],
  (r) => ["BITCOUNT", key(r), integer(r), integer(r), ...unit(r)],
  (r) => ["BITPOS", key(r), pick(r, ["0", "1", "1", "0", "2", "x"]), ...bitposRange(r)],
  (r) => ["BITOP", anyCase(r, pick(r, ["AND", "OR", "XOR", "NOT", "BOGUS"])), key(r), ...some(r, () => [key(r)], 3)],
  (r) => ["BITFIELD", key(r), ...bitfieldOperations(r, false)],
  (r) => ["BITFIELD_RO", key(r), ...bitfieldOperations(r, true)],
];

function lcsOptions(random: Random): string[] {
  return uniform(random, 3) === 0
    ? []
    : some(
        random,
        () => pick(random, [["LEN"], ["IDX"], ["WITHMATCHLEN"], ["IDX"], ["MINMATCHLEN", integer(random)]]),
        3,
      );
}

function bitposRange(random: Random): string[] {
  const kind = uniform(random, 4);
  if (kind === 0) return [];
  if (kind === 1) return [integer(random)];
  return [integer(random), integer(random), ...unit(random)];
}

/** One request, mostly one that succeeds. */
export function randomRequest(random: Random): Request {
  return pick(random, MAKERS)(random);
}

/** Every key that `randomRequest` names. */
export const requestKeys: readonly string[] = KEYS;
