/** No argument from JavaScript may reach memory that it should not: mistakes throw, and nothing happens. */
import { afterAll, describe, expect, test } from "vitest";
import { type NativeAddon, nativeAddon, nativeMissingReason } from "../../src/platform/native.ts";

// Types are what is being broken here.
type Loose = { [name: string]: (...values: unknown[]) => unknown };

const found = nativeAddon();
test.skipIf(found === undefined)(`the addon is there ${nativeMissingReason()}`, () => {
  expect(found).toBeDefined();
});
if (found !== undefined) describe("arguments of the addon", () => argumentTests(found));

function argumentTests(addon: NativeAddon): void {
  const loose = addon as unknown as Loose;
  const bytes = new Uint8Array(100);

  test.each([
    ["crc32c", [bytes, 0, 101, 0]],
    ["crc32c", [bytes, 101, 0, 0]],
    ["crc32c", [bytes, -1, 1, 0]],
    ["crc32c", [bytes, 0.5, 1, 0]],
    ["crc32c", [bytes, 2 ** 60, 1, 0]],
    ["crc32c", [bytes, 0, Number.NaN, 0]],
    ["crc32c", [bytes, 99, Number.POSITIVE_INFINITY, 0]],
    ["crc64", [bytes, 0, 10, new Int32Array(1)]],
    ["adviseHugePages", [bytes, 0, 101]],
    ["populateAhead", [bytes, 0, 101]],
    ["returnPages", [bytes, 1, 100]],
  ])("%s%j is out of range", (name, values) => {
    expect(() => loose[name]!(...values)).toThrow(RangeError);
  });

  test.each([
    ["crc32c", [[], 0, 0, 0]],
    ["crc32c", ["text", 0, 0, 0]],
    ["crc32c", []],
    ["crc64", [bytes, 0, 10, new Float64Array(2)]],
    ["crc64", [bytes, 0, 10, new Uint32Array(2)]],
    ["addressOf", [{}]],
    ["flock", ["1"]],
    ["fallocate", [1, 0, 0, 0]],
    ["setThreadNice", []],
  ])("%s%j is of the wrong type", (name, values) => {
    expect(() => loose[name]!(...values)).toThrow(TypeError);
  });

  test("constructors check theirs", () => {
    const Reactor = addon.Reactor as unknown as new (...values: unknown[]) => unknown;
    const LogThreads = addon.LogThreads as unknown as new (...values: unknown[]) => unknown;
    const ok = [
      new Uint8Array(8192),
      new Int32Array(40),
      new Uint8Array(100),
      new Int32Array(30),
      new Float64Array(4),
      10,
      10,
      () => 0,
    ];
    for (const [index, wrong] of [
      [0, new Uint8Array(10)],
      [0, null],
      [1, new Uint8Array(40)],
      [1, new Int32Array(3)],
      [3, {}],
      [4, new Float64Array(0)],
      [5, 0],
      [5, -1],
      [6, "x"],
      [7, undefined],
    ] as const) {
      const values = ok.slice();
      values[index] = wrong as never;
      expect(() => new Reactor(...values), `${index}`).toThrow();
    }
    expect(() => new Reactor()).toThrow(TypeError);
    expect(() => new LogThreads(new Float64Array(39), () => {})).toThrow(RangeError);
    expect(() => new LogThreads(new Float64Array(40), 5)).toThrow(TypeError);
    expect(() => (addon.Reactor as unknown as () => void)()).toThrow();
  });

  describe("a reactor", () => {
    const reactor = new addon.Reactor(
      new Uint8Array(8192),
      new Int32Array(40),
      new Uint8Array(100),
      new Int32Array(30),
      new Float64Array(4),
      1000,
      1000,
      () => 0,
    );
    const outputTable = new Int32Array(30);
    afterAll(() => reactor.stop());

    test("slots, rows and ranges", () => {
      for (const slot of [-1, 4, 2 ** 31, -(2 ** 31)]) {
        expect(() => reactor.send(slot, bytes, 0, 1)).toThrow(RangeError);
        expect(() => reactor.close(slot, true)).toThrow(RangeError);
        expect(() => reactor.release(slot)).toThrow(RangeError);
        expect(() => reactor.peerAddress(slot)).toThrow(RangeError);
      }
      expect(() => reactor.send(0, bytes, 50, 51)).toThrow(RangeError);
      expect(() => reactor.flush(11)).toThrow(RangeError);
      expect(() => reactor.flush(-1)).toThrow(RangeError);
      reactor.send(0, bytes, 0, 100);
      reactor.release(3);
      expect(reactor.peerAddress(0)).toBe("");
      expect(reactor.descriptor(0)).toBe(-1);
      expect(reactor.listenerPort(5)).toBeLessThan(0);
      reactor.closeListener(99);
      expect(outputTable.length).toBe(30);
    });

    test("receivers of another kind", () => {
      const method = reactor.send;
      expect(() => method.call({} as never, 0, bytes, 0, 1)).toThrow(TypeError);
      const log = new addon.LogThreads(new Float64Array(40), () => {});
      expect(() => method.call(log as never, 0, bytes, 0, 1)).toThrow(TypeError);
      expect(() => reactor.attachLog({} as never)).toThrow(TypeError);
      expect(() => reactor.attachLog(reactor as never)).toThrow(TypeError);
      log.close();
    });

    test("hosts and paths that cannot be", () => {
      expect(reactor.listenTcp("no such host.invalid", 0, 1)).toBeLessThan(0);
      expect(reactor.listenUnix("x".repeat(200), 0, 1)).toBeLessThan(0);
      expect(reactor.listenUnix("/nowhere/at/all", 0, 1)).toBeLessThan(0);
      expect(reactor.listenUnix("", 0, 1)).toBeLessThan(0);
    });

    test("after stop everything is refused, and stopping again is nothing", () => {
      const stopped = new addon.Reactor(
        new Uint8Array(8192),
        new Int32Array(40),
        new Uint8Array(100),
        new Int32Array(30),
        new Float64Array(4),
        1000,
        1000,
        () => 0,
      );
      stopped.stop();
      stopped.stop();
      expect(() => stopped.listenTcp("127.0.0.1", 0, 1)).toThrow(RangeError);
      expect(() => stopped.send(0, bytes, 0, 1)).toThrow(RangeError);
      expect(() => stopped.wake(1)).toThrow(RangeError);
    });
  });

  test("rows that lie outside of the output region are refused, valid ones before them are sent", () => {
    const table = new Int32Array(30);
    const reactor = new addon.Reactor(
      new Uint8Array(8192),
      new Int32Array(40),
      new Uint8Array(100),
      table,
      new Float64Array(4),
      1000,
      1000,
      () => 0,
    );
    for (const row of [
      [0, -1, 5],
      [0, 0, -1],
      [0, 0, 101],
      [0, 100, 1],
      [9, 0, 1],
      [-5, 0, 1],
      [0, 2 ** 31 - 1, 2 ** 31 - 1],
    ]) {
      table.set(row);
      expect(() => reactor.flush(1), row.join()).toThrow(RangeError);
    }
    table.set([0, 0, 100]);
    reactor.flush(1);
    reactor.stop();
  });
}
