/** The log's threads below their face: many jobs, order, what happens after an error. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { nativeAddon } from "../../src/platform/native.ts";
import { until } from "../unit/platform/echo_server.ts";

const WRITTEN = 0;
const WRITE_ERROR = 1;
const WRITE_SETTLED = 2;
const WRITE_FAILED = 3;
const SYNCED = 8;
const SYNC_ERROR = 9;
const SYNC_SETTLED = 10;
const LANES = 8;
const LANE_LENGTH = 4;
const STATE_LENGTH = 8 + LANES * LANE_LENGTH;

describe.skipIf(process.env["EMBERLOG_NATIVE"] === "0")("the log's threads", () => {
  let directory = "";
  let fd = -1;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "emberlog-"));
    fd = fs.openSync(path.join(directory, "log"), "w+");
  });
  afterEach(() => {
    fs.closeSync(fd);
    fs.rmSync(directory, { recursive: true });
  });

  test("a thousand writes in order, syncs between them, tickets only grow", async () => {
    const state = new Float64Array(STATE_LENGTH);
    let calls = 0;
    const log = new (nativeAddon()!.LogThreads)(state, () => {
      calls++;
    });
    const seed = Number(process.env["SEED"] ?? 7);
    const random = seededRandom(seed);
    const expected: Uint8Array[] = [];
    let position = 0;
    for (let ticket = 1; ticket <= 1000; ticket++) {
      const bytes = random.bytes(1 + uniform(random, 5000));
      expected.push(bytes);
      log.write(fd, bytes, 0, bytes.length, position, ticket);
      position += bytes.length;
      if (ticket % 100 === 0) log.sync(0, fd, ticket);
      // Not the last: what ends behind it is told by a call.
      if (ticket % 50 === 0 && ticket < 1000) {
        log.poll();
        expect(state[WRITTEN]).toBeLessThanOrEqual(ticket);
      }
    }
    await until(() => state[WRITTEN] === 1000 && state[SYNCED] === 1000, "all done");
    expect(calls).toBeGreaterThan(0);
    const whole = Buffer.concat(expected);
    const replay = `SEED=${seed} npx vitest run test/native/log_threads.test.ts`;
    expect(Buffer.compare(fs.readFileSync(path.join(directory, "log")), whole), replay).toBe(0);
    log.close();
  });

  test("nothing is written behind a hole until the error is cleared", async () => {
    const state = new Float64Array(STATE_LENGTH);
    const log = new (nativeAddon()!.LogThreads)(state, () => {});
    const readOnly = fs.openSync("/dev/null", "r");
    const bytes = new Uint8Array(10).fill(1);
    log.write(fd, bytes, 0, 10, 0, 1);
    log.write(readOnly, bytes, 0, 10, 10, 2);
    log.write(fd, bytes, 0, 10, 20, 3);
    log.sync(0, 1_000_000, 5);
    log.sync(0, fd, 6);
    expect(() => log.write(fd, bytes, 0, 10, 20, 3)).toThrow(RangeError);
    expect(() => log.sync(0, fd, 6)).toThrow(RangeError);
    await until(() => state[WRITE_SETTLED] === 3 && state[SYNC_SETTLED] === 6, "settled");
    expect(state[WRITTEN]).toBe(1);
    expect(state[WRITE_ERROR]).toBe(os.constants.errno.EBADF);
    expect(state[WRITE_FAILED]).toBe(2);
    expect(state[SYNCED]).toBe(0);
    expect(state[SYNC_ERROR]).toBe(os.constants.errno.EBADF);
    expect(fs.fstatSync(fd).size).toBe(10);
    log.clearError(false);
    log.write(fd, bytes, 0, 10, 10, 4);
    await until(() => state[WRITTEN] === 4, "written again");
    expect(state[WRITE_ERROR]).toBe(0);
    expect(state[SYNC_ERROR]).toBe(os.constants.errno.EBADF);
    log.close();
    expect(() => log.write(fd, bytes, 0, 10, 10, 5)).toThrow(RangeError);
    log.close();
    fs.closeSync(readOnly);
  });

  test("lanes sync beside each other, and an error on one is nobody else's", async () => {
    const state = new Float64Array(STATE_LENGTH);
    const log = new (nativeAddon()!.LogThreads)(state, () => {});
    for (let lane = 0; lane < LANES; lane++) log.sync(lane, lane === 3 ? 1_000_000 : fd, 10 + lane);
    expect(() => log.sync(LANES, fd, 100)).toThrow(RangeError);
    expect(() => log.sync(5, fd, 15)).toThrow(RangeError);
    const at = (field: number, lane: number): number => state[field + LANE_LENGTH * lane]!;
    for (let lane = 0; lane < LANES; lane++) await until(() => at(SYNC_SETTLED, lane) === 10 + lane, "settled");
    for (let lane = 0; lane < LANES; lane++) {
      expect(at(SYNCED, lane)).toBe(lane === 3 ? 0 : 10 + lane);
      expect(at(SYNC_ERROR, lane)).toBe(lane === 3 ? os.constants.errno.EBADF : 0);
    }
    log.sync(3, fd, 20);
    await until(() => at(SYNC_SETTLED, 3) === 20, "discarded");
    expect(at(SYNCED, 3)).toBe(0);
    log.clearError(true);
    log.sync(3, fd, 21);
    await until(() => at(SYNCED, 3) === 21, "synced again");
    log.close();
  });

  test("close finishes what is queued", () => {
    const state = new Float64Array(STATE_LENGTH);
    const log = new (nativeAddon()!.LogThreads)(state, () => {});
    const bytes = new Uint8Array(100_000).fill(3);
    for (let ticket = 1; ticket <= 50; ticket++)
      log.write(fd, bytes, 0, bytes.length, (ticket - 1) * bytes.length, ticket);
    log.sync(0, fd, 1);
    log.close();
    expect(state[WRITTEN]).toBe(50);
    expect(state[SYNCED]).toBe(1);
    expect(fs.fstatSync(fd).size).toBe(5_000_000);
  });
});
