/** Values of several chunks: what goes over the boundaries between them, against plain byte arrays; and the limits on length. */
import { describe, expect, test } from "vitest";
import { latin1 } from "../../../src/base/bytes.ts";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { CHUNK_BYTES } from "../../../src/structure/blob.ts";
import { EngineClient } from "../../support/engine_client.ts";

const BYTES = 3 * CHUNK_BYTES + 12345;

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

function integer(reply: string): number {
  expect(reply[0]).toBe(":");
  return Number(reply.slice(1));
}

/** A random position near a boundary between chunks, or near an end. */
function position(random: Random): number {
  const near = uniform(random, 4) * CHUNK_BYTES - 20 + uniform(random, 40);
  return Math.max(0, Math.min(BYTES - 1, near));
}

function bitOf(bytes: Uint8Array, offset: number): number {
  return (bytes[offset >>> 3]! >>> (7 - (offset & 7))) & 1;
}

function countBits(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let offset = start; offset <= end; offset++) count += bitOf(bytes, offset);
  return count;
}

describe("values of several chunks", () => {
  const random = seededRandom(7);
  const value = random.bytes(BYTES);
  const client = new EngineClient();
  client.command("SET", "k", value);

  test("GETRANGE, SETRANGE, APPEND", () => {
    const model = value.slice();
    for (let i = 0; i < 50; i++) {
      const start = position(random);
      const written = random.bytes(1 + uniform(random, Math.min(100, BYTES - start)));
      expect(client.command("SETRANGE", "k", start, written)).toBe(`:${BYTES}\r\n`);
      model.set(written, start);
      const from = position(random);
      const to = position(random);
      expect(client.command("GETRANGE", "k", from, to)).toBe(bulk(from > to ? "" : latin1(model, from, to + 1)));
    }
    client.command("SET", "a", model.subarray(0, CHUNK_BYTES - 5));
    for (let at = CHUNK_BYTES - 5; at < BYTES; at += 400_000) {
      client.command("APPEND", "a", model.subarray(at, Math.min(BYTES, at + 400_000)));
    }
    expect(client.command("GET", "a") === client.command("GET", "k")).toBe(true);
    client.command("SET", "k", value);
  });

  test("SETBIT, GETBIT, BITFIELD", () => {
    const model = value.slice();
    for (let i = 0; i < 200; i++) {
      const offset = position(random) * 8 + uniform(random, 8);
      const bit = uniform(random, 2);
      expect(client.command("GETBIT", "k", offset)).toBe(`:${bitOf(model, offset)}\r\n`);
      expect(client.command("SETBIT", "k", offset, bit)).toBe(`:${bitOf(model, offset)}\r\n`);
      model[offset >>> 3] = (model[offset >>> 3]! & ~(0x80 >>> (offset & 7))) | (bit === 1 ? 0x80 >>> (offset & 7) : 0);
    }
    for (let i = 0; i < 100; i++) {
      const offset = Math.min(position(random), BYTES - 10) * 8 + uniform(random, 8);
      const bits = 1 + uniform(random, 63);
      let old = 0n;
      for (let k = 0; k < bits; k++) old = (old << 1n) | BigInt(bitOf(model, offset + k));
      const wanted = BigInt.asUintN(bits, BigInt(random.int32() >>> 0) * 0x1234567n);
      expect(client.command("BITFIELD", "k", "SET", `u${bits}`, offset, String(wanted))).toBe(`*1\r\n:${old}\r\n`);
      expect(client.command("BITFIELD_RO", "k", "GET", `u${bits}`, offset)).toBe(`*1\r\n:${wanted}\r\n`);
      for (let k = 0; k < bits; k++) {
        const at = offset + k;
        const mask = 0x80 >>> (at & 7);
        const set = ((wanted >> BigInt(bits - 1 - k)) & 1n) === 1n;
        model[at >>> 3] = (model[at >>> 3]! & ~mask) | (set ? mask : 0);
      }
    }
    expect(client.command("GET", "k") === bulk(latin1(model))).toBe(true);
    client.command("SET", "k", value);
  });

  test("BITCOUNT and BITPOS", () => {
    expect(integer(client.command("BITCOUNT", "k"))).toBe(countBits(value, 0, BYTES * 8 - 1));
    for (let i = 0; i < 40; i++) {
      const start = position(random) * 8 + uniform(random, 8);
      const end = Math.min(BYTES * 8 - 1, start + uniform(random, 3000));
      expect(integer(client.command("BITCOUNT", "k", start, end, "BIT"))).toBe(countBits(value, start, end));
      let first = start;
      while (first <= end && bitOf(value, first) !== 1) first++;
      expect(integer(client.command("BITPOS", "k", 1, start, end, "BIT"))).toBe(first > end ? -1 : first);
    }
    client.command("SETBIT", "zeros", BYTES * 8 - 1, 0);
    for (let i = 0; i < 40; i++) {
      const offset = position(random) * 8 + uniform(random, 8);
      client.command("SETBIT", "zeros", offset, 1);
      expect(client.command("BITPOS", "zeros", 1)).toBe(`:${offset}\r\n`);
      expect(client.command("BITPOS", "zeros", 1, offset + 1, -1, "BIT")).toBe(":-1\r\n");
      expect(client.command("BITCOUNT", "zeros")).toBe(":1\r\n");
      client.command("SETBIT", "zeros", offset, 0);
    }
    client.command("BITOP", "NOT", "ones", "zeros");
    expect(client.command("BITPOS", "ones", 0)).toBe(`:${BYTES * 8}\r\n`);
    expect(client.command("BITPOS", "ones", 0, 0, -1)).toBe(":-1\r\n");
    client.command("SETBIT", "ones", 2 * CHUNK_BYTES * 8, 0);
    expect(client.command("BITPOS", "ones", 0)).toBe(`:${2 * CHUNK_BYTES * 8}\r\n`);
  });

  test("BITOP of lengths that differ, into one of the sources", () => {
    const other = random.bytes(CHUNK_BYTES + 77);
    client.command("SET", "o", other);
    const operations = {
      AND: (a: number, b: number) => a & b,
      OR: (a: number, b: number) => a | b,
      XOR: (a: number, b: number) => a ^ b,
    };
    for (const [name, operation] of Object.entries(operations)) {
      const expected = Uint8Array.from(value, (byte, i) => operation(byte, other[i] ?? 0));
      client.command("SET", "target", value, "EX", 100);
      expect(client.command("BITOP", name, "target", "o", "target")).toBe(`:${BYTES}\r\n`);
      expect(client.command("GET", "target") === bulk(latin1(expected))).toBe(true);
      expect(client.command("BITOP", name, "target", "k", "o", "missing", "o")).toBe(`:${BYTES}\r\n`);
    }
  });

  test("GETSET, SET GET and GETDEL reply with the old value", () => {
    const large = bulk(latin1(value));
    client.command("SET", "old", value, "EX", 100);
    expect(client.command("GETSET", "old", "new") === large).toBe(true);
    client.command("SET", "old", value, "EX", 100);
    expect(client.command("SET", "old", value.subarray(1), "GET", "KEEPTTL") === large).toBe(true);
    expect(client.command("GETDEL", "old") === bulk(latin1(value.subarray(1)))).toBe(true);
    expect(client.command("SET", "k", "x", "IFEQ", value.subarray(1))).toBe("$-1\r\n");
    expect(client.command("SET", "k", value, "IFEQ", value)).toBe("+OK\r\n");
  });
});

describe("limits on length", () => {
  const tooLong = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
  const badOffset = "-ERR bit offset is not an integer or out of range\r\n";

  test("are those of proto-max-bulk-len", () => {
    const client = new EngineClient();
    client.engine.call.stringBytesMax = 100;
    client.command("SET", "k", "x".repeat(60));
    expect(client.command("APPEND", "k", "x".repeat(41))).toBe(tooLong);
    expect(client.command("APPEND", "k", "x".repeat(40))).toBe(":100\r\n");
    expect(client.command("SETRANGE", "k", 99, "yy")).toBe(tooLong);
    expect(client.command("SETBIT", "k", 800, 1)).toBe(badOffset);
    expect(client.command("SETBIT", "k", 799, 1)).toBe(":0\r\n");
    expect(client.command("LCS", "k", "k")).toBe(
      "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n",
    );
    expect(client.command("LCS", "m", "n")).toBe("$0\r\n\r\n");
  });

  test("end at 512 MB whatever is configured", () => {
    const client = new EngineClient();
    client.engine.call.stringBytesMax = 1024 * 1024 * 1024;
    expect(client.command("SETRANGE", "k", 512 * 1024 * 1024, "y")).toBe(tooLong);
    expect(client.command("SETBIT", "k", 4294967296, 1)).toBe(badOffset);
    expect(client.command("BITFIELD", "k", "SET", "u8", 4294967295, 1)).toBe(tooLong);
    expect(client.command("STRLEN", "k")).toBe(":0\r\n");
  });
});
