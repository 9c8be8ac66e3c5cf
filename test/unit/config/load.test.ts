/** Loading without a disk: where lines come from, what wins, and how mistakes are named. */
import { expect, test } from "vitest";
import { EmberlogError } from "../../../src/base/errors.ts";
import { parseCommandLine } from "../../../src/server/config/command_line.ts";
import type { Config } from "../../../src/server/config/config.ts";
import { type ConfigSources, loadConfig } from "../../../src/server/config/load.ts";

function sources(files: Readonly<Record<string, string>>, standardInput = ""): ConfigSources {
  return {
    workingDirectory: "/here",
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error("No such file or directory");
      return text;
    },
    listDirectory(path) {
      const prefix = path === "/" ? "/" : `${path}/`;
      const below = Object.keys(files).filter((name) => name.startsWith(prefix));
      return [...new Set(below.map((name) => name.slice(prefix.length).split("/")[0]!))];
    },
    readStandardInput: () => standardInput,
  };
}

function load(argv: string[], files: Readonly<Record<string, string>> = {}, standardInput = ""): Config {
  return loadConfig(parseCommandLine(argv), sources(files, standardInput));
}

function mistake(argv: string[], files: Readonly<Record<string, string>> = {}): string {
  try {
    load(argv, files);
  } catch (error) {
    expect(error).toBeInstanceOf(EmberlogError);
    expect((error as EmberlogError).code).toBe("CONFIG_INVALID");
    return (error as EmberlogError).message;
  }
  return "loaded";
}

test("without anything the defaults of Emberlog apply", () => {
  const config = load([]);
  expect(config.integer("port")).toBe(6379);
  expect(config.list("bind")).toEqual(["127.0.0.1", "-::1"]);
  expect(config.flag("appendonly")).toBe(true);
  expect(config.text("appendfsync")).toBe("everysec");
  expect(config.text("dir")).toBe("/here/data");
  expect(config.savePoints()).toEqual([
    { seconds: 3600, changes: 1 },
    { seconds: 300, changes: 100 },
    { seconds: 60, changes: 10000 },
  ]);
  expect(config.path("logfile")).toBeUndefined();
  expect(config.file).toBeUndefined();
  expect(config.warnings()).toEqual([]);
  expect(config.outputBufferLimits().pubsub).toEqual({ hardBytes: 33554432, softBytes: 8388608, softSeconds: 60 });
});

test("file, then standard input, then options: the last value wins", () => {
  const files = { "/here/a.conf": "port 1\nhz 11\nloglevel debug\n" };
  const config = load(["a.conf", "--port", "3"], files);
  expect(config.integer("port")).toBe(3);
  const withInput = load(["a.conf", "--loglevel", "warning", "-"], files, "port 2\nloglevel verbose");
  expect(["port", "hz", "loglevel"].map((name) => withInput.get(name))).toEqual(["2", "11", "warning"]);
  expect(withInput.file).toBe("/here/a.conf");
});

test("include stands where it stands, takes patterns, and an empty folder is fine", () => {
  const files = {
    "/etc/main.conf": "port 1\ninclude /etc/conf.d/*.conf\nhz 20\ninclude rel.conf\ninclude /etc/none.d/*.conf",
    "/etc/conf.d/b.conf": "port 3",
    "/etc/conf.d/a.conf": "port 2\nhz 30",
    "/etc/conf.d/.hidden.conf": "port 9",
    "/etc/conf.d/c.txt": "port 8",
    "/here/rel.conf": "timeout 7",
  };
  const config = load(["/etc/main.conf"], files);
  expect(["port", "hz", "timeout"].map((name) => config.integer(name))).toEqual([3, 20, 7]);
});

test("a file that includes itself is a mistake, not a hang", () => {
  expect(mistake(["/a"], { "/a": "include /a" })).toContain("Includes are nested deeper than 16");
});

test("mistakes name the file, the line, its text and the reason", () => {
  expect(mistake(["/a"], { "/a": "# one\n\nprot 6379\n" })).toBe(
    "\n*** FATAL CONFIG FILE ERROR (Emberlog) ***\nReading the configuration file /a, at line 3\n>>> 'prot 6379'\n" +
      "Bad directive or wrong number of arguments",
  );
  expect(mistake(["--prot", "1"])).toContain("Reading the command line\n>>> 'prot \"1\"'\nBad directive");
  expect(mistake(["/a"], { "/a": "include /b", "/b": "port" })).toContain(
    "file /b, at line 1\n>>> 'port'\nwrong number",
  );
  expect(mistake(["/a"], { "/a": 'requirepass "x' })).toContain("Unbalanced quotes in configuration line");
  expect(mistake(["/nosuch"])).toBe("Fatal error, can't open config file '/nosuch': No such file or directory");
  expect(mistake(["/a"], { "/a": "include /b" })).toContain("can't open config file '/b'");
  expect(mistake(["-x"])).toContain("Bad directive or wrong number of arguments");
});

test("what can't be honoured is refused with the reason, its default is not", () => {
  for (const [line, reason] of [
    ["replicaof 10.0.0.1 6379", "replication does not exist yet"],
    ["slaveof 10.0.0.1 6379", "replication does not exist yet"],
    ["min-replicas-to-write 1", "could not be kept"],
    ["cluster-enabled yes", "cluster mode does not exist"],
    ["tls-port 6380", "TLS does not exist yet"],
    ["tls-cert-file /x.crt", "TLS does not exist yet"],
    ["aclfile /x.acl", "access control lists do not exist yet"],
    ["user alice on nopass", "access control lists do not exist yet"],
    ['rename-command CONFIG ""', "commands can't be renamed yet"],
    ["loadmodule /x.so", "modules do not exist"],
    ["sentinel monitor a b 1 2", "sentinel mode does not exist"],
  ] as const) {
    expect(mistake(["/a"], { "/a": line })).toContain(reason);
  }
  expect(
    mistake(["/a"], { "/a": "replicaof no one\ncluster-enabled no\ntls-port 0\nlua-replicate-commands yes" }),
  ).toBe("loaded");
});

test("what has no effect is taken with one warning a reason", () => {
  const config = load([
    "--maxmemory",
    "1gb",
    "--activedefrag",
    "yes",
    "--active-defrag-cycle-min",
    "2",
    "--dbfilename",
    "other.rdb",
    "--rdbcompression",
    "yes",
  ]);
  const warnings = config.warnings();
  expect(warnings).toHaveLength(2);
  expect(warnings.find((line) => line.includes("activedefrag, active-defrag-cycle-min"))).toContain("without moving");
  expect(warnings.find((line) => line.includes("dbfilename"))).toContain("names of their own");
});

test("paths start at dir when the configuration sets it, else at the working directory", () => {
  expect(load(["--logfile", "x.log"]).path("logfile")).toBe("/here/x.log");
  expect(load(["--logfile", "x.log", "--dir", "/var/db"]).path("logfile")).toBe("/var/db/x.log");
  expect(load(["--dir", "a", "--dir", "b"]).text("dir")).toBe("/here/a/b");
  expect(load(["--dir", "a"]).text("dir")).toBe("/here/a");
});
