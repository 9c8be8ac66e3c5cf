/** Strings: every option, error, arity and limit, and the encodings that every kind of write leaves behind. */
import { type ConformanceCase, type StepInput, step } from "../step.ts";

const INTEGER_EXTREMES = [
  "0",
  "-0",
  "+1",
  "01",
  " 1",
  "1 ",
  "",
  "abc",
  "1.0",
  "1e3",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "-9223372036854775809",
  "9007199254740993",
  "18446744073709551615",
  "999999999999999999999999",
  "--1",
  "-",
  "0x10",
];

const FLOATS = [
  "0",
  "-0",
  "0.0",
  "1",
  "-1",
  "0.1",
  "0.2",
  "-0.3",
  "3.0e3",
  "1e-17",
  "1e-18",
  "5e-18",
  "123456789.123456789",
  "1e15",
  "1e18",
  "9223372036854775807",
  "9223372036854775809",
  "18446744073709551617",
  "1e22",
  "1.5e300",
  "1e400",
  "-1e4000",
  "1e4932",
  "1.18973149535723176502e4932",
  "1e4933",
  "1e-4950",
  "1e-5000",
  "5e-324",
  "0x1.8p3",
  "0xA",
  "+5",
  ".5",
  "5.",
  " 5",
  "5 ",
  "",
  "abc",
  "1e",
  "1e+",
  "1..2",
  "inf",
  "-inf",
  "+Infinity",
  "nan",
  "1_000",
  "0.30000000000000000001",
  "17179869184.00000000001",
  "3.14159265358979323846264338327950288",
  "99999999999999999999.99999",
];

function setCombinations(): StepInput[] {
  const options = [
    "NX",
    "XX",
    "GET",
    "KEEPTTL",
    "EX 100",
    "PX 100000",
    "EXAT 4102444800",
    "PXAT 4102444800123",
    "PERSIST",
    "bogus",
  ];
  const lists: string[][] = [[]];
  for (const a of options) {
    lists.push([a]);
    for (const b of options) {
      lists.push([a, b]);
      if (a !== b) for (const c of options.slice(0, 5)) if (c !== a && c !== b) lists.push([a, b, c]);
    }
  }
  const steps: StepInput[] = [];
  for (const list of lists) {
    const tail = list.join(" ");
    steps.push("DEL k", `SET k new ${tail}`, "GET k", "PTTL k");
    steps.push("SET k old PX 500000", `SET k new ${tail}`, "GET k", "PTTL k");
  }
  return steps;
}

function expireValues(): StepInput[] {
  const steps: StepInput[] = [];
  const values = [
    ...INTEGER_EXTREMES,
    "1",
    "-1",
    "9223372036854775",
    "9223372036854776",
    "9999999999999999",
    "4102444800",
  ];
  for (const value of values) {
    const quoted = `"${value}"`;
    // One millisecond is over before the next request, or not.
    const brief = value === "1";
    for (const option of brief ? ["EX", "EXAT", "PXAT"] : ["EX", "PX", "EXAT", "PXAT"]) {
      steps.push("DEL k", `SET k v ${option} ${quoted}`, step("PTTL k"), "GET k");
      steps.push("SET k v", `GETEX k ${option} ${quoted}`, "PTTL k", "GET k");
    }
    steps.push(`SETEX k ${quoted} v`, "TTL k");
    if (!brief) steps.push(`PSETEX k ${quoted} v`, "TTL k");
  }
  return steps;
}

function ranges(): StepInput[] {
  const steps: StepInput[] = ['SET k "Hello\\x00World"', "SET i 12345", 'SET e ""'];
  const ends = [
    "0",
    "1",
    "-1",
    "5",
    "10",
    "11",
    "12",
    "-11",
    "-12",
    "-100",
    "100",
    "9223372036854775807",
    "-9223372036854775808",
  ];
  for (const start of ends) {
    for (const end of ends) steps.push(`GETRANGE k ${start} ${end}`, `GETRANGE i ${start} ${end}`);
    steps.push(`SUBSTR k ${start} -1`, `GETRANGE e 0 ${start}`, `GETRANGE missing ${start} 5`);
  }
  for (const bad of INTEGER_EXTREMES)
    steps.push(`GETRANGE k "${bad}" 1`, `GETRANGE k 1 "${bad}"`, `GETRANGE missing "${bad}" 1`);
  steps.push("GETRANGE k 0", "GETRANGE k", "GETRANGE k 0 1 2", "SUBSTR k 0");
  return steps;
}

function floats(): StepInput[] {
  const steps: StepInput[] = [];
  for (const start of FLOATS) {
    for (const increment of FLOATS) {
      steps.push(`SET f "${start}"`, `INCRBYFLOAT f "${increment}"`, "GET f", "OBJECT ENCODING f");
    }
  }
  return steps;
}

function accumulatedFloats(): StepInput[] {
  const steps: StepInput[] = ["SET a 0", "SET b 1", "SET c 100000000000000000"];
  for (let i = 1; i <= 60; i++) {
    steps.push(
      "INCRBYFLOAT a 0.1",
      `INCRBYFLOAT b ${1 / i}`,
      `INCRBYFLOAT c -${i * 1.7}e${i % 20}`,
      `INCRBYFLOAT d ${Math.PI ** i}`,
    );
  }
  return steps;
}

function integers(): StepInput[] {
  const steps: StepInput[] = [];
  for (const value of INTEGER_EXTREMES) {
    steps.push(`SET k "${value}"`, "INCR k", "GET k", `SET k "${value}"`, "DECR k", "GET k", "OBJECT ENCODING k");
    for (const by of INTEGER_EXTREMES) {
      steps.push(`SET k "${value}"`, `INCRBY k "${by}"`, `SET k "${value}"`, `DECRBY k "${by}"`, "GET k");
    }
  }
  steps.push(
    "INCR missing",
    "DECR missing",
    "DECRBY other -9223372036854775808",
    "INCRBY k",
    "INCR",
    "INCR a b",
    "DECRBY k 1 2",
  );
  return steps;
}

function encodings(): StepInput[] {
  const e44 = "e".repeat(44);
  const e45 = "e".repeat(45);
  const writes: string[][] = [
    ["SET k 1"],
    ["SET k -1"],
    ["SET k 01"],
    ['SET k ""'],
    ["SET k 10000"],
    ["SET k 9223372036854775807"],
    ["SET k 9223372036854775808"],
    ["SET k -9223372036854775808"],
    ["SET k 1.5"],
    [`SET k ${e44}`],
    [`SET k ${e45}`],
    ["SET k 12345678901234567890123456789012345678901234"],
    ["SETNX k 12"],
    ["SETEX k 100 12"],
    ["PSETEX k 100000 abc"],
    ["GETSET k 12"],
    ["GETSET k abc"],
    ["MSET k 12"],
    ["MSETNX k 12"],
    ["APPEND k 12"],
    ["APPEND k 12", "APPEND k 34"],
    ["SET k 12", "APPEND k 34"],
    ["SET k 12", 'APPEND k ""'],
    ["SET k abc", 'APPEND k ""'],
    ['APPEND k ""'],
    ["APPEND k abc"],
    ["SET k abc", "APPEND k def"],
    ["SET k abc", "SETRANGE k 1 x"],
    ["SET k 123", "SETRANGE k 1 9"],
    ["SET k 123", 'SETRANGE k 1 ""'],
    ["SETRANGE k 0 12"],
    ["SETRANGE k 0 abc"],
    ["SETRANGE k 5 abc"],
    ["INCR k"],
    ["SET k 12", "INCR k"],
    ["SET k 12", "APPEND k 3", "INCR k"],
    ["SET k 12", "APPEND k 3", "INCRBY k 5"],
    ["INCRBYFLOAT k 1.5"],
    ["INCRBYFLOAT k 1"],
    ["SET k 5.0e3", "INCRBYFLOAT k 1"],
    ["SETBIT k 0 1"],
    ["SET k 1", "SETBIT k 0 0"],
    ["SET k 12", "SETBIT k 100 0"],
    ["SET k abc", "GETBIT k 3"],
    ["SET k 12", "GETBIT k 3"],
    ["BITFIELD k SET u8 0 49"],
    ["SET k 12", "BITFIELD k INCRBY u8 0 1"],
    ["SET k 12", "BITFIELD k GET u8 0"],
    ["SET a 12", "BITOP AND k a a"],
    ["SET a 12", "SET k zz", "BITOP NOT k a"],
    ["SET a 12", "COPY a k"],
    [`SET a ${e44}`, "COPY a k"],
    [`SET a ${e45}`, "COPY a k"],
    ["SET a abc", "APPEND a def", "COPY a k"],
    ["SET a abc", "APPEND a def", "RENAME a k"],
    ["SET k 12", "GETEX k EX 100"],
    ["SET k 12", "GETRANGE k 0 -1"],
    ["SET k 12", "STRLEN k"],
    ["SET k abc", "EXPIRE k 100"],
    ["SET a ohmytext", "SET b mynewtext", "LCS a b"],
  ];
  return writes.flatMap((commands) => [
    "FLUSHALL",
    ...commands,
    "OBJECT ENCODING k",
    "GET k",
    "STRLEN k",
    "OBJECT REFCOUNT missing",
  ]);
}

function lcs(): StepInput[] {
  const steps: StepInput[] = [
    "SET a ohmytext",
    "SET b mynewtext",
    "SET i 123456",
    "SET j 3456",
    'SET e ""',
    'SET z "a\\x00b\\x00c"',
  ];
  const pairs = ["a b", "b a", "a a", "i j", "a e", "e e", "a missing", "missing missing", "z z", "a z", "a i"];
  const options = [
    "",
    "LEN",
    "IDX",
    "IDX WITHMATCHLEN",
    "IDX MINMATCHLEN 4",
    "IDX MINMATCHLEN 4 WITHMATCHLEN",
    "IDX MINMATCHLEN 0",
    "IDX MINMATCHLEN -5",
    "IDX MINMATCHLEN 99",
    "WITHMATCHLEN",
    "MINMATCHLEN 2",
    "LEN WITHMATCHLEN",
    "idx minmatchlen 2 withmatchlen",
    "LEN IDX",
    "MINMATCHLEN",
    "MINMATCHLEN x",
    "IDX MINMATCHLEN 9223372036854775808",
    "BOGUS",
    "IDX IDX LEN",
  ];
  for (const pair of pairs) for (const option of options) steps.push(`LCS ${pair} ${option}`);
  steps.push("LCS a", "LCS");
  return steps;
}

function binarySafe(): StepInput[] {
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const steps: StepInput[] = [];
  for (const key of [
    every,
    Buffer.alloc(0),
    Buffer.from("\r\n"),
    Buffer.from([0]),
    Buffer.from("*1\r\n$4\r\nPING\r\n"),
    Buffer.alloc(70_000, 7),
  ]) {
    steps.push(["SET", key, every], ["GET", key], ["STRLEN", key], ["APPEND", key, key], ["GETRANGE", key, 100, 300]);
    steps.push(
      ["EXISTS", key, key],
      ["TYPE", key],
      ["RENAME", key, Buffer.concat([key, every])],
      ["EXISTS", key],
      "DBSIZE",
      "RANDOMKEY",
    );
    steps.push("KEYS *", ["DEL", Buffer.concat([key, every])], "DBSIZE");
  }
  return steps;
}

const ARITY = [
  "GET",
  "GET a b",
  "SET",
  "SET a",
  "GETDEL",
  "GETDEL a b",
  "GETEX",
  "GETSET a",
  "GETSET a b c",
  "APPEND a",
  "APPEND a b c",
  "STRLEN",
  "STRLEN a b",
  "MGET",
  "MSET",
  "MSET a",
  "MSET a b c",
  "MSETNX a",
  "MSETNX a b c",
  "SETEX a 1",
  "SETEX a 1 b c",
  "PSETEX a 1",
  "SETNX a",
  "SETRANGE a 1",
  "SETRANGE a 1 b c",
  "INCRBYFLOAT a",
  "INCRBYFLOAT a 1 2",
  "LCS a b c",
];

export const stringCases: readonly ConformanceCase[] = [
  {
    name: "get and set",
    steps: [
      "GET k",
      "SET k v",
      "GET k",
      "set k V2",
      "gEt k",
      "SET k 5",
      "GET k",
      'SET k ""',
      "GET k",
      "STRLEN k",
      "STRLEN missing",
    ],
  },
  { name: "wrong number of arguments", steps: ARITY },
  { name: "SET, every combination of options", steps: setCombinations() },
  { name: "times to live at the extremes", steps: expireValues() },
  {
    name: "SET syntax",
    steps: [
      "SET k v EX",
      "SET k v PX",
      "SET k v EXAT",
      "SET k v PXAT",
      "SET k v EX abc",
      "SET k v EX 10 PX 10",
      "SET k v EX 10 KEEPTTL",
      "SET k v GET GET",
      "SET k v NX NX",
      "SET k v nx get",
      "GET k",
      "SET k v2 xx get ex 100",
      "TTL k",
      "SET k v EX 10 EX 20",
      "SET k v EXAT 1",
      "GET k",
      "SET k v PXAT 1",
      "GET k",
      "EXISTS k",
    ],
  },
  {
    name: "SETNX GETSET GETDEL",
    steps: [
      "SETNX k a",
      "SETNX k b",
      "GET k",
      "GETSET k c",
      "GETSET m d",
      "GET m",
      "EXPIRE m 100",
      "GETSET m e",
      "TTL m",
      "GETDEL m",
      "GETDEL m",
      "GETDEL missing",
      "EXISTS m",
    ],
  },
  {
    name: "GETEX",
    steps: [
      "GETEX missing",
      "GETEX missing EX 10",
      "SET k v",
      "GETEX k",
      "TTL k",
      "GETEX k EX 100",
      "TTL k",
      "GETEX k PERSIST",
      "TTL k",
      "GETEX k PX 100000",
      "TTL k",
      "GETEX k EXAT 4102444800",
      "EXPIRETIME k",
      "GETEX k PXAT 4102444800123",
      "PEXPIRETIME k",
      "GETEX k KEEPTTL",
      "GETEX k NX",
      "GETEX k EX",
      "GETEX k EX 10 PX 10",
      "GETEX k PERSIST EX 10",
      "GETEX k PERSIST PERSIST",
      "GETEX k EX 10 PERSIST",
      "GETEX k BOGUS",
      "GETEX k EXAT 1",
      "EXISTS k",
      "SET k v",
      "GETEX k PXAT 1",
      "GET k",
      "DBSIZE",
    ],
  },
  {
    name: "MGET MSET MSETNX",
    steps: [
      "MSET a 1 b 2 a 3",
      "MGET a b c a",
      "MSETNX c 1 d 2",
      "MSETNX d 3 e 4",
      "MGET a b c d e",
      "MSETNX f 1 f 2",
      "GET f",
      "EXPIRE a 100",
      "MSET a 5",
      "TTL a",
      "EXPIRE a 100",
      "MSETNX a 1",
      "TTL a",
      'MSET "" empty',
      'MGET ""',
    ],
  },
  { name: "GETRANGE and SUBSTR limits", steps: ranges() },
  {
    name: "SETRANGE limits",
    steps: [
      "SET k Hello",
      "SETRANGE k 1 ELL",
      "GET k",
      "SETRANGE k 10 far",
      "GET k",
      'SETRANGE k 0 ""',
      'SETRANGE missing 5 ""',
      "EXISTS missing",
      "SETRANGE new 3 x",
      "GET new",
      "SETRANGE k -1 x",
      'SETRANGE missing -1 ""',
      "SETRANGE k abc x",
      "SETRANGE k 536870911 xy",
      "SETRANGE k 536870912 x",
      "SETRANGE k 4294967296 x",
      "SETRANGE k 9223372036854775807 x",
      "SETRANGE k 9223372036854775808 x",
      'SETRANGE missing 9223372036854775807 ""',
      "SETRANGE missing 536870912 x",
      "EXISTS missing",
      "SET i 12345",
      "SETRANGE i 2 xx",
      "GET i",
      "EXPIRE i 100",
      "SETRANGE i 0 9",
      "TTL i",
    ],
  },
  {
    name: "APPEND and STRLEN",
    steps: [
      "APPEND k abc",
      "APPEND k def",
      "GET k",
      "SET i 10",
      "APPEND i 5",
      "GET i",
      "INCR i",
      "STRLEN i",
      "SET n -12345678901",
      "STRLEN n",
      'SET e ""',
      "STRLEN e",
      'APPEND e ""',
      "EXPIRE k 100",
      "APPEND k x",
      "TTL k",
    ],
  },
  { name: "INCR DECR INCRBY DECRBY at the extremes", steps: integers() },
  { name: "INCRBYFLOAT, formats and extremes", steps: floats() },
  { name: "INCRBYFLOAT, accumulated", steps: accumulatedFloats() },
  {
    name: "INCR keeps the time to live",
    steps: [
      "SET k 5 EX 100",
      "INCR k",
      "TTL k",
      "INCRBYFLOAT k 1.5",
      "TTL k",
      "DECRBY k 3",
      "GET k",
      "INCRBYFLOAT x 10.50",
      "INCRBYFLOAT x 0.1",
      "INCRBYFLOAT x -5",
      "INCRBYFLOAT x 5.0e3",
    ],
  },
  { name: "encodings after every kind of write", steps: encodings() },
  { name: "LCS", steps: lcs() },
  {
    name: "LCS of longer texts",
    steps: [
      ["SET", "a", "ACGT".repeat(100)],
      ["SET", "b", "GATTACA".repeat(60)],
      "LCS a b",
      "LCS a b LEN",
      "LCS a b IDX WITHMATCHLEN MINMATCHLEN 3",
    ],
  },
  { name: "binary safe keys and values", steps: binarySafe() },
  {
    name: "value sizes",
    steps: [
      0, 1, 43, 44, 45, 63, 64, 65, 255, 256, 1023, 1024, 4095, 4096, 4097, 16_383, 16_384, 65_535, 65_536, 1_048_575,
      1_048_577, 3_000_001,
    ].flatMap(
      (size) =>
        [
          ["SET", "k", Buffer.alloc(size, "x")],
          ["GET", "k"],
          ["APPEND", "k", "tail"],
          ["GETRANGE", "k", size - 3, -1],
          ["SETRANGE", "k", size >> 1, "middle"],
          ["GETSET", "k", "short"],
          ["SET", "k", Buffer.alloc(size, "y"), "EX", "100"],
          ["COPY", "k", "l", "REPLACE"],
          ["GETDEL", "l"],
        ] satisfies StepInput[],
    ),
  },
];
