/**
 * Hashes as later versions than 7.0.15 have them, with the replies written out.
 *
 * Sources: the documentation of each command at redis.io (commands/hexpire, httl, hpersist, hgetex, hsetex, hgetdel and their like: reply
 * codes, examples, conditions), whose behaviour Redis's public test suite for hash field expiration describes, too (error texts, order of
 * arguments); for NOVALUES redis.io commands/hscan.
 */
import type { NewerCase } from "./differences.ts";

const NIL = { 2: "$-1\r\n", 3: "_\r\n" };
const NILS = { 2: "*2\r\n$-1\r\n$-1\r\n", 3: "*2\r\n_\r\n_\r\n" };
const FAR = 4102444800;
const SECONDS_LEFT = /^\*1\r\n:(9999|10000)\r\n$/;
const WRONG_TYPE = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
const FIELDS_MISSING = "-ERR Mandatory argument FIELDS is missing or not at the right position\r\n";
const NOT_MATCHING = "-ERR The `numfields` parameter must match the number of arguments\r\n";
const NOT_POSITIVE = "-ERR Number of fields must be a positive integer\r\n";
const NOT_AN_INTEGER = "-ERR value is not an integer or out of range\r\n";
const NEGATIVE = "-ERR invalid expire time, must be >= 0\r\n";

function integers(...values: number[]): string {
  return `*${values.length}\r\n${values.map((value) => `:${value}\r\n`).join("")}`;
}

function texts(...values: string[]): string {
  return `*${values.length}\r\n${values.map((value) => `$${value.length}\r\n${value}\r\n`).join("")}`;
}

function arity(command: string): string {
  return `-ERR wrong number of arguments for '${command}' command\r\n`;
}

/** The same steps for a small and for a big hash. */
function bothEncodings(each: NewerCase): NewerCase[] {
  const entries = "CONFIG SET hash-max-listpack-entries";
  return [
    each,
    {
      ...each,
      id: `${each.id}-big`,
      steps: [[`${entries} 0`, "+OK\r\n"], ...each.steps, [`${entries} 512`, "+OK\r\n"]],
    },
  ];
}

export const newerHashCases: readonly NewerCase[] = [
  ...bothEncodings({
    id: "hexpire",
    version: "Redis 7.4",
    reason: "fields of hashes expire",
    steps: [
      ["HSET h a 1 b 2 c 3", ":3\r\n"],
      [`HEXPIREAT h ${FAR} FIELDS 3 a b missing`, integers(1, 1, -2)],
      ["HEXPIRETIME h FIELDS 4 a b c missing", integers(FAR, FAR, -1, -2)],
      ["HPEXPIRETIME h FIELDS 2 a c", integers(FAR * 1000, -1)],
      [`HPEXPIREAT h ${FAR * 1000 + 1} NX FIELDS 2 a c`, integers(0, 1)],
      ["HEXPIRETIME h FIELDS 1 c", integers(FAR + 1)],
      [`HEXPIREAT h ${FAR + 5} XX FIELDS 1 a`, integers(1)],
      [`HEXPIREAT h ${FAR} GT FIELDS 2 a b`, integers(0, 0)],
      [`HEXPIREAT h ${FAR} LT FIELDS 2 a b`, integers(1, 0)],
      ["HPERSIST h FIELDS 3 b missing b", integers(1, -2, -1)],
      [`HEXPIREAT h ${FAR} XX FIELDS 1 b`, integers(0)],
      [`HEXPIREAT h ${FAR} GT FIELDS 1 b`, integers(0)],
      [`HEXPIREAT h ${FAR} LT FIELDS 1 b`, integers(1)],
      ["HEXPIRE h 10000 FIELDS 1 b", integers(1)],
      ["HTTL h FIELDS 1 b", SECONDS_LEFT],
      ["HPEXPIRE h 10000000 FIELDS 1 b", integers(1)],
      ["HPTTL h FIELDS 1 b", /^\*1\r\n:(9999\d{3}|10000000)\r\n$/],
      ["HSET h b new", ":0\r\n"],
      ["HTTL h FIELDS 1 b", integers(-1)],
      ["HINCRBY h a 5", ":6\r\n"],
      ["HINCRBYFLOAT h a 0.5", "$3\r\n6.5\r\n"],
      ["HEXPIRETIME h FIELDS 1 a", integers(FAR)],
      ["COPY h copy", ":1\r\n"],
      ["RENAME copy renamed", "+OK\r\n"],
      ["HEXPIRETIME renamed FIELDS 3 a b c", integers(FAR, -1, FAR + 1)],
      ["DEBUG RELOAD", "+OK\r\n"],
      ["HEXPIRETIME h FIELDS 3 a b c", integers(FAR, -1, FAR + 1)],
      ["HEXPIRE h 0 FIELDS 2 a missing", integers(2, -2)],
      ["HPEXPIREAT h 1 NX FIELDS 2 b c", integers(2, 0)],
      ["HLEN h", ":1\r\n"],
      ["HEXPIREAT h 0 FIELDS 2 c c", integers(2, -2)],
      ["EXISTS h", ":0\r\n"],
      ["HEXPIRE h 10 FIELDS 2 a b", integers(-2, -2)],
      ["HTTL h FIELDS 2 a b", integers(-2, -2)],
      ["HPERSIST h FIELDS 2 a b", integers(-2, -2)],
    ],
  }),
  {
    id: "hexpire-errors",
    version: "Redis 7.4",
    reason: "what HEXPIRE and its like refuse",
    steps: [
      ["SET s x", "+OK\r\n"],
      ...["HEXPIRE s 10", "HPEXPIRE s 10", "HEXPIREAT s 10", "HPEXPIREAT s 10", "HTTL s", "HPTTL s"].map(
        (request) => [`${request} FIELDS 1 f`, WRONG_TYPE] as const,
      ),
      ...["HEXPIRETIME s", "HPEXPIRETIME s", "HPERSIST s", "HGETEX s", "HGETDEL s"].map(
        (request) => [`${request} FIELDS 1 f`, WRONG_TYPE] as const,
      ),
      ["HSETEX s FIELDS 1 f v", WRONG_TYPE],
      ["HEXPIRE h 10 FIELDS 1", arity("hexpire")],
      ["HPERSIST h FIELDS 1", arity("hpersist")],
      ["HTTL h FIELDS 1", arity("httl")],
      ["HEXPIRE h x FIELDS 1 f", NOT_AN_INTEGER],
      ["HEXPIRE h -1 FIELDS 1 f", NEGATIVE],
      ["HPEXPIREAT h -1 FIELDS 1 f", NEGATIVE],
      ["HPEXPIREAT h 70368744177664 FIELDS 1 f", "-ERR invalid expire time in 'hpexpireat' command\r\n"],
      ["HEXPIRE h 70368744177664 FIELDS 1 f", "-ERR invalid expire time in 'hexpire' command\r\n"],
      ["HPEXPIRE h 70368744177663 FIELDS 1 f", "-ERR invalid expire time in 'hpexpire' command\r\n"],
      ["HPEXPIREAT h 70368744177663 FIELDS 1 f", integers(-2)],
      ["HEXPIRE h 10 XFIELDS 1 f", FIELDS_MISSING],
      ["HEXPIRE h 10 NX GT FIELDS 1 f", FIELDS_MISSING],
      ["HEXPIRE h 10 FIELDS 0 f", "-ERR Parameter `numFields` should be greater than 0\r\n"],
      ["HEXPIRE h 10 FIELDS x f", "-ERR Parameter `numFields` should be greater than 0\r\n"],
      ["HEXPIRE h 10 FIELDS 2 f", NOT_MATCHING],
      ["HEXPIRE h 10 NX FIELDS 1 f g", NOT_MATCHING],
      ["HTTL h XFIELDS 1 f", FIELDS_MISSING],
      ["HTTL h FIELDS 0 f", NOT_POSITIVE],
      ["HTTL h FIELDS 2 f", NOT_MATCHING],
      ["HPERSIST h FIELDS -1 f", NOT_POSITIVE],
      ["HPERSIST h FIELDS 1 f g", NOT_MATCHING],
    ],
  },
  {
    id: "hexpire-encoding",
    version: "Redis 7.4",
    reason: "a small hash whose fields may expire is a listpackex, also when none does any more",
    steps: [
      ["HSET h a 1 b 2", ":2\r\n"],
      ["HEXPIRE h 100 FIELDS 1 missing", integers(-2)],
      ["HEXPIRE h 100 FIELDS 1 a", integers(1)],
      ["OBJECT ENCODING h", "$10\r\nlistpackex\r\n"],
      ["HPERSIST h FIELDS 1 a", integers(1)],
      ["OBJECT ENCODING h", "$10\r\nlistpackex\r\n"],
      ["CONFIG SET hash-max-listpack-entries 2", "+OK\r\n"],
      ["HSET h c 3", ":1\r\n"],
      ["OBJECT ENCODING h", "$9\r\nhashtable\r\n"],
      ["CONFIG SET hash-max-listpack-entries 512", "+OK\r\n"],
    ],
  },
  ...bothEncodings({
    id: "hgetex-hgetdel",
    version: "Redis 8.0",
    reason: "fields are read while their expiry changes, or while they go",
    steps: [
      ["HSET h a 1 b two", ":2\r\n"],
      ["HGETEX h FIELDS 2 a b", texts("1", "two")],
      ["HTTL h FIELDS 2 a b", integers(-1, -1)],
      [`HGETEX h EXAT ${FAR} FIELDS 1 a`, texts("1")],
      [`HGETEX h pxat ${FAR * 1000} fields 1 b`, texts("two")],
      ["HEXPIRETIME h FIELDS 2 a b", integers(FAR, FAR)],
      ["HGETEX h PERSIST FIELDS 1 a", texts("1")],
      ["HTTL h FIELDS 1 a", integers(-1)],
      ["HGETEX h EX 10000 FIELDS 1 a", texts("1")],
      ["HTTL h FIELDS 1 a", SECONDS_LEFT],
      ["HGETEX h PX 10000000 FIELDS 1 a", texts("1")],
      ["HTTL h FIELDS 1 a", SECONDS_LEFT],
      ["HGETEX h FIELDS 2 x y", NILS],
      ["HGETEX nokey EX 10 FIELDS 2 x y", NILS],
      ["HGETEX h EX 0 FIELDS 1 a", texts("1")],
      ["HGET h a", NIL],
      ["HGETDEL h FIELDS 2 x y", NILS],
      ["HGETDEL nokey FIELDS 2 x y", NILS],
      ["HSET h a 1", ":1\r\n"],
      ["HGETDEL h FIELDS 2 a b", texts("1", "two")],
      ["EXISTS h", ":0\r\n"],
    ],
  }),
  {
    id: "hgetex-errors",
    version: "Redis 8.0",
    reason: "what HGETEX and HGETDEL refuse",
    steps: [
      ["HGETEX h FIELDS 1", arity("hgetex")],
      ["HGETEX h XFIELDX 1 a", FIELDS_MISSING],
      ["HGETEX h PXAT 1 1", FIELDS_MISSING],
      ["HGETEX h PERSIST 1 FIELDS 1 a", FIELDS_MISSING],
      ["HGETEX h FIELDS 2 a", NOT_MATCHING],
      ["HGETEX h FIELDS 0 a", NOT_POSITIVE],
      ["HGETEX h FIELDS -1 a", NOT_POSITIVE],
      ["HGETEX h FIELDS 9223372036854775808 a", NOT_POSITIVE],
      ["HGETEX h EX bla FIELDS 1 a", NOT_AN_INTEGER],
      ["HGETEX h PX -1 FIELDS 1 a", NEGATIVE],
      ["HGETEX h EX 281474976710656 FIELDS 1 a", "-ERR invalid expire time in 'hgetex' command\r\n"],
      ["HGETDEL h FIELDS 1", arity("hgetdel")],
      ["HGETDEL h XFIELDX 1 a", FIELDS_MISSING],
      ["HGETDEL h FIELDS 2 a", NOT_MATCHING],
      ["HGETDEL h FIELDS 0 a", NOT_POSITIVE],
    ],
  },
  ...bothEncodings({
    id: "hsetex",
    version: "Redis 8.0",
    reason: "fields are set with an expiry, all or none of them",
    steps: [
      ["HSETEX h FXX FIELDS 2 a 1 b 2", ":0\r\n"],
      ["EXISTS h", ":0\r\n"],
      ["HSETEX h FIELDS 1 a 1", ":1\r\n"],
      ["HSETEX h FXX FIELDS 2 a 2 b 2", ":0\r\n"],
      ["HSETEX h FNX FIELDS 2 a 2 b 2", ":0\r\n"],
      ["HGETALL h", { 2: texts("a", "1"), 3: "%1\r\n$1\r\na\r\n$1\r\n1\r\n" }],
      [`HSETEX h FNX EXAT ${FAR} FIELDS 2 b 2 c 3`, ":1\r\n"],
      ["HEXPIRETIME h FIELDS 3 a b c", integers(-1, FAR, FAR)],
      [`HSETEX h PXAT ${FAR * 1000 + 1000} FXX FIELDS 1 a 5`, ":1\r\n"],
      ["HSETEX h KEEPTTL FIELDS 2 b 22 d 4", ":1\r\n"],
      ["HEXPIRETIME h FIELDS 4 a b c d", integers(FAR + 1, FAR, FAR, -1)],
      ["HMGET h a b c d", texts("5", "22", "3", "4")],
      ["HSETEX h FIELDS 1 b 222", ":1\r\n"],
      ["HEXPIRETIME h FIELDS 1 b", integers(-1)],
      ["HSETEX h EX 10000 FIELDS 1 b 2", ":1\r\n"],
      ["HTTL h FIELDS 1 b", SECONDS_LEFT],
      ["HSETEX h PX 10000000 FIELDS 1 b 2", ":1\r\n"],
      ["HTTL h FIELDS 1 b", SECONDS_LEFT],
      ["HSETEX h EXAT 1 FIELDS 3 b 1 x 1 c 3", ":1\r\n"],
      ["HLEN h", ":2\r\n"],
      ["HSETEX nokey EXAT 1 FIELDS 1 a 1", ":1\r\n"],
      ["EXISTS nokey", ":0\r\n"],
    ],
  }),
  {
    id: "hsetex-errors",
    version: "Redis 8.0",
    reason: "what HSETEX refuses",
    steps: [
      ["HSETEX h FIELDS 1 a", arity("hsetex")],
      ["HSETEX h FIELDS 2 a b", arity("hsetex")],
      ["HSETEX h FIELDS 2 a b c", arity("hsetex")],
      ["HSETEX h FIELDS 1 a b unknown", arity("hsetex")],
      ["HSETEX h nx FIELDS 1 a b", "-ERR unknown argument: nx\r\n"],
      ["HSETEX h 1 FIELDS 1 a b", "-ERR unknown argument: 1\r\n"],
      ["HSETEX h FXX FNX FIELDS 1 a b", "-ERR Only one of FXX or FNX arguments can be specified\r\n"],
      ["HSETEX h FNX FNX FIELDS 1 a b", "-ERR Only one of FXX or FNX arguments can be specified\r\n"],
      [
        "HSETEX h EX 100 KEEPTTL FIELDS 1 a b",
        "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified\r\n",
      ],
      [
        "HSETEX h PX 100 PX 100 FIELDS 1 a b",
        "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified\r\n",
      ],
      ["HSETEX h EX FIELDS 1 a b", NOT_AN_INTEGER],
      ["HSETEX h EXAT -1 1 a b", NEGATIVE],
      ["HSETEX h PXAT 281474976710656 1 a b", "-ERR invalid expire time in 'hsetex' command\r\n"],
      ["HSETEX h FIELDS x a b", "-ERR invalid number of fields\r\n"],
      ["HSETEX h FIELDS 0 a b", "-ERR invalid number of fields\r\n"],
      ["EXISTS h", ":0\r\n"],
    ],
  },
  {
    id: "hscan-novalues",
    version: "Redis 7.4",
    reason: "HSCAN NOVALUES returns names only",
    steps: [
      ["HSET h a 1 b 2", ":2\r\n"],
      ["HSCAN h 0 NOVALUES", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"],
      ["HSCAN h 0 COUNT 5 novalues MATCH b*", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nb\r\n"],
    ],
  },
  {
    id: "hset-many-pairs",
    version: "7.2.0",
    reason: "a request with more pairs than a listpack may have fields makes a hash table, whether names repeat or not",
    steps: [
      ["CONFIG SET hash-max-listpack-entries 2", "+OK\r\n"],
      ["HSET h a 1 a 2 a 3", ":1\r\n"],
      ["OBJECT ENCODING h", "$9\r\nhashtable\r\n"],
      ["CONFIG SET hash-max-listpack-entries 512", "+OK\r\n"],
    ],
  },
];
