/** SORT and SORT_RO: every option, type, error and tie. */
import { type ConformanceCase, type StepInput, step, unordered } from "../step.ts";

const NUMBERS = [
  "10",
  "-3",
  "2.5",
  "2.50",
  "1e3",
  "0x10",
  " 7",
  "\\t8",
  "inf",
  "-inf",
  "0",
  "-0",
  "9223372036854775807",
  "1e308",
  "5.5e-300",
];
/** What is no number for C's strtod, or out of its range. */
const NO_NUMBERS = ["abc", "1x", "7 ", " ", "1e400", "1e-400", "4e-320", "nan", "0x", "1,5", "--1", "infx"];

function numbers(): StepInput[] {
  const steps: StepInput[] = [`RPUSH n ${NUMBERS.map((text) => `"${text}"`).join(" ")}`];
  steps.push("SORT n", "SORT n DESC", "SORT n LIMIT 2 5", "SORT n ALPHA", "SORT n ALPHA DESC");
  steps.push('RPUSH e ""', 'RPUSH e "3\\x00junk" -1', "SORT e", "SORT_RO e DESC");
  for (const text of NO_NUMBERS) {
    steps.push("DEL x d", "SET d kept", `RPUSH x 1 "${text}" 2`, "SORT x", "SORT x ALPHA", "SORT x STORE d", "GET d");
    steps.push(`SET w1 "${text}"`, "SET w2 1", "DEL y", "RPUSH y 1 2", "SORT y BY w*", "SORT y BY w* ALPHA");
  }
  return steps;
}

function limits(): StepInput[] {
  const values = ["-1", "0", "1", "3", "4", "5", "100", "9223372036854775807", "-9223372036854775808"];
  const steps: StepInput[] = ["RPUSH l 4 2 5 1 3", "ZADD z 4 a 2 b 5 c 1 d 3 e"];
  for (const offset of values) {
    for (const count of values) {
      steps.push(`SORT l LIMIT ${offset} ${count}`, `SORT l BY nosort LIMIT ${offset} ${count} DESC`);
      steps.push(`SORT l BY nosort LIMIT ${offset} ${count}`, `SORT l BY w_* LIMIT ${offset} ${count} DESC`);
      steps.push(`SORT z BY nosort LIMIT ${offset} ${count}`, `SORT z BY nosort LIMIT ${offset} ${count} DESC`);
      steps.push(`SORT z ALPHA LIMIT ${offset} ${count}`, `SORT missing LIMIT ${offset} ${count}`);
    }
  }
  for (const bad of ["x", "1.0", "9223372036854775808", ""]) {
    steps.push(["SORT", "l", "LIMIT", bad, "1"], ["SORT", "l", "LIMIT", "1", bad]);
  }
  return steps;
}

/** Elements of which many weigh the same, by missing keys or equal ones: their order is the algorithm's. */
function ties(): StepInput[] {
  const steps: StepInput[] = [];
  for (const count of [2, 6, 7, 8, 20, 40, 41, 42, 100, 300]) {
    const elements = Array.from({ length: count }, (_, i) => (i * 7919) % 1009);
    steps.push(`DEL l${count}`, `RPUSH l${count} ${elements.join(" ")}`);
    const weights = elements.filter((element) => element % 3 > 0).map((element) => `w_${element} ${element % 5}`);
    steps.push(`MSET ${weights.join(" ")}`);
    for (const order of ["ASC", "DESC"]) {
      for (const limit of ["", "LIMIT 0 5", "LIMIT 3 4", `LIMIT ${count >> 1} 100`, "LIMIT 1 1000"]) {
        steps.push(`SORT l${count} BY w_* ALPHA ${order} ${limit}`.trim());
        steps.push(`SORT l${count} BY w_* ${order} ${limit}`.trim());
        steps.push(`SORT l${count} BY none_* ALPHA ${order} ${limit}`.trim());
      }
    }
    steps.push(`SORT l${count} BY w_* ALPHA LIMIT 2 7 STORE d`, "LRANGE d 0 -1");
  }
  return steps;
}

export const sortCases: readonly ConformanceCase[] = [
  { name: "numbers as strtod reads them", steps: numbers() },
  { name: "limits", steps: limits() },
  { name: "ties", steps: ties() },
  {
    name: "lists, sets, sorted sets",
    steps: [
      "RPUSH l 3 1 2 10",
      "SADD i 3 1 2 10",
      "SADD t c a b",
      "ZADD z 3 x 1 y 2 w",
      "ZADD zn 9 1 8 2 7 3",
      "SORT l",
      "SORT l DESC",
      "SORT l DESC ASC",
      "SORT l ALPHA",
      "SORT i",
      "SORT i DESC LIMIT 1 2",
      "SORT t ALPHA",
      "SORT t",
      "SORT t ALPHA DESC",
      "SORT z",
      "SORT z ALPHA",
      "SORT z BY nosort",
      "SORT z BY nosort DESC",
      "OBJECT ENCODING zn",
      "SORT zn",
      "OBJECT ENCODING zn",
      "SORT zn DESC",
      "SORT zn BY nosort GET #",
      "SORT l BY nosort",
      "SORT l BY nosort DESC",
      step("SORT t BY nosort", unordered),
      step("SORT i BY nosort", unordered),
      "SORT t BY nosort STORE d",
      "LRANGE d 0 -1",
      "SORT i BY nosort STORE d",
      "LRANGE d 0 -1",
      "SORT t BY nosort DESC STORE d",
      "LRANGE d 0 -1",
      "SORT missing",
      "SORT missing STORE d",
      "EXISTS d",
      "SORT missing STORE d",
      "SORT_RO l",
      "SORT_RO l STORE d",
      "SORT_RO t ALPHA LIMIT 1 1",
    ],
  },
  {
    name: "wrong types and syntax",
    steps: [
      "SET s v",
      "HSET h a 1",
      "RPUSH l 1",
      "SORT s",
      "SORT h",
      "SORT_RO s",
      "SORT s bogus",
      "SORT missing bogus",
      "SORT",
      "SORT_RO",
      "SORT l BY",
      "SORT l GET",
      "SORT l STORE",
      "SORT l LIMIT",
      "SORT l LIMIT 1",
      "SORT l LIMIT x",
      "SORT l ASC DESC ALPHA",
      "SORT l by nosort get # limit 0 1 desc alpha",
      "SORT l STORE s",
      "TYPE s",
      "EXPIRE s 100",
      "SORT l STORE s",
      "TTL s",
      "SORT l STORE l",
      "LRANGE l 0 -1",
      "COMMAND GETKEYS SORT a",
      "COMMAND GETKEYS SORT a STORE b",
      "COMMAND GETKEYS SORT a BY STORE GET STORE LIMIT STORE 1 STORE b STORE c",
      "COMMAND GETKEYS SORT a STORE",
      "COMMAND GETKEYSANDFLAGS SORT a STORE b",
      "COMMAND GETKEYS SORT_RO a STORE b",
      "COMMAND INFO SORT SORT_RO",
    ],
  },
  {
    name: "BY and GET",
    steps: [
      "RPUSH l 1 2 3 4",
      "MSET w_1 30 w_2 20 w_3 10 o_1 one o_2 two o_3 three",
      "HSET h_1 name first rank 3",
      "HSET h_2 name second rank 1",
      "HSET h_3 name third",
      "SADD o_4 not-a-string",
      "SORT l BY w_*",
      "SORT l BY w_* DESC",
      "SORT l BY w_* GET #",
      "SORT l BY w_* GET o_*",
      "SORT l BY w_* GET # GET o_* GET w_*",
      "SORT l GET o_* GET h_*->name",
      "SORT l GET missing",
      "SORT l GET *",
      "SORT l GET #x",
      'SORT l GET "#\\x00x"',
      "SORT l BY h_*->rank",
      "SORT l BY h_*->rank DESC GET h_*->name",
      "SORT l BY h_*->name ALPHA",
      "SORT l BY h_*->",
      "SORT l GET h_*->",
      "SORT l GET h_*->missing",
      "SORT l GET o_*->name",
      "SORT l GET h_*",
      "SORT l BY o_* ALPHA",
      "SORT l BY o_*",
      "SORT l BY o_* ALPHA DESC LIMIT 0 2",
      "SET a->_1 arrow",
      "SORT l GET a->_*",
      "SET x_1_*_y star",
      "SORT l GET x_*_*_y",
      "SET x_1- dash",
      "SORT l GET x_*-",
      'SET "z\\x00*" nul',
      'SORT l GET "z\\x00*"',
      'SORT l BY "z\\x00*"',
      'SET "q1\\x00->f" nul',
      'SORT l GET "q*\\x00->f"',
      'HSET hn1 "\\x00f" v f w "f\\x00g" x',
      'SORT l GET "hn*->\\x00f"',
      'SORT l GET "hn*->f\\x00g"',
      "SORT l BY w_* STORE d",
      "LRANGE d 0 -1",
      "SORT l BY w_* GET o_* GET # STORE d",
      "LRANGE d 0 -1",
      "SORT l LIMIT 0 0 STORE d",
      "EXISTS d",
      "SORT l BY nosort GET o_* LIMIT 1 2 DESC",
      "RPUSH texts b a \\xff é \\x00",
      "SORT texts ALPHA",
      'RPUSH nul "a\\x00b" "a\\x00a" "a" "a\\x00"',
      "SORT nul ALPHA",
      "SORT nul ALPHA DESC",
      "SORT nul ALPHA LIMIT 1 2",
      "SORT nul ALPHA STORE d",
      "LRANGE d 0 -1",
      "OBJECT FREQ l",
    ],
  },
  {
    name: "in a transaction, watched, expired",
    steps: [
      "RPUSH l 2 1",
      "MULTI",
      "SORT l",
      "SORT l STORE d",
      "SORT l bogus",
      "LRANGE d 0 -1",
      "EXEC",
      "WATCH d",
      "b> SORT l STORE d",
      "MULTI",
      "LLEN d",
      "EXEC",
      "SET w_1 5 PX 1",
      "SET w_2 4",
      step("DEBUG SLEEP 0.01"),
      "SORT l BY w_* GET w_*",
      "EXISTS w_1",
    ],
  },
];
