/** Log lines in Redis's format. */
import { expect, test } from "vitest";
import { startupLines } from "../../../src/server/banner.ts";
import { Logger } from "../../../src/server/logger.ts";

function logged(level: "debug" | "notice", use: (logger: Logger) => void): string[] {
  const lines: string[] = [];
  const wallMs = new Date(2026, 10, 21, 9, 5, 7, 42).getTime();
  use(new Logger(level, { wallMs: () => wallMs, monotonicUs: () => 0 }, (line) => lines.push(line)));
  return lines;
}

test("pid, role, local time, level and message; lower levels are dropped; a line stays a line", () => {
  const use = (logger: Logger): void => {
    logger.debug("a");
    logger.verbose("b");
    logger.notice("c\r\nd");
    logger.warning("e");
  };
  const head = `${process.pid}:M 21 Nov 2026 09:05:07.042`;
  expect(logged("debug", use)).toEqual([`${head} . a\n`, `${head} - b\n`, `${head} * c  d\n`, `${head} # e\n`]);
  expect(logged("notice", use)).toEqual([`${head} * c  d\n`, `${head} # e\n`]);
});

test("the start says what was recovered, from where, in how long, what is missing, and ends with the ready line", () => {
  const recovered = {
    keys: 5,
    commands: 3000,
    bytes: 900,
    segments: 1,
    milliseconds: 2,
    cutBytes: 17,
    cutCopy: "/d/x.torn",
    images: 0,
    imageBytes: 0,
    imageSequence: 0,
    badImages: [],
  };
  const lines = startupLines({
    directory: "/d",
    appendFsync: "always",
    recovered,
    listening: ["127.0.0.1:6379"],
    missing: ["no lock"],
    encryption: undefined,
  });
  expect(lines.map(({ text }) => text)).toEqual([
    "Recovered 5 keys by 3000 commands from 1 log segment (900 bytes) in /d in 2 ms, 1500000 commands a second",
    "The log ended in the middle of a write: 17 bytes were cut, kept aside in /d/x.torn",
    "no lock",
    "Listening on 127.0.0.1:6379",
    "Ready to accept connections",
  ]);
  const images = {
    images: 3,
    imageBytes: 2048,
    imageSequence: 70,
    badImages: [{ name: "x.img", reason: "it is gone" }],
  };
  const [first, second] = startupLines({
    directory: "/d",
    appendFsync: "always",
    recovered: { ...recovered, ...images, commands: 0 },
    listening: [],
    missing: [],
    encryption: undefined,
  });
  expect(first?.text).toBe(
    "Recovered 5 keys by an image with 2 deltas (2.00K, through command 70) and 0 commands from 1 log segment (900 bytes) in /d in 2 ms",
  );
  expect(second?.text).toMatch(/^The image x.img could not be used \(it is gone\): /);
  const memoryOnly = startupLines({
    directory: undefined,
    appendFsync: "no",
    recovered: undefined,
    listening: [],
    missing: [],
    encryption: undefined,
  });
  expect(memoryOnly.map(({ level }) => level)).toEqual(["warning", "notice"]);
});
