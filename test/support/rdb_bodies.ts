/**
 * Values as older and newer servers write them, put together byte by byte, apart from the reader that is tested: ziplists, zipmaps,
 * quicklists, hashes whose fields expire, numbers and compressed texts.
 */

import { encodedBytes, encodeElement } from "../../src/structure/listpack.ts";
import { writeWord } from "../../src/structure/listpack_encoding.ts";

export const length = (n: number): Buffer => {
  if (n < 64) return Buffer.from([n]);
  if (n < 16384) return Buffer.from([0x40 | (n >> 8), n & 255]);
  const wide = Buffer.alloc(5);
  wide[0] = 0x80;
  wide.writeUInt32BE(n, 1);
  return wide;
};

export const text = (value: string | Buffer): Buffer => {
  const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  return Buffer.concat([length(bytes.length), bytes]);
};

export const int64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
};

const isInteger = (value: string): boolean => /^(0|-?[1-9]\d{0,17})$/.test(value);

/** `wide`: every entry says how long the one before it is in five bytes. */
export function ziplist(elements: readonly string[], wide = false): Buffer {
  const entries: Buffer[] = [];
  let before = 0;
  for (const element of elements) {
    const previous = before < 254 && !wide ? Buffer.from([before]) : Buffer.alloc(5);
    if (previous.length === 5) {
      previous[0] = 254;
      previous.writeUInt32LE(before, 1);
    }
    const entry = Buffer.concat([previous, ziplistValue(element)]);
    before = entry.length;
    entries.push(entry);
  }
  const body = Buffer.concat(entries);
  const head = Buffer.alloc(10);
  head.writeUInt32LE(body.length + 11, 0);
  head.writeUInt32LE(10 + body.length - before, 4);
  head.writeUInt16LE(elements.length, 8);
  return Buffer.concat([head, body, Buffer.from([255])]);
}

function ziplistValue(element: string): Buffer {
  if (!isInteger(element)) {
    const bytes = Buffer.from(element, "latin1");
    if (bytes.length < 64) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    if (bytes.length < 16384) return Buffer.concat([length(bytes.length), bytes]);
    const head = Buffer.alloc(5);
    head[0] = 0x80;
    head.writeUInt32BE(bytes.length, 1);
    return Buffer.concat([head, bytes]);
  }
  const value = BigInt(element);
  if (value >= 0n && value <= 12n) return Buffer.from([0xf1 + Number(value)]);
  const [head, size] =
    value >= -128n && value < 128n
      ? [0xfe, 1]
      : value >= -32768n && value < 32768n
        ? [0xc0, 2]
        : value >= -8388608n && value < 8388608n
          ? [0xf0, 3]
          : value >= -2147483648n && value < 2147483648n
            ? [0xd0, 4]
            : [0xe0, 8];
  return Buffer.concat([Buffer.from([head]), int64(value).subarray(0, size)]);
}

export function zipmap(pairs: readonly (readonly [string, string])[], unused = 0): Buffer {
  const size = (n: number): Buffer => {
    if (n < 254) return Buffer.from([n]);
    const long = Buffer.alloc(5);
    long[0] = 254;
    long.writeUInt32LE(n, 1);
    return long;
  };
  const parts = pairs.map(([field, value]) =>
    Buffer.concat([
      size(field.length),
      Buffer.from(field, "latin1"),
      size(value.length),
      Buffer.from([unused]),
      Buffer.from(value, "latin1"),
      Buffer.alloc(unused, 120),
    ]),
  );
  return Buffer.concat([Buffer.from([Math.min(254, pairs.length)]), ...parts, Buffer.from([255])]);
}

export function listpack(elements: readonly string[]): Buffer {
  const encoded = elements.map((element) => {
    const bytes = Buffer.from(element, "latin1");
    const out = Buffer.alloc(encodedBytes(bytes, 0, bytes.length));
    encodeElement(out, 0, bytes, 0, bytes.length);
    return out;
  });
  const body = Buffer.concat(encoded);
  const head = Buffer.alloc(6);
  writeWord(head, 0, body.length + 7);
  head.writeUInt16LE(Math.min(65535, elements.length), 4);
  return Buffer.concat([head, body, Buffer.from([255])]);
}

export function intset(values: readonly bigint[], width: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(width, 0);
  head.writeUInt32LE(values.length, 4);
  return Buffer.concat([head, ...values.map((value) => int64(value).subarray(0, width))]);
}

/** A text of one byte `count` times over, compressed as LZF: a literal and copies of it. */
export function repeated(byte: number, count: number): Buffer {
  const out: number[] = [0, byte];
  for (let left = count - 1; left > 0; ) {
    const run = Math.min(left, 264);
    if (run < 3) {
      out.push(run - 1, ...new Array<number>(run).fill(byte));
    } else if (run < 9) out.push((run - 2) << 5, 0);
    else out.push(0xe0, run - 9, 0);
    left -= run;
  }
  return Buffer.concat([Buffer.from([0xc3]), length(out.length), length(count), Buffer.from(out)]);
}

export interface Body {
  readonly name: string;
  /** Type and value. */
  readonly bytes: Buffer;
  readonly version: number;
  /** As OBJECT ENCODING says, where commands would have ended with another one. */
  readonly encoding?: string;
  /** The commands that make the same of the key "k". */
  readonly like: readonly (readonly string[])[];
}

const typed = (type: number, ...parts: Buffer[]): Buffer => Buffer.concat([Buffer.from([type]), ...parts]);
const FAR = 4_000_000_000_000;
const mixed = [
  "a",
  "",
  "0",
  "12",
  "13",
  "-1",
  "127",
  "128",
  "-129",
  "40000",
  "-8388608",
  "8388608",
  "-3000000000",
  "x".repeat(70),
];
const many = Array.from({ length: 700 }, (_, i) => `element ${i}`);
const pairs = mixed.map((field, i) => [field, mixed[(i + 3) % mixed.length]!] as const);
const flat = pairs.flat();

export const bodies: readonly Body[] = [
  { name: "string", bytes: typed(0, text("value")), version: 6, like: [["SET", "k", "value"]] },
  { name: "string of 8 bits", bytes: typed(0, Buffer.from([0xc0, 0x85])), version: 6, like: [["SET", "k", "-123"]] },
  {
    name: "string of 16 bits",
    bytes: typed(0, Buffer.from([0xc1, 0x39, 0x30])),
    version: 6,
    like: [["SET", "k", "12345"]],
  },
  {
    name: "string of 32 bits",
    bytes: typed(0, Buffer.from([0xc2, 0, 0, 0, 0x80])),
    version: 6,
    like: [["SET", "k", "-2147483648"]],
  },
  {
    name: "compressed string",
    bytes: typed(0, repeated(97, 5000)),
    version: 6,
    like: [["SET", "k", "a".repeat(5000)]],
  },
  {
    name: "string with a length of 32 bits",
    bytes: typed(0, Buffer.from([0x80, 0, 0, 0, 2, 104, 105])),
    version: 9,
    like: [["SET", "k", "hi"]],
  },
  {
    name: "string with a length of 64 bits",
    bytes: typed(0, Buffer.from([0x81, 0, 0, 0, 0, 0, 0, 0, 2, 104, 105])),
    version: 9,
    like: [["SET", "k", "hi"]],
  },
  {
    name: "list",
    bytes: typed(1, length(mixed.length), ...mixed.map((each) => text(each))),
    version: 6,
    like: [["RPUSH", "k", ...mixed]],
  },
  {
    name: "long list",
    encoding: "quicklist",
    bytes: typed(1, length(many.length), ...many.map((each) => text(each))),
    version: 6,
    like: [["RPUSH", "k", ...many]],
  },
  { name: "list ziplist", bytes: typed(10, text(ziplist(mixed))), version: 6, like: [["RPUSH", "k", ...mixed]] },
  {
    name: "list ziplist of wide entries",
    bytes: typed(10, text(ziplist(mixed, true))),
    version: 6,
    like: [["RPUSH", "k", ...mixed]],
  },
  {
    name: "quicklist of ziplists",
    encoding: "quicklist",
    bytes: typed(14, length(3), text(ziplist(mixed)), text(ziplist(many)), text(ziplist(["z"]))),
    version: 9,
    like: [["RPUSH", "k", ...mixed, ...many, "z"]],
  },
  {
    name: "quicklist of listpacks, one empty, and plain nodes",
    bytes: typed(
      18,
      length(4),
      length(2),
      text(listpack(mixed)),
      length(1),
      text("plain"),
      length(2),
      text(listpack([])),
      length(1),
      text("p".repeat(9000)),
    ),
    version: 10,
    like: [["RPUSH", "k", ...mixed, "plain", "p".repeat(9000)]],
  },
  {
    name: "list of a listpack longer than a node",
    bytes: typed(18, length(1), length(2), text(listpack(Array.from({ length: 9000 }, (_, i) => `element ${i}`)))),
    version: 10,
    like: [["RPUSH", "k", ...Array.from({ length: 9000 }, (_, i) => `element ${i}`)]],
  },
  {
    name: "set of integers",
    bytes: typed(2, length(3), text("7"), text("-3"), text("70000")),
    version: 6,
    like: [["SADD", "k", "7", "-3", "70000"]],
  },
  {
    name: "set",
    bytes: typed(2, length(mixed.length), ...mixed.map((each) => text(each))),
    version: 6,
    like: [["SADD", "k", ...mixed]],
  },
  {
    name: "set of many",
    bytes: typed(2, length(many.length), ...many.map((each) => text(each))),
    version: 6,
    like: [["SADD", "k", ...many]],
  },
  {
    name: "set of a long text",
    bytes: typed(2, length(3), text("1"), text("2"), text("y".repeat(100))),
    version: 6,
    like: [["SADD", "k", "1", "2", "y".repeat(100)]],
  },
  {
    name: "intset",
    bytes: typed(11, text(intset([-5n, 0n, 9n], 2))),
    version: 6,
    like: [["SADD", "k", "9", "0", "-5"]],
  },
  {
    name: "intset of 64 bits",
    bytes: typed(11, text(intset([-(2n ** 63n), 0n, 2n ** 63n - 1n], 8))),
    version: 6,
    like: [["SADD", "k", "-9223372036854775808", "0", "9223372036854775807"]],
  },
  {
    name: "intset of too many",
    bytes: typed(
      11,
      text(
        intset(
          Array.from({ length: 600 }, (_, i) => BigInt(i)),
          2,
        ),
      ),
    ),
    version: 6,
    like: [
      ["SADD", "k", ...Array.from({ length: 600 }, (_, i) => String(i)), "x"],
      ["SREM", "k", "x"],
    ],
  },
  {
    name: "set listpack",
    encoding: "listpack",
    bytes: typed(20, text(listpack(mixed))),
    version: 11,
    like: [["SADD", "k", ...mixed]],
  },
  {
    name: "set listpack of too many",
    bytes: typed(20, text(listpack(many))),
    version: 11,
    like: [["SADD", "k", ...many]],
  },
  {
    name: "sorted set of ASCII scores",
    bytes: typed(
      3,
      length(5),
      text("b"),
      Buffer.from([3, ...Buffer.from("1.5")]),
      text("a"),
      Buffer.from([1, 49]),
      text("c"),
      Buffer.from([254]),
      text("d"),
      Buffer.from([255]),
      text("e"),
      Buffer.from([19, ...Buffer.from("0.10000000000000001")]),
    ),
    version: 6,
    like: [["ZADD", "k", "1.5", "b", "1", "a", "inf", "c", "-inf", "d", "0.1", "e"]],
  },
  {
    name: "sorted set of binary scores",
    bytes: typed(5, length(2), text("x"), double(2.5), text("y"), double(-1e300)),
    version: 8,
    like: [["ZADD", "k", "2.5", "x", "-1e300", "y"]],
  },
  {
    name: "sorted set of many, in no order",
    bytes: typed(5, length(many.length), ...many.flatMap((each, i) => [text(each), double(((i * 77) % 500) / 4)])),
    version: 8,
    like: [["ZADD", "k", ...many.flatMap((each, i) => [String(((i * 77) % 500) / 4), each])]],
  },
  {
    name: "sorted set ziplist",
    bytes: typed(12, text(ziplist(["a", "1", "b", "2.5", "17", "300"]))),
    version: 9,
    like: [["ZADD", "k", "1", "a", "2.5", "b", "300", "17"]],
  },
  {
    name: "sorted set listpack",
    bytes: typed(17, text(listpack(["a", "1", "b", "2.5", "17", "300"]))),
    version: 10,
    like: [["ZADD", "k", "1", "a", "2.5", "b", "300", "17"]],
  },
  {
    name: "sorted set listpack in no order",
    bytes: typed(17, text(listpack(["b", "2.5", "17", "300", "a", "1"]))),
    version: 10,
    like: [["ZADD", "k", "1", "a", "2.5", "b", "300", "17"]],
  },
  {
    name: "hash",
    bytes: typed(4, length(pairs.length), ...flat.map((each) => text(each))),
    version: 6,
    like: [["HSET", "k", ...flat]],
  },
  {
    name: "hash of a long value",
    bytes: typed(4, length(2), text("f"), text("1"), text("g"), text("v".repeat(80))),
    version: 6,
    like: [["HSET", "k", "f", "1", "g", "v".repeat(80)]],
  },
  {
    name: "hash of many",
    bytes: typed(4, length(many.length), ...many.flatMap((each, i) => [text(each), text(String(i))])),
    version: 6,
    like: [["HSET", "k", ...many.flatMap((each, i) => [each, String(i)])]],
  },
  { name: "hash zipmap", bytes: typed(9, text(zipmap(pairs))), version: 2, like: [["HSET", "k", ...flat]] },
  {
    name: "hash zipmap with unused bytes",
    bytes: typed(9, text(zipmap([["f", "v".repeat(300)]], 4))),
    version: 2,
    like: [["HSET", "k", "f", "v".repeat(300)]],
  },
  {
    name: "hash ziplist",
    encoding: "listpack",
    bytes: typed(13, text(ziplist(flat))),
    version: 9,
    like: [["HSET", "k", ...flat]],
  },
  {
    name: "hash listpack",
    encoding: "listpack",
    bytes: typed(16, text(listpack(flat))),
    version: 10,
    like: [["HSET", "k", ...flat]],
  },
  {
    name: "hash metadata",
    bytes: typed(
      24,
      int64(FAR),
      length(3),
      length(1),
      text("a"),
      text("1"),
      length(0),
      text("b"),
      text("2"),
      length(501),
      text("c"),
      text("3"),
    ),
    version: 12,
    like: [
      ["HSET", "k", "a", "1", "b", "2", "c", "3"],
      ["HPEXPIREAT", "k", String(FAR), "FIELDS", "1", "a"],
      ["HPEXPIREAT", "k", String(FAR + 500), "FIELDS", "1", "c"],
    ],
  },
  {
    name: "hash metadata before its release",
    bytes: typed(
      22,
      length(2),
      Buffer.from([0x81, ...int64(FAR).reverse()]),
      text("a"),
      text("1"),
      length(0),
      text("b"),
      text("2"),
    ),
    version: 12,
    like: [
      ["HSET", "k", "a", "1", "b", "2"],
      ["HPEXPIREAT", "k", String(FAR), "FIELDS", "1", "a"],
    ],
  },
  {
    name: "hash metadata of many",
    bytes: typed(
      24,
      int64(FAR),
      length(many.length),
      ...many.flatMap((each, i) => [length(i % 3 === 0 ? i + 1 : 0), text(each), text("v")]),
    ),
    version: 12,
    like: [
      ["HSET", "k", ...many.flatMap((each) => [each, "v"])],
      ...many.flatMap((each, i) => (i % 3 === 0 ? [["HPEXPIREAT", "k", String(FAR + i), "FIELDS", "1", each]] : [])),
    ],
  },
  {
    name: "hash listpack with expiries",
    bytes: typed(25, int64(FAR), text(listpack(["a", "1", String(FAR), "c", "3", String(FAR + 500), "b", "2", "0"]))),
    version: 12,
    like: [
      ["HSET", "k", "a", "1", "b", "2", "c", "3"],
      ["HPEXPIREAT", "k", String(FAR), "FIELDS", "1", "a"],
      ["HPEXPIREAT", "k", String(FAR + 500), "FIELDS", "1", "c"],
    ],
  },
  {
    name: "hash listpack with expiries before its release, in no order",
    bytes: typed(23, text(listpack(["b", "2", "0", "a", "1", String(FAR)]))),
    version: 12,
    like: [
      ["HSET", "k", "a", "1", "b", "2"],
      ["HPEXPIREAT", "k", String(FAR), "FIELDS", "1", "a"],
    ],
  },
  {
    name: "hash listpack with room for expiries",
    bytes: typed(25, int64(0), text(listpack(["b", "2", "0", "a", "1", "0"]))),
    version: 12,
    like: [["HSET", "k", "a", "1", "b", "2"]],
  },
  {
    name: "Valkey's hash with expiries",
    bytes: typed(22, length(2), text("a"), text("1"), int64(FAR), text("b"), text("2"), int64(-1)),
    version: 80,
    like: [
      ["HSET", "k", "a", "1", "b", "2"],
      ["HPEXPIREAT", "k", String(FAR), "FIELDS", "1", "a"],
    ],
  },
];

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}
