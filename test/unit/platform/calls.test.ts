/** The small calls: with the addon what it promises, without it what the fallback does. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { missingGuarantees } from "../../../src/platform/capabilities.ts";
import { nativeFileCalls } from "../../../src/platform/file_calls.ts";
import { nativeMemoryCalls, residentBytes } from "../../../src/platform/memory_calls.ts";
import { nativeAddon, nativeMissingReason } from "../../../src/platform/native.ts";
import { setThreadNice, threadCpuClock } from "../../../src/platform/thread_calls.ts";

const PORTABLE = process.env["EMBERLOG_NATIVE"] === "0";

/** Runs source text in a worker, see worker_entry.mjs. */
function inWorker(body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker_entry.mjs", import.meta.url), { workerData: body });
    let answer: unknown;
    worker.on("message", (value) => {
      answer = value;
    });
    worker.once("error", reject);
    worker.once("exit", () => resolve(answer));
  });
}

test("what is missing is named, and only then", () => {
  if (PORTABLE) {
    expect(nativeAddon()).toBeUndefined();
    expect(nativeMissingReason()).toBe("EMBERLOG_NATIVE=0");
    expect(missingGuarantees().map(({ name }) => name)).toContain("reserved-log-space");
  } else {
    expect(nativeMissingReason()).toBe("");
    expect(missingGuarantees()).toEqual([]);
  }
  for (const { name, consequence } of missingGuarantees()) {
    expect(name).toMatch(/^[a-z-]+$/);
    expect(consequence.length).toBeGreaterThan(20);
  }
});

test("resident memory, with the addon or without, is that of the process", () => {
  const seen = residentBytes();
  expect(seen).toBeGreaterThan(10e6);
  expect(Math.abs(seen - process.memoryUsage.rss())).toBeLessThan(50e6);
});

test("processor time grows with work", () => {
  const clock = threadCpuClock();
  const before = clock();
  let sum = 0;
  for (let i = 0; i < 2e7; i++) sum = (sum + i * i) | 0;
  expect(sum).not.toBe(1);
  const used = clock() - before;
  expect(used).toBeGreaterThan(1000);
  expect(used).toBeLessThan(60e6);
});

test("a worker is made nice without touching the main thread", async () => {
  const before = os.getPriority(process.pid);
  const answer = await inWorker(`
    const { setThreadNice } = await load("thread_calls.ts");
    const os = await import("node:os");
    post({ done: setThreadNice(19), nice: os.getPriority(0) });`);
  expect(answer).toEqual({ done: true, nice: 19 });
  expect(os.getPriority(process.pid)).toBe(before);
  expect(setThreadNice(before)).toBe(true);
});

describe.skipIf(PORTABLE)("with the addon", () => {
  test("workers load it, use it, and end while a reactor is open and a write is under way", async () => {
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        inWorker(`
          const { nativeAddon } = await load("native.ts");
          const addon = nativeAddon();
          const { EpollTransport } = await load("transport_epoll.ts");
          const { NativeLogIo } = await load("log_io.ts");
          const transport = new EpollTransport(addon, { onTurn: () => 0, slotsMax: 10 });
          const { port } = await transport.listenTcp("127.0.0.1", 0, 10);
          const logIo = new NativeLogIo(addon);
          const fs = await import("node:fs");
          const fd = fs.openSync("/dev/null", "w");
          transport.attachLog(logIo);
          logIo.write(fd, new Uint8Array(1000000), 0, 1000000, 0);
          post(port > 0 && addon.crc32c(new Uint8Array(32), 0, 32, 0) === (0x8a9136aa | 0));
          process.exit(0);`),
      ),
    );
    expect(answers).toEqual([true, true, true, true]);
  });

  test("a second lock of the same file is refused until the first is closed", () => {
    const { flock } = nativeFileCalls();
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "emberlog-"));
    const file = path.join(directory, "LOCK");
    const first = fs.openSync(file, "w");
    const second = fs.openSync(file, "r+");
    expect(flock!(first)).toBe(0);
    expect(flock!(second)).toBe(-os.constants.errno.EAGAIN);
    expect(flock!(first)).toBe(0);
    fs.closeSync(first);
    expect(flock!(second)).toBe(0);
    fs.closeSync(second);
    expect(flock!(second)).toBe(-os.constants.errno.EBADF);
    fs.rmSync(directory, { recursive: true });
  });

  test("space is set aside without changing the length", () => {
    const { fallocate } = nativeFileCalls();
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "emberlog-"));
    const fd = fs.openSync(path.join(directory, "log"), "w+");
    const result = fallocate!(fd, 0, 1024 * 1024);
    expect([0, -os.constants.errno.EOPNOTSUPP]).toContain(result);
    const status = fs.fstatSync(fd);
    expect(status.size).toBe(0);
    if (result === 0) expect(status.blocks * 512).toBeGreaterThanOrEqual(1024 * 1024);
    fs.closeSync(fd);
    fs.rmSync(directory, { recursive: true });
  });

  test("memory given back reads as zeros and leaves the resident set; pages beside it stay", () => {
    const calls = nativeMemoryCalls()!;
    const chunk = 2 * 1024 * 1024;
    const shared = new Uint8Array(new SharedArrayBuffer(64 * 1024 * 1024));
    const first = (chunk - (calls.addressOf(shared) % chunk)) % chunk;
    const segment = shared.subarray(first, first + 60 * 1024 * 1024);
    expect(calls.addressOf(segment) % chunk).toBe(0);
    expect(calls.addressOf(segment)).toBe(calls.addressOf(shared) + first);
    calls.adviseHugePages(segment);
    segment.fill(0xab);
    const before = calls.residentBytes();
    expect(calls.discard(segment, chunk, 28 * chunk)).toBe(true);
    expect(before - calls.residentBytes()).toBeGreaterThan(40 * 1024 * 1024);
    expect(segment[chunk - 1]).toBe(0xab);
    expect(segment[29 * chunk]).toBe(0xab);
    expect(segment.subarray(chunk, 29 * chunk).every((byte) => byte === 0)).toBe(true);
    segment[chunk] = 1;
    expect(segment[chunk]).toBe(1);
  });

  test("memory fetched ahead becomes resident by itself and keeps its bytes", async () => {
    const calls = nativeMemoryCalls()!;
    const chunk = 2 * 1024 * 1024;
    const shared = new Uint8Array(new SharedArrayBuffer(34 * 1024 * 1024));
    const first = (chunk - (calls.addressOf(shared) % chunk)) % chunk;
    const segment = shared.subarray(first, first + 32 * 1024 * 1024);
    segment[5] = 7;
    const before = calls.residentBytes();
    for (let at = 0; at < segment.length; at += chunk) calls.populateAhead(segment, at, chunk);
    const deadline = performance.now() + 10_000;
    while (calls.residentBytes() - before < 28 * 1024 * 1024 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(calls.residentBytes() - before).toBeGreaterThan(28 * 1024 * 1024);
    expect(segment[5]).toBe(7);
    expect(segment.subarray(6).every((byte) => byte === 0)).toBe(true);
  });

  test("a range that is not whole pages is refused and untouched", () => {
    const calls = nativeMemoryCalls()!;
    const shared = new Uint8Array(new SharedArrayBuffer(8 * 1024 * 1024)).fill(1);
    const page = (4096 - (calls.addressOf(shared) % 4096)) % 4096;
    expect(calls.discard(shared, page + 1, 4096)).toBe(false);
    expect(calls.discard(shared, page, 4095)).toBe(false);
    expect(shared.every((byte) => byte === 1)).toBe(true);
    expect(() => calls.discard(shared, 0, shared.length + 1)).toThrow(RangeError);
  });
});
