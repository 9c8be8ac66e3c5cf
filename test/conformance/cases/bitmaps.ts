/** Bitmaps: SETBIT GETBIT BITCOUNT BITPOS BITOP BITFIELD BITFIELD_RO. */
import type { ConformanceCase, StepInput } from "../step.ts";

const POSITIONS = [
  "0",
  "1",
  "-1",
  "2",
  "5",
  "6",
  "-6",
  "-7",
  "7",
  "47",
  "48",
  "100",
  "-100",
  "9223372036854775807",
  "-9223372036854775808",
];

function bitcount(): StepInput[] {
  const steps: StepInput[] = ["SET k foobar", "SET i 255", 'SET e ""'];
  for (const start of POSITIONS) {
    for (const end of POSITIONS) {
      for (const unit of ["", "BYTE", "BIT"]) steps.push(`BITCOUNT k ${start} ${end} ${unit}`);
      steps.push(`BITCOUNT i ${start} ${end}`);
    }
    steps.push(`BITCOUNT missing ${start} 5`, `BITCOUNT e ${start} 3 BIT`);
  }
  steps.push(
    "BITCOUNT k",
    "BITCOUNT i",
    "BITCOUNT e",
    "BITCOUNT missing",
    "BITCOUNT",
    "BITCOUNT k 0",
    "BITCOUNT k 0 1 BITS",
  );
  steps.push(
    "BITCOUNT k 0 1 BIT x",
    "BITCOUNT k a 1",
    "BITCOUNT k 0 b",
    "BITCOUNT k a 1 BIT",
    "BITCOUNT k 0 -1 bit",
    "BITCOUNT k 0 -1 byte",
  );
  return steps;
}

function bitcountMissing(): StepInput[] {
  return [
    "BITCOUNT missing 0",
    "BITCOUNT missing a 1",
    "BITCOUNT missing 0 b BIT",
    "BITCOUNT missing 0 1 BOGUS",
    "BITPOS missing 1 a",
    "BITPOS missing 0 0 b",
    "BITPOS missing 1 0 1 BOGUS",
    "BITPOS missing 1 0 1 BIT",
  ];
}

function bitpos(): StepInput[] {
  const steps: StepInput[] = [
    'SET k "\\x00\\xff\\xf0\\x00"',
    'SET full "\\xff\\xff\\xff"',
    'SET zero "\\x00\\x00\\x00"',
    'SET e ""',
    "SET i 12",
  ];
  const ends = ["0", "1", "2", "3", "4", "-1", "-2", "-5", "8", "12", "19", "20", "31", "100"];
  for (const key of ["k", "full", "zero", "e", "i", "missing"]) {
    for (const bit of [0, 1]) {
      steps.push(`BITPOS ${key} ${bit}`);
      for (const start of ends) {
        steps.push(`BITPOS ${key} ${bit} ${start}`);
        for (const end of ends) {
          steps.push(`BITPOS ${key} ${bit} ${start} ${end}`, `BITPOS ${key} ${bit} ${start} ${end} BIT`);
        }
      }
    }
  }
  steps.push(
    "BITPOS k 2",
    "BITPOS k -1",
    "BITPOS k a",
    "BITPOS k 1 a",
    "BITPOS k 1 0 b",
    "BITPOS k 1 0 1 BOGUS",
    "BITPOS k 1 0 1 BIT x",
    "BITPOS k",
    "BITPOS k 1 0 -1 byte",
  );
  return steps;
}

function bitop(): StepInput[] {
  const steps: StepInput[] = [
    "SET a foobar",
    "SET b abcdefghijkl",
    "SET c 12345",
    'SET e ""',
    ["SET", "long", Buffer.alloc(1000, 0x5a)],
    ["SET", "long2", Buffer.alloc(997, 0xc3)],
  ];
  const sources = [
    "a",
    "a b",
    "b a",
    "a c",
    "a missing",
    "missing",
    "missing missing",
    "e",
    "a e",
    "long long2",
    "long2 long a b c",
    "a a a a a a a a a a a a a a a a a a a",
  ];
  for (const operation of ["AND", "OR", "XOR", "NOT", "and", "Or", "xor", "not"]) {
    for (const source of sources)
      steps.push(`BITOP ${operation} dest ${source}`, "GET dest", "OBJECT ENCODING dest", "DEL dest");
  }
  steps.push(
    "SET dest v EX 100",
    "BITOP AND dest a",
    "TTL dest",
    "SET dest v",
    "BITOP AND dest missing",
    "EXISTS dest",
  );
  steps.push(
    "BITOP BOGUS dest a",
    "BITOP NOT dest a b",
    "BITOP AND dest",
    "BITOP",
    "BITOP NOT a a",
    "GET a",
    "BITOP DIFF dest a b",
  );
  return steps;
}

function bitfield(): StepInput[] {
  const steps: StepInput[] = [];
  const types = ["u1", "u2", "u8", "u16", "u31", "u32", "u33", "u63", "i1", "i2", "i8", "i16", "i32", "i63", "i64"];
  const values = [
    "0",
    "1",
    "-1",
    "127",
    "128",
    "255",
    "256",
    "-128",
    "-129",
    "4294967295",
    "9223372036854775807",
    "-9223372036854775808",
  ];
  for (const type of types) {
    for (const overflow of ["", "OVERFLOW WRAP", "OVERFLOW SAT", "OVERFLOW FAIL"]) {
      for (const value of values) {
        steps.push(
          "DEL k",
          `BITFIELD k ${overflow} SET ${type} 3 ${value} GET ${type} 3 INCRBY ${type} 3 ${value} INCRBY ${type} #1 ${value} INCRBY ${type} #1 ${value}`,
          "GET k",
        );
      }
    }
  }
  return steps;
}

const BITFIELD_ERRORS: StepInput[] = [
  "SET k abcdefgh",
  "BITFIELD k",
  "BITFIELD missing",
  "BITFIELD k GET u8 0",
  "BITFIELD k GET u64 0",
  "BITFIELD k GET i65 0",
  "BITFIELD k GET u0 0",
  "BITFIELD k GET i0 0",
  "BITFIELD k GET x8 0",
  "BITFIELD k GET 8 0",
  "BITFIELD k GET u 0",
  "BITFIELD k GET u08 0",
  "BITFIELD k GET u8 -1",
  "BITFIELD k GET u8 #-1",
  "BITFIELD k GET u8 a",
  "BITFIELD k GET u8 #",
  "BITFIELD k GET u8 4294967295",
  "BITFIELD k GET u8 4294967288",
  "BITFIELD k GET u8 #536870911",
  "BITFIELD k GET u8 #536870912",
  "BITFIELD k GET u8 9223372036854775807",
  "BITFIELD k GET u8 #9223372036854775807",
  "BITFIELD k SET u8 0",
  "BITFIELD k SET u8 0 abc",
  "BITFIELD k SET u8 0 9223372036854775808",
  "BITFIELD k SET u8 4294967296 1",
  "BITFIELD k INCRBY u8 0",
  "BITFIELD k INCRBY u8 0 x",
  "BITFIELD k OVERFLOW",
  "BITFIELD k OVERFLOW BOGUS",
  "BITFIELD k OVERFLOW SAT",
  "BITFIELD k OVERFLOW sat GET u8 0",
  "BITFIELD k overflow fail incrby u8 0 200 overflow wrap incrby u8 0 200 overflow sat incrby u8 0 200",
  "BITFIELD k GET u8",
  "BITFIELD k BOGUS u8 0",
  "BITFIELD missing GET u8 0 GET i64 100",
  "EXISTS missing",
  "BITFIELD missing SET u1 100 0",
  "STRLEN missing",
  "GET k",
  "BITFIELD_RO k GET u8 0 GET i5 3",
  "BITFIELD_RO k SET u8 0 1",
  "BITFIELD_RO k INCRBY u8 0 1",
  "BITFIELD_RO k OVERFLOW SAT GET u8 0",
  "BITFIELD_RO missing GET u8 0",
  "BITFIELD_RO k",
  "BITFIELD_RO",
  "BITFIELD",
  "SET n 12",
  "BITFIELD n GET u8 0",
  "BITFIELD n SET u8 8 51",
  "GET n",
  "EXPIRE n 100",
  "BITFIELD n SET u8 0 50",
  "TTL n",
];

export const bitmapCases: readonly ConformanceCase[] = [
  {
    name: "SETBIT and GETBIT",
    steps: [
      "SETBIT k 7 1",
      "SETBIT k 7 0",
      "GETBIT k 7",
      "GETBIT k 100",
      "GETBIT missing 0",
      "SETBIT k 100 1",
      "GET k",
      "STRLEN k",
      "SETBIT k 3 2",
      "SETBIT k 3 -1",
      "SETBIT k 3 a",
      'SETBIT k 3 ""',
      "SETBIT k -1 1",
      "SETBIT k a 1",
      "SETBIT k 4294967296 1",
      "SETBIT missing 9223372036854775807 1",
      "GETBIT k 4294967296",
      "GETBIT k 4294967295",
      "GETBIT k -1",
      "GETBIT k a",
      "GETBIT k #1",
      "SETBIT k #1 1",
      "SETBIT k 3",
      "SETBIT k 3 1 1",
      "GETBIT k",
      "GETBIT k 1 2",
      "SET i 1234",
      "GETBIT i 3",
      "SETBIT i 3 0",
      "GET i",
      "SETBIT zero 0 0",
      "GET zero",
      "SETBIT far 800000 1",
      "STRLEN far",
      "EXPIRE far 100",
      "SETBIT far 5 1",
      "TTL far",
    ],
  },
  { name: "BITCOUNT", steps: bitcount() },
  { name: "range arguments of a missing key", steps: bitcountMissing() },
  { name: "BITPOS", steps: bitpos() },
  { name: "BITOP", steps: bitop() },
  { name: "BITFIELD, every type and overflow", steps: bitfield() },
  { name: "BITFIELD, errors and limits", steps: BITFIELD_ERRORS },
];
