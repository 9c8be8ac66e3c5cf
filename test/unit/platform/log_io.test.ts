/** The contract of src/platform/log_io.ts, held by the threads of the addon and by node:fs. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { type LogIo, NativeLogIo, PortableLogIo } from "../../../src/platform/log_io.ts";
import { nativeAddon, nativeMissingReason } from "../../../src/platform/native.ts";
import { LOG, type Transport } from "../../../src/platform/transport.ts";
import { inputRows, KINDS, makeTransport, until } from "./echo_server.ts";

function makeLogIo(kind: "native" | "portable"): LogIo {
  if (kind === "portable") return new PortableLogIo(fs, systemClock.monotonicUs);
  const addon = nativeAddon();
  if (addon === undefined) throw new Error(`the addon is missing: ${nativeMissingReason()}`);
  return new NativeLogIo(addon);
}

const BACKINGS: readonly ("native" | "portable")[] =
  process.env["EMBERLOG_NATIVE"] === "0" ? ["portable"] : ["native", "portable"];

function written(logIo: LogIo): Promise<number> {
  return new Promise((resolve) => {
    logIo.onWritten = resolve;
  });
}

function synced(logIo: LogIo): Promise<number> {
  return new Promise((resolve) => {
    logIo.onSynced = resolve;
  });
}

describe.each(BACKINGS)("log io, %s", (kind) => {
  let directory = "";
  let file = "";
  let fd = -1;
  let logIo: LogIo;

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "emberlog-"));
    file = path.join(directory, "log");
    fd = fs.openSync(file, "w+");
    logIo = makeLogIo(kind);
  });

  afterEach(async () => {
    await logIo.close();
    fs.closeSync(fd);
    fs.rmSync(directory, { recursive: true });
  });

  test("writes land where they should, and the sync covers them", async () => {
    const bytes = seededRandom(1).bytes(300_000);
    let position = 0;
    for (const length of [1, 4095, 65_536, 200_000, 30_368]) {
      const done = written(logIo);
      logIo.write(fd, bytes, position, length, position);
      expect(await done).toBe(length);
      position += length;
    }
    const done = synced(logIo);
    logIo.sync(fd, 0);
    expect(await done).toBe(0);
    expect(logIo.lastSyncUs()).toBeGreaterThan(0);
    expect(logIo.lastWriteUs()).toBeGreaterThan(0);
    expect(Buffer.compare(fs.readFileSync(file), bytes)).toBe(0);
  });

  test("a write on the calling thread", () => {
    const bytes = seededRandom(2).bytes(100_000);
    expect(logIo.writeNow(fd, bytes, 10, 90_000, 5)).toBe(90_000);
    expect(Buffer.compare(fs.readFileSync(file).subarray(5), bytes.subarray(10, 90_010))).toBe(0);
  });

  test("completions come later, never from within the call", async () => {
    let during = true;
    const order: string[] = [];
    const all = new Promise<void>((resolve) => {
      logIo.onWritten = () => {
        expect(during).toBe(false);
        order.push("written");
        if (order.length === 2) resolve();
      };
      logIo.onSynced = () => {
        expect(during).toBe(false);
        order.push("synced");
        if (order.length === 2) resolve();
      };
    });
    logIo.write(fd, new Uint8Array(100), 0, 100, 0);
    logIo.sync(fd, 0);
    during = false;
    await all;
    expect(order.sort()).toEqual(["synced", "written"]);
  });

  test("an error is a negative number, and the next write can succeed", async () => {
    const readOnly = fs.openSync(file, "r");
    const bytes = new Uint8Array(10).fill(1);
    let done = written(logIo);
    logIo.write(readOnly, bytes, 0, 10, 0);
    expect(await done).toBe(-os.constants.errno.EBADF);
    expect(logIo.writeNow(readOnly, bytes, 0, 10, 0)).toBe(-os.constants.errno.EBADF);
    done = written(logIo);
    logIo.write(fd, bytes, 0, 10, 0);
    expect(await done).toBe(10);
    let syncDone = synced(logIo);
    logIo.sync(1_000_000, 0);
    expect(await syncDone).toBe(-os.constants.errno.EBADF);
    syncDone = synced(logIo);
    logIo.sync(fd, 0);
    expect(await syncDone).toBe(0);
    fs.closeSync(readOnly);
  });

  test("a disk that fills: what fits is written, then the errno comes", async () => {
    // /dev/full refuses every byte.
    const full = fs.openSync("/dev/full", "w");
    const done = written(logIo);
    logIo.write(full, new Uint8Array(10), 0, 10, 0);
    expect(await done).toBe(-os.constants.errno.ENOSPC);
    expect(logIo.writeNow(full, new Uint8Array(10), 0, 10, 0)).toBe(-os.constants.errno.ENOSPC);
    fs.closeSync(full);
  });

  test("one task of each kind at a time", async () => {
    const done = Promise.all([written(logIo), synced(logIo)]);
    logIo.write(fd, new Uint8Array(10), 0, 10, 0);
    logIo.sync(fd, 0);
    expect(() => logIo.write(fd, new Uint8Array(10), 0, 10, 0)).toThrow("one write at a time");
    expect(() => logIo.sync(fd, 0)).toThrow("one sync at a time on a lane");
    await done;
  });

  test("as many syncs as there are lanes, each told of by its lane", async () => {
    const seen: number[] = [];
    const all = new Promise<void>((resolve) => {
      logIo.onSynced = (result, lane) => {
        expect(result).toBe(0);
        seen.push(lane);
        if (seen.length === 2 * logIo.lanes) resolve();
        if (seen.indexOf(lane) === seen.length - 1) logIo.sync(fd, lane);
      };
    });
    for (let lane = 0; lane < logIo.lanes; lane++) logIo.sync(fd, lane);
    expect(() => logIo.sync(fd, logIo.lanes - 1)).toThrow("one sync at a time on a lane");
    await all;
    const lanes = Array.from({ length: logIo.lanes }, (_, lane) => lane);
    expect(seen.sort((a, b) => a - b)).toEqual([...lanes, ...lanes].sort((a, b) => a - b));
  });

  test("close waits for what is under way", async () => {
    let result = 0;
    logIo.onWritten = (count) => {
      result = count;
    };
    const bytes = new Uint8Array(8 * 1024 * 1024).fill(9);
    logIo.write(fd, bytes, 0, bytes.length, 0);
    await logIo.close();
    expect(result).toBe(bytes.length);
    expect(fs.statSync(file).size).toBe(bytes.length);
  });

  test("bytes being written survive a collection of everything else", async () => {
    const length = 4 * 1024 * 1024;
    const done = written(logIo);
    logIo.write(fd, new Uint8Array(length).fill(0x5a), 0, length, 0);
    for (let i = 0; i < 50; i++) new Uint8Array(length).fill(i);
    expect(await done).toBe(length);
    expect(fs.readFileSync(file).every((byte) => byte === 0x5a)).toBe(true);
  });

  describe.each(KINDS)("attached to a transport over %s", (transportKind) => {
    let transport: Transport;
    let logRows = 0;
    let rowBeforeCompletion = false;
    let completed = 0;

    beforeEach(() => {
      logRows = completed = 0;
      rowBeforeCompletion = false;
      transport = makeTransport(transportKind, {
        onTurn: (rows) => {
          for (const { slot, flags } of inputRows(transport, rows)) {
            if (slot !== -1 || (flags & LOG) === 0) continue;
            logRows++;
            if (completed === 0) rowBeforeCompletion = true;
          }
          return 0;
        },
      });
      transport.attachLog(logIo);
    });
    afterEach(() => transport.stop());

    test("completions are delivered at the start of a turn with a LOG row", async () => {
      logIo.onWritten = () => completed++;
      logIo.onSynced = () => completed++;
      for (let i = 1; i <= 20; i++) {
        logIo.write(fd, new Uint8Array(1000), 0, 1000, i * 1000);
        await until(() => completed === 2 * i - 1, "written");
        logIo.sync(fd, 0);
        await until(() => completed === 2 * i, "synced");
      }
      expect(logRows).toBeGreaterThanOrEqual(20);
      expect(rowBeforeCompletion).toBe(false);
    });

    test("after detaching they come by themselves again", async () => {
      transport.attachLog(undefined);
      const done = written(logIo);
      logIo.write(fd, new Uint8Array(10), 0, 10, 0);
      expect(await done).toBe(10);
      expect(logRows).toBe(0);
    });

    test("the transport may stop while a write is under way", async () => {
      const done = written(logIo);
      logIo.write(fd, new Uint8Array(1_000_000), 0, 1_000_000, 0);
      transport.stop();
      expect(await done).toBe(1_000_000);
    });
  });
});
