/** Sets: every option, error, arity and limit, and the encodings at their thresholds. */
import { type ConformanceCase, type Same, type StepInput, sameKind, step, unordered } from "../step.ts";

const INTEGERS = [
  "0",
  "-0",
  "1",
  "+1",
  "01",
  " 1",
  "-1",
  "127",
  "32767",
  "32768",
  "-32769",
  "2147483647",
  "2147483648",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "1.0",
  "",
  "abc",
];

/** A reply of members drawn at random: only how many, and of what kind. */
const drawn: Same = (ours, theirs) => {
  const header = /^[^\r]*\r\n/;
  return header.exec(ours)?.[0] === header.exec(theirs)?.[0];
};

/** The members that a set of the numbers from `first` to `last` is made of. */
function numbers(first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i).join(" ");
}

function names(first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, i) => `m${first + i}`).join(" ");
}

/** A listpack where a set lay in a hash table before 7.2: only sets that are intsets, or too large for one, look alike. */
function encodings(): StepInput[] {
  return [
    `SADD s ${numbers(1, 512)}`,
    "OBJECT ENCODING s",
    "SADD s 513",
    "OBJECT ENCODING s",
    `SREM s ${numbers(100, 513)}`,
    "OBJECT ENCODING s",
    `SADD one ${numbers(1, 513)}`,
    "OBJECT ENCODING one",
    `SADD names ${names(1, 129)}`,
    "OBJECT ENCODING names",
    `SADD mixed ${numbers(1, 128)} x`,
    "OBJECT ENCODING mixed",
    ["SADD", "long", "x".repeat(65)],
    "OBJECT ENCODING long",
    "CONFIG SET set-max-intset-entries 4",
    "SADD t 1 2 3 4",
    "OBJECT ENCODING t",
    "SADD t 4",
    "OBJECT ENCODING t",
    "CONFIG SET set-max-intset-entries 512",
  ];
}

export const setCases: readonly ConformanceCase[] = [
  {
    name: "adding, removing, asking",
    steps: [
      "SADD s a b c a",
      "SADD s a",
      "SADD s d a e",
      "SCARD s",
      "SMEMBERS s",
      "SISMEMBER s a",
      "SISMEMBER s z",
      "SISMEMBER missing z",
      "SMISMEMBER s a z b a",
      "SMISMEMBER missing a b",
      "SREM s z",
      "SREM s a a b",
      "SMEMBERS s",
      "SREM s c d e f",
      "EXISTS s",
      "SREM missing a",
      "SCARD missing",
      "SMEMBERS missing",
      'SADD s "" "\\x00" "\\r\\n" "\\xff\\xfe"',
      "SMEMBERS s",
      'SISMEMBER s ""',
      "TYPE s",
      "EXPIRE s 100",
      "SADD s more",
      "TTL s",
      "DEBUG DIGEST-VALUE s",
    ],
  },
  {
    name: "integers and what looks like them",
    steps: [
      ...INTEGERS.flatMap((value) => [
        ["SADD", "all", value],
        ["SADD", "i", "5", value],
        "OBJECT ENCODING missing",
        ["SISMEMBER", "all", value],
        "DEL i",
      ]),
      "SMEMBERS all",
      "DEBUG DIGEST-VALUE all",
      "SADD j 1 2 3 -5 70000 -9223372036854775808 9223372036854775807",
      "OBJECT ENCODING j",
      "SMEMBERS j",
      "SREM j 2 70000",
      "SMEMBERS j",
      "SREM j 01",
      "SISMEMBER j 1",
      "SISMEMBER j x",
    ] as StepInput[],
  },
  { name: "encodings at their thresholds", steps: encodings() },
  {
    name: "SPOP",
    steps: [
      "SPOP missing",
      "SPOP missing 3",
      "SPOP missing 0",
      "SPOP missing -1",
      "SPOP missing x",
      "SPOP missing 1 2",
      "SADD s a b c",
      "SPOP s 0",
      "SPOP s -1",
      "SPOP s x",
      "SPOP s 9223372036854775808",
      "SPOP s 1.0",
      step("SPOP s 9223372036854775807", unordered),
      "EXISTS s",
      "SADD s a",
      "SPOP s",
      "EXISTS s",
      "SADD s 1 2 3",
      step("SPOP s 3", unordered),
      "EXISTS s",
      `SADD s ${numbers(1, 400)}`,
      step("SPOP s", sameKind),
      "SCARD s",
      step("SPOP s 10", drawn),
      "SCARD s",
      "OBJECT ENCODING s",
      step("SPOP s 380", drawn),
      "SCARD s",
      "OBJECT ENCODING s",
      `SADD t ${names(1, 400)}`,
      step("SPOP t 200", drawn),
      "SCARD t",
      "OBJECT ENCODING t",
      step("SPOP t 197", drawn),
      "SCARD t",
      step("SPOP t 2", drawn),
      step("SPOP t 2", drawn),
      "EXISTS t",
    ],
  },
];
