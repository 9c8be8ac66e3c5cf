/** Channels by name: names whose hashes are equal are told apart, in whatever order they come and go. */
import { expect, it } from "vitest";
import { latin1Bytes } from "../../../src/base/bytes.ts";
import { hashBytes } from "../../../src/base/hash.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { Channels } from "../../../src/server/pubsub/channels.ts";

const SEED = 5;

/** Two names with the same hash: among some hundred thousand there are a few. */
function collidingNames(): [Uint8Array, Uint8Array] {
  const random = seededRandom(SEED);
  const [seed0, seed1] = [random.int32(), random.int32()];
  const seen = new Map<number, Uint8Array>();
  for (let i = 0; i < 1_000_000; i++) {
    const name = latin1Bytes(`channel:${i}`);
    const hash = hashBytes(name, 0, name.length, seed0, seed1);
    const other = seen.get(hash);
    if (other !== undefined) return [other, name];
    seen.set(hash, name);
  }
  throw new Error("no two hashes are equal");
}

it("names with equal hashes", () => {
  const [one, two] = collidingNames();
  for (const firstRemoved of [one, two]) {
    const channels = new Channels(seededRandom(SEED));
    const find = (name: Uint8Array) => channels.find(name, 0, name.length);
    const [a, b] = [channels.open(one), channels.open(two)];
    expect(a.hash).toBe(b.hash);
    expect([channels.size, find(one) === a, find(two) === b, channels.open(one) === a]).toEqual([2, true, true, true]);
    const [gone, left] = firstRemoved === one ? [a, b] : [b, a];
    channels.remove(gone);
    expect([channels.size, find(gone.name), find(left.name) === left]).toEqual([1, undefined, true]);
    channels.remove(left);
    expect([channels.size, find(one), find(two)]).toEqual([0, undefined, undefined]);
  }
});

it("names are bytes, found within others, and listed as they were made", () => {
  const channels = new Channels(seededRandom(1));
  const names = ["", "a", "\0", "\xff\r\n", "a long name of a channel"].map(latin1Bytes);
  for (const name of names) channels.open(name);
  expect([...channels].map(({ name }) => name)).toEqual(names);
  for (const name of names) {
    const around = Uint8Array.from([1, 2, ...name, 3]);
    expect(channels.find(around, 2, name.length)?.name).toEqual(name);
  }
  expect(channels.find(latin1Bytes("b"), 0, 1)).toBeUndefined();
});
