/** The directive table and its errors against a real redis-server: names, defaults, mutability, messages, rewriting. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemFiles } from "../../../src/cli/config_files.ts";
import { parseCommandLine } from "../../../src/server/config/command_line.ts";
import { Config } from "../../../src/server/config/config.ts";
import { allNames, directives, findDirective } from "../../../src/server/config/directives.ts";
import { backupDirectives } from "../../../src/server/config/directives_backup.ts";
import { loadConfig } from "../../../src/server/config/load.ts";
import { type Oracle, oracleMissing, startOracle } from "./redis_oracle.ts";

/** Emberlog's own directives, and those of Redis 7.2, which redis-server 7.0.15 does not know. */
const OWN = [
  "log-segment-bytes",
  "snapshot-schedule",
  "snapshot-memory",
  "log-retention-time",
  "log-retention-size",
  "disk-low-watermark",
  "disk-stop-watermark",
  "encryption-key-command",
  "encryption-key-env",
  "encryption-key-file",
  "encryption-key-permissions",
  "set-max-listpack-entries",
  "set-max-listpack-value",
  ...backupDirectives.map(({ name }) => name),
];

/** Defaults that differ, each with its reason. */
const OTHER_DEFAULTS: Readonly<Record<string, string>> = {
  appendonly: "durable unless told otherwise",
  bind: "redis-server without a file listens everywhere; redis.conf and Emberlog listen on loopback",
  dir: "a folder of its own below the working directory",
  save: "the oracle was started without save points",
  port: "the oracle was started without one",
  unixsocket: "the oracle was started with one",
};

/**
 * Left out when values are tried: setting these would cut the comparison's own connection, start background work or
 * signals, or ask for what Debian's build lacks; and strings can't be longer than 512 MiB here (proto-max-bulk-len).
 */
const NOT_TRIED = [
  "bind",
  "port",
  "requirepass",
  "maxclients",
  "maxmemory-clients",
  "appendonly",
  "timeout",
  "watchdog-period",
  "proto-max-bulk-len",
  "activedefrag",
  "oom-score-adj",
];

const TRIED_VALUES = [
  "",
  "yes",
  "NO",
  "maybe",
  "0",
  "1",
  "-1",
  "-2",
  "10",
  "99",
  "007",
  "+7",
  " 7",
  "1kb",
  "16MB",
  "1.5gb",
  "5%",
  "101%",
  "9223372036854775807",
  "9223372036854775808",
  "18446744073709551615",
  "99999999999999999999",
  "20000000000gb",
  "a b",
  "foo/bar",
  "900 1",
  "900 1 300 10",
  "900  1",
  "0 200 800",
  "3 2",
  "50 99.9",
  "50 101",
  "KEA",
  "AKEn",
  "mnK",
  "AKEmn",
  "nKg",
  "allkeys-LRU",
  "Notice",
  "swapdb",
  "hostname",
  "{title} {port}",
  "{title} {nothing}",
  "save now",
  "save nosave",
  "normal 1mb 512kb 30",
  "replica 1 2 3 pubsub 4 5 6",
  "master 1 2 3",
  "normal 1 2 x",
];

describe.skipIf(oracleMissing !== undefined)("against redis-server", () => {
  let oracle: Oracle;
  beforeAll(async () => {
    oracle = await startOracle("--save", "");
  });
  afterAll(() => oracle.stop());

  const shown = async (...patterns: string[]): Promise<Map<string, string>> => {
    const flat = (await oracle.call("CONFIG", "GET", ...patterns)) as string[];
    return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]!]] : [])));
  };

  test("every name of CONFIG GET * is in the table, aliases included, and nothing else is but our own", async () => {
    const theirs = [...(await shown("*")).keys()].sort();
    const ours = new Config("/tmp").match(["*"]).map(([name]) => name);
    expect(ours.filter((name) => !OWN.includes(name)).sort()).toEqual(theirs);
  });

  test("defaults have the same text", async () => {
    const theirs = await shown("*");
    const config = new Config("/tmp");
    const different = [...theirs].filter(([name, value]) => config.get(name) !== value).map(([name]) => name);
    expect(different.filter((name) => !(name in OTHER_DEFAULTS))).toEqual([]);
  });

  test("hidden names are found by their exact name only", async () => {
    for (const directive of directives.filter(({ hidden }) => hidden)) {
      expect([...(await shown(directive.name))]).toEqual([[directive.name, directive.initial]]);
    }
  });

  test("the same names can't be changed while the server runs", async () => {
    for (const [name, directive] of allNames()) {
      if (OWN.includes(name) || NOT_TRIED.includes(name) || name.startsWith("tls-")) continue;
      const reply = await oracle.reply("CONFIG", "SET", name, (await shown(name)).get(name)!);
      const theirs = /can't set (immutable|protected)/.exec(reply)?.[1] ?? "runtime";
      expect(`${name} ${directive.mutability === "start" ? "immutable" : directive.mutability}`).toBe(
        `${name} ${theirs}`,
      );
    }
  });

  test("CONFIG SET accepts, shows and refuses the same values in the same words", async () => {
    const config = new Config("/tmp");
    for (const [name, directive] of allNames()) {
      if (OWN.includes(name) || NOT_TRIED.includes(name)) continue;
      if (directive.status === "refused") continue;
      const before = (await shown(name)).get(name)!;
      for (const value of TRIED_VALUES) {
        const theirs = await oracle.reply("CONFIG", "SET", name, value);
        const ours = config.set([[name, value]]) ?? "OK";
        expect(`${name} '${value}': ${ours}`).toBe(`${name} '${value}': ${theirs}`);
        const [left, right] = [config.get(name), (await shown(name)).get(name)];
        if (directive.mutability === "runtime")
          expect(`${name} '${value}' ${left}`).toBe(`${name} '${value}' ${right}`);
      }
      await oracle.call("CONFIG", "SET", name, before).catch(() => {});
      config.set([[name, before]]);
    }
  });

  test("CONFIG SET of several: all or none, and which mistake is named", async () => {
    const rows: [string, string][][] = [
      [
        ["maxmemory", "5"],
        ["maxmemory-samples", "0"],
      ],
      [
        ["maxmemory-samples", "0"],
        ["maxmemory", "5"],
      ],
      [
        ["maxmemory", "1"],
        ["MAXMEMORY", "2"],
      ],
      [
        ["loglevel", "debug"],
        ["nosuch", "1"],
        ["daemonize", "yes"],
      ],
      [
        ["daemonize", "yes"],
        ["nosuch", "1"],
      ],
      [
        ["tcp-keepalive", "xx"],
        ["repl-timeout", "yy"],
      ],
      [
        ["tcp-keepalive", "7"],
        ["repl-timeout", "8"],
      ],
      [
        ["slave-lazy-flush", "yes"],
        ["replica-lazy-flush", "no"],
      ],
    ];
    const config = new Config("/tmp");
    for (const pairs of rows) {
      const theirs = await oracle.reply("CONFIG", "SET", ...pairs.flat());
      expect(config.set(pairs) ?? "OK").toBe(theirs);
      for (const [name] of pairs) expect(config.get(name)).toBe((await shown(name)).get(name));
    }
  });

  test("CONFIG GET answers patterns and names in any case with the same names", async () => {
    const config = new Config("/tmp");
    const rows = [
      ["MAXMEMORY"],
      ["MAXMEM*"],
      ["maxmemory", "maxmem*"],
      ["*[a-c]?", "h\\*"],
      ["nosuch"],
      ["Port", "port"],
    ];
    for (const patterns of [...rows, ["slave*", "*-lru-*", "save"], ["[^a-y]*"], ["z*-[lz]*-v*"], ["watchdog*"]]) {
      const ours = config.match(patterns).map(([name]) => name);
      expect(ours.filter((name) => !OWN.includes(name)).sort()).toEqual([...(await shown(...patterns)).keys()].sort());
    }
  });

  test("a command line or a file is refused with the same last words", () => {
    const rows = [
      ["--nosuch", "1"],
      ["--port"],
      ["--port", "1", "2"],
      ["--port", "x"],
      ["--port 70000"],
      ["--appendonly", "perhaps"],
      ["--save", "900"],
      ["--save", "900 1", "--save", "0 1"],
      ["--client-output-buffer-limit", "normal", "1", "2"],
      ["--requirepass", "a b", "c"],
      ["--oom-score-adj-values", "1", "2"],
      ["--unixsocketperm", "999"],
      ["--rename-command", "x"],
      ["--dir", ""],
      ["--loglevel", "--port", "1"],
    ];
    for (const argv of rows) {
      const theirs = spawnSync("redis-server", argv, { encoding: "utf8", timeout: 2000 });
      let ours = "started";
      try {
        loadConfig(parseCommandLine(argv), systemFiles("/tmp"));
      } catch (error) {
        ours = (error as Error).message;
      }
      const lines = theirs.stderr.trim().split("\n");
      expect(`${argv} ${ours.split("\n").at(-1)}`).toBe(`${argv} ${lines.at(-1)}`);
      expect(ours.split("\n").at(-2)).toBe(lines.at(-2));
    }
  });

  test("a command line that Redis takes gives the same values", async () => {
    const rows = [
      ["--save", "--maxmemory", "1gb"],
      ["--save", "900", "1", "300", "10", "--loglevel", "WARNING"],
      ["--save 900 1", "--save", "60 5"],
      ["--save", "900 1", "--save", ""],
      ["--save", "900 1", "--save"],
      ["--requirepass", "", "--maxmemory", "5mb", "--maxmemory", "6mb"],
      ["--masterauth", "--port", "--masteruser", "x y"],
      ["--client-output-buffer-limit", "normal 1mb 2mb 3", "--client-output-buffer-limit", "replica 1 2 3"],
      ["--MaxMemory-Policy", "ALLKEYS-lru", "--lua-time-limit", "77"],
      ["--proc-title-template", '{title} "quoted" \\ {port}', "--notify-keyspace-events", "KEA"],
    ];
    for (const argv of rows) {
      const other = await startOracle(...argv);
      const flat = (await other.call("CONFIG", "GET", "*")) as string[];
      await other.stop();
      const config = loadConfig(parseCommandLine(argv), systemFiles("/tmp"));
      const names = argv
        .join(" ")
        .toLowerCase()
        .match(/--[a-z-]+/g)!
        .map((name) => name.slice(2));
      for (const name of names.filter((each) => each !== "port")) {
        expect(`${argv}: ${name} ${config.get(name)}`).toBe(`${argv}: ${name} ${flat[flat.indexOf(name) + 1]}`);
      }
    }
  });

  test("CONFIG REWRITE writes the same file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "emberlog-rewrite-"));
    const file = join(folder, "redis.conf");
    const text = [
      "# a comment",
      "",
      "",
      "maxmemory 100",
      "  loglevel   debug  ",
      "maxmemory 200mb",
      "save 60 1",
      "save 30 2",
      "save 10 3",
      "lua-time-limit 5000",
      "client-output-buffer-limit normal 1 2 3",
      'masterauth "a b"',
      "hash-max-ziplist-entries 64",
      "# the end",
    ].join("\n");
    writeFileSync(file, text);
    const pairs: [string, string][] = [
      ["maxmemory", "3gb"],
      ["save", "7 7"],
      ["masterauth", ""],
      ["repl-timeout", "61"],
      ["client-output-buffer-limit", "pubsub 1kb 2 3"],
      ["notify-keyspace-events", "KEx"],
      ["lfu-decay-time", "3"],
      ["maxmemory-clients", "7%"],
    ];
    const other = await startOracle(file, "--bind", "127.0.0.1", "-::1", "--appendonly", "yes");
    const config = loadConfig(parseCommandLine([file]), systemFiles("/tmp"));
    for (const pair of pairs) {
      await other.call("CONFIG", "SET", ...pair);
      config.set([pair]);
    }
    await other.call("CONFIG", "REWRITE");
    const theirs = readFileSync(file, "utf8").split("\n");
    await other.stop();
    rmSync(folder, { recursive: true });
    // The oracle's own command line and the version line that Redis puts at the end are not what is compared.
    const ours = config.rewrite(text).split("\n");
    const own = /^(port|unixsocket|dir|bind|appendonly|save|latency-tracking-info-percentiles) /;
    expect(
      ours
        .filter((line) => !own.test(line))
        .slice()
        .sort(),
    ).toEqual(theirs.filter((line) => !own.test(line) && !line.startsWith("user default")).sort());
    expect(ours.filter((line) => line.startsWith("save"))).toEqual(theirs.filter((line) => line.startsWith("save")));
    expect(ours.slice(0, 8)).toEqual(theirs.slice(0, 8));
  });
});

const STOCK = "/etc/redis/redis.conf";
describe.skipIf(!existsSync(STOCK))("Debian's stock redis.conf", () => {
  test("is taken with warnings only, each about something that has no effect", () => {
    const config = loadConfig(parseCommandLine([STOCK, "--dir", "/tmp/x"]), systemFiles("/tmp"));
    expect(config.get("pidfile")).toBe("/run/redis/redis-server.pid");
    expect(config.get("bind")).toBe("127.0.0.1 -::1");
    expect(config.flag("appendonly")).toBe(false);
    expect(config.path("logfile")).toBe("/var/log/redis/redis-server.log");
    expect(config.warnings()).toEqual([expect.stringContaining("daemonize")]);
  });

  test("names no directive that the table lacks", () => {
    const text = readFileSync(STOCK, "utf8");
    // The commented-out examples are directives as well.
    const names = [...text.matchAll(/^#? ?([a-z][a-z0-9_]*(?:-[a-z0-9]+)+) [^ ]+$/gm)].map((match) => match[1]!);
    expect(names.length).toBeGreaterThan(80);
    expect(names.filter((name) => findDirective(name) === undefined && name !== "rename-command")).toEqual([]);
  });
});
