/** Ranges are copied into replies run by run and word by word: here with everything that ends a run, and elements of every length. */
import { expect, test } from "vitest";
import { EngineClient } from "../../support/engine_client.ts";

/** Texts of 0 to 70 bytes, long ones, and integers, in no order of length. */
const texts: string[] = [];
for (let length = 0; length <= 70; length++) texts.push("abcdefghijklmnopqrstuvwxyz".repeat(3).slice(0, length));
for (const length of [127, 128, 254, 255, 256, 4095, 4096]) texts.push("L".repeat(length));
for (const value of [0, 9, 127, 128, -1, -4097, 8388608, 2147483647, "9007199254740993"]) texts.push(String(value));
texts.sort((a, b) => ((a.length * 7919) % 101) - ((b.length * 7919) % 101));

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const array = (elements: string[]): string => `*${elements.length}\r\n${elements.map(bulk).join("")}`;

/** The sorted elements of an array reply, without its header. */
function sorted(reply: string): string[] {
  const found: string[] = [];
  for (let at = reply.indexOf("\r\n") + 2; at < reply.length; ) {
    const line = reply.indexOf("\r\n", at);
    const length = Number(reply.slice(at + 1, line));
    found.push(reply.slice(line + 2, line + 2 + length));
    at = line + 4 + length;
  }
  return found.sort();
}

/** Sizes of nodes: all in one, elements of one node each, plain elements between. */
for (const [size, depth] of [
  [-5, 0],
  [-1, 0],
  [4, 0],
  [7, 1],
  [1, 1],
] as const) {
  test(`LRANGE of nodes of ${size} with compress depth ${depth}`, () => {
    const client = new EngineClient({ firstSegment: 0 });
    Object.assign(client.engine.dataset.limits, { listListpackSize: size, listCompressDepth: depth });
    client.command("RPUSH", "list", ...texts);
    const count = texts.length;
    for (const [start, stop] of [
      [0, -1],
      [1, -2],
      [3, 3],
      [5, 40],
      [count - 9, count + 5],
      [count >> 1, count - 1],
    ] as const) {
      const expected = array(texts.slice(start, stop < 0 ? count + stop + 1 : stop + 1));
      expect(client.command("LRANGE", "list", String(start), String(stop))).toBe(expected);
    }
    expect(client.command("SORT", "list", "BY", "nosort")).toBe(array(texts));
  });
}

for (const packed of [0, 512]) {
  test(`ZRANGE, SMEMBERS, HGETALL and HKEYS of every length, packed up to ${packed}`, () => {
    const client = new EngineClient({ firstSegment: 0 });
    const { dataset } = client.engine;
    Object.assign(dataset.limits, {
      zsetListpackEntries: packed,
      setListpackEntries: packed,
      hashListpackEntries: packed,
      zsetListpackValueBytes: 5000,
      setListpackValueBytes: 5000,
      hashListpackValueBytes: 5000,
    });
    const scored = texts.flatMap((text, i) => [String(i), text]);
    client.command("ZADD", "zset", ...scored);
    client.command("SADD", "set", ...texts);
    client.command("HSET", "hash", ...texts.flatMap((text, i) => [text, texts[texts.length - 1 - i]!]));
    for (const [start, stop] of [
      [0, texts.length - 1],
      [2, 2],
      [1, 85],
    ] as const) {
      const range = ["ZRANGE", "zset", String(start), String(stop)];
      expect(client.command(...range)).toBe(array(texts.slice(start, stop + 1)));
      expect(client.command(...range, "WITHSCORES")).toBe(
        array(texts.slice(start, stop + 1).flatMap((text, i) => [text, String(start + i)])),
      );
    }
    expect(sorted(client.command("SMEMBERS", "set"))).toEqual([...texts].sort());
    expect(sorted(client.command("HKEYS", "hash"))).toEqual([...texts].sort());
    expect(sorted(client.command("HGETALL", "hash"))).toEqual([...texts, ...texts].sort());
  });
}
