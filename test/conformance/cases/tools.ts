/** What people and tools look into a server with: SLOWLOG, LATENCY, MONITOR, ACL, MEMORY, LOLWUT. */
import { both, type ConformanceCase, masked, pending, type Same, type StepInput, sameKind, step } from "../step.ts";

/** Entries of the slow log but for their ids, times and ports; redis-server logs what Emberlog may measure under a microsecond too. */
const entries: Same = masked((reply) =>
  reply.replace(/\*6\r\n:\d+\r\n:\d+\r\n:\d+\r\n/g, "*6\r\n").replace(/\$\d+\r\n127\.0\.0\.1:\d+/g, "#"),
);

/** A line of MONITOR but for its time and port. */
const line: Same = masked((reply) =>
  reply.replace(/^\+\d{10}\.\d{6} \[(\d+) 127\.0\.0\.1:\d+\]/, (_, database) => `+# [${database} #]`),
);

/** Whole numbers stand for how long something took, or when. */
const numberless: Same = masked((reply) => reply.replace(/:\d+\r\n/g, ":#\r\n"));

/** The names of the commands, in any order: redis-server has those of its own connections and start, too. */
function recorded(...names: string[]): Same {
  return (ours, theirs) =>
    [ours, theirs].every((reply) => names.every((name) => reply.includes(`$${name.length}\r\n${name}\r\n`))) &&
    ours[0] === theirs[0];
}

const slowlog: StepInput[] = [
  "SLOWLOG RESET",
  "SLOWLOG LEN",
  "SLOWLOG GET",
  "SLOWLOG GET 5",
  "SLOWLOG GET -1",
  "SLOWLOG GET -2",
  "SLOWLOG GET x",
  "SLOWLOG GET 1 2",
  "SLOWLOG LEN x",
  "SLOWLOG RESET x",
  "SLOWLOG BOGUS",
  "SLOWLOG",
  "SLOWLOG HELP",
  "CLIENT SETNAME me",
  "CONFIG SET slowlog-log-slower-than 0",
  "SET k v",
  "GET k",
  ["SET", "k", "x".repeat(128)],
  ["SET", "k", "x".repeat(129)],
  ["SET", "k", Buffer.alloc(1000, 0xfe)],
  ["MGET", ...Array.from({ length: 31 }, (_, i) => `k${i}`)],
  ["MGET", ...Array.from({ length: 32 }, (_, i) => `k${i}`)],
  ["MGET", ...Array.from({ length: 100 }, (_, i) => `k${i}`)],
  "GET",
  "NOSUCH x",
  "INCR k",
  "AUTH one",
  "AUTH name secret",
  step("HELLO 2 AUTH default secret SETNAME me", sameKind),
  "CONFIG SET masterauth secret maxmemory-samples 5",
  'CONFIG SET masterauth ""',
  "MULTI",
  "SET a 1",
  "GET a",
  "EXEC",
  "CONFIG SET slowlog-log-slower-than -1",
  "GET k",
  step("SLOWLOG GET -1", entries),
  step("SLOWLOG GET 3", entries),
  "SLOWLOG LEN",
  "CONFIG SET slowlog-max-len 2",
  // Redis cuts the log when the next entry comes.
  "CONFIG SET slowlog-log-slower-than 0",
  "PING",
  "PING",
  "CONFIG SET slowlog-log-slower-than 10000",
  "SLOWLOG LEN",
  "SLOWLOG RESET",
  "SLOWLOG LEN",
  "CONFIG SET slowlog-max-len 0",
  "CONFIG SET slowlog-log-slower-than 0",
  "PING",
  "CONFIG SET slowlog-log-slower-than 10000",
  "SLOWLOG LEN",
  "CONFIG SET slowlog-max-len 128",
  "DEBUG SLEEP 0.02",
  "SLOWLOG LEN",
  step("SLOWLOG GET", entries),
  "SLOWLOG RESET",
];

const latency: StepInput[] = [
  "CONFIG SET latency-monitor-threshold 0",
  "LATENCY RESET",
  "LATENCY LATEST",
  "LATENCY LATEST x",
  "LATENCY HISTORY",
  "LATENCY HISTORY command",
  "LATENCY HISTORY nosuch",
  "LATENCY GRAPH command",
  "LATENCY GRAPH",
  "LATENCY RESET a b",
  "LATENCY BOGUS",
  "LATENCY",
  "LATENCY HELP",
  step("LATENCY DOCTOR", sameKind),
  "DEBUG SLEEP 0.03",
  "LATENCY LATEST",
  "CONFIG SET latency-monitor-threshold 20",
  step("LATENCY DOCTOR", sameKind),
  "DEBUG SLEEP 0.03",
  step("LATENCY LATEST", numberless),
  step("LATENCY HISTORY command", numberless),
  step("LATENCY DOCTOR", sameKind),
  step(
    "LATENCY GRAPH command",
    both(/command - high \d+ ms, low \d+ ms \(all time high \d+ ms\)\n-{80}\n#?_?o?\n|command - high/),
  ),
  "LATENCY RESET nosuch",
  "LATENCY RESET command command",
  "LATENCY LATEST",
  "CONFIG SET latency-monitor-threshold 0",
  "LATENCY RESET",
];

const histogram: StepInput[] = [
  "CONFIG RESETSTAT",
  "GET k",
  "GET k",
  "SET k v",
  "CLIENT ID",
  step("LATENCY HISTOGRAM", recorded("get", "set", "client|id")),
  step("LATENCY HISTOGRAM client", recorded("client|id")),
  step("LATENCY HISTOGRAM GET set", recorded("get", "set")),
  "LATENCY HISTOGRAM nosuch",
  step(
    "INFO latencystats",
    both(/# Latencystats\r\n(latency_percentiles_usec_[a-z|-]+:p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}\r\n)+/m),
  ),
  'CONFIG SET latency-tracking-info-percentiles "0 50.5 100"',
  step("INFO latencystats", both(/latency_percentiles_usec_get:p0=\d+\.\d{3},p50\.5=\d+\.\d{3},p100=\d+\.\d{3}\r\n/)),
  'CONFIG SET latency-tracking-info-percentiles ""',
  'CONFIG SET latency-tracking-info-percentiles "50 99 99.9"',
  "CONFIG SET latency-tracking no",
  "INFO latencystats",
  "CONFIG SET latency-tracking yes",
];

/** Each command on connection a, then the line or lines that connection m sees. */
function watched(...commands: readonly (string | readonly [command: StepInput, lines: number])[]): StepInput[] {
  return commands.flatMap((each) => {
    const [command, lines] = typeof each === "string" ? ([each, 1] as const) : each;
    return [command, ...Array.from({ length: lines }, () => pending("m", line))];
  });
}

const monitor: StepInput[] = [
  // The handshake of RESP3 is over before anybody watches.
  "PING",
  "m> MONITOR",
  ...watched(
    "SET k v",
    "get K",
    [["SET", "k", Buffer.from('a"\\\n\r\t\x07\x08\x00\xff\x7f é\x1b ', "latin1")], 1],
    ["AUTH secret", 1],
    ["AUTH user secret", 1],
    [step("HELLO 2 AUTH default secret", sameKind), 1],
    ["CONFIG GET timeout", 0],
    ["CONFIG SET timeout 0", 0],
    [step("CLIENT LIST", sameKind), 0],
    [step("CLIENT ID", sameKind), 1],
    ["DEBUG SLEEP 0", 0],
    [step("SLOWLOG LEN", sameKind), 0],
    ["LATENCY LATEST", 0],
    "ACL WHOAMI",
    ["MULTI", 1],
    ["SET a 1", 0],
    ["GET a", 0],
    ["EXEC", 3],
    ["MULTI", 1],
    ["NOSUCH", 0],
    ["EXEC", 1],
    ["GET", 0],
    ["NOSUCH x", 0],
    ["INCR k", 1],
    "SELECT 5",
    "GET k",
    "WATCH k",
    "UNWATCH",
    ["MULTI", 1],
    ["MONITOR", 0],
    ["EXEC", 1],
    ['SET "" ""', 1],
    "RESET",
    "PING",
  ),
  "m> GET k",
  "m> SET k v",
  "m> PING",
  pending("m", line),
  "m> RESET",
  "m> GET k",
  "GET k",
  "m> PING",
  "m> MONITOR x",
  "m> MULTI",
  "m> MONITOR",
  "m> EXEC",
];

const acl: StepInput[] = [
  "ACL WHOAMI",
  "ACL WHOAMI x",
  "ACL USERS",
  "ACL LIST",
  "ACL CAT",
  "ACL CAT bogus",
  step("ACL CAT hash", sameKind),
  step("ACL CAT HASH", sameKind),
  "ACL CAT a b",
  "ACL GETUSER default",
  "ACL GETUSER nobody",
  "ACL GETUSER",
  step("ACL GENPASS", both(/^\$64\r\n[0-9a-f]{64}\r\n$/)),
  step("ACL GENPASS 5", both(/^\$2\r\n[0-9a-f]{2}\r\n$/)),
  step("ACL GENPASS 4096", both(/^\$1024\r\n[0-9a-f]{1024}\r\n$/)),
  "ACL GENPASS 4097",
  "ACL GENPASS 0",
  "ACL GENPASS -1",
  "ACL GENPASS x",
  "ACL GENPASS 1 2",
  "ACL BOGUS",
  "ACL",
  step("ACL HELP", sameKind),
  "CONFIG SET requirepass secret",
  "ACL LIST",
  "ACL GETUSER default",
  'CONFIG SET requirepass ""',
];

export const toolCases: readonly ConformanceCase[] = [
  { name: "SLOWLOG", steps: slowlog },
  { name: "LATENCY", steps: latency },
  { name: "LATENCY HISTOGRAM and INFO latencystats", steps: histogram },
  { name: "MONITOR", steps: monitor },
  { name: "ACL", steps: acl },
  {
    name: "MEMORY and LOLWUT",
    steps: [
      step("MEMORY DOCTOR", sameKind),
      step("MEMORY MALLOC-STATS", sameKind),
      step("MEMORY STATS", sameKind),
      "MEMORY PURGE",
      "MEMORY DOCTOR x",
      "MEMORY HELP",
      step("LOLWUT", both(/Redis ver\. \d/)),
      step("LOLWUT x", both(/Redis ver\. \d/)),
      step("LOLWUT VERSION", both(/Redis ver\. \d/)),
      step("LOLWUT VERSION 5", both(/Redis ver\. \d/)),
      step("LOLWUT VERSION 5 1 1 1", both(/Redis ver\. \d/)),
      step("LOLWUT VERSION 6 20 10", both(/Redis ver\. \d/)),
      "LOLWUT VERSION x",
      "LOLWUT VERSION 5 x",
    ],
  },
];
