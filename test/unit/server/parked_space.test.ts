/** The ring of parked replies: no piece over another one that is in use, and all of it used before it says that it is full. */
import { expect, it } from "vitest";
import { seededRandom, uniform } from "../../../src/base/random.ts";
import { ParkedSpace } from "../../../src/server/parked_space.ts";

const BASE = 1000;

it("gives pieces in one part, apart from each other, and takes them back in their order", () => {
  const seed = Number(process.env["EMBERLOG_SEED"] ?? Date.now() % 1_000_000);
  const random = seededRandom(seed);
  for (let run = 0; run < 50; run++) {
    const length = 16 + uniform(random, 100);
    const space = new ParkedSpace(BASE, length);
    const used: { at: number; length: number }[] = [];
    for (let step = 0; step < 400; step++) {
      if (uniform(random, 5) < 3) {
        const wanted = 1 + uniform(random, 1 + Math.floor(length / 2));
        const at = space.take(wanted);
        if (at === -1) {
          expect(used.length, `EMBERLOG_SEED=${seed}`).toBeGreaterThan(0);
          continue;
        }
        expect(at).toBeGreaterThanOrEqual(BASE);
        expect(at + wanted).toBeLessThanOrEqual(BASE + length);
        for (const other of used) expect(at + wanted <= other.at || other.at + other.length <= at).toBe(true);
        used.push({ at, length: wanted });
      } else if (used.length > 0) {
        const oldest = used.shift()!;
        space.giveBack(oldest.at, oldest.length);
      }
    }
  }
});

it("is used up to its last byte", () => {
  const space = new ParkedSpace(BASE, 12);
  expect([space.take(4), space.take(4), space.take(4), space.take(1)]).toEqual([BASE, BASE + 4, BASE + 8, -1]);
  space.giveBack(BASE, 4);
  expect([space.take(5), space.take(4), space.take(1)]).toEqual([-1, BASE, -1]);
  for (const at of [4, 8, 0]) space.giveBack(BASE + at, 4);
  expect(space.take(13)).toBe(-1);
  expect(space.take(12)).toBe(BASE);
});
