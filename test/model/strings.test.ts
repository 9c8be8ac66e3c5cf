/** Strings and bitmaps: the effects that random commands leave make the same dataset again, wherever the arena lies. */
import { describe, expect, test } from "vitest";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import { EngineClient } from "../support/engine_client.ts";
import { verifyDataset } from "../support/verify_dataset.ts";
import { randomRequest } from "../unit/command/string_requests.ts";
import { withSeed } from "./memory_seed.ts";

const FILE = "test/model/strings.test.ts";

function replayRandom(seed: number, firstSegment: number): void {
  const random = seededRandom(seed);
  const client = new EngineClient({ recording: true, firstSegment });
  const copy = new EngineClient({ seed: 2, firstSegment });
  for (let round = 0; round < 60; round++) {
    for (let i = 0; i < 50; i++) {
      const before = stateOf(client);
      const effects = client.engine.journal.sequence;
      const expired = client.engine.dataset.expiredKeys;
      const request = randomRequest(random);
      const reply = client.command(...request);
      const changed = stateOf(client) !== before;
      // A change without an effect would be lost; a refusal must leave neither, but for the key it found expired.
      if (changed) expect([request, client.engine.journal.sequence > effects]).toEqual([request, true]);
      if (reply.startsWith("-") && client.engine.dataset.expiredKeys === expired)
        expect([request, changed]).toEqual([request, false]);
    }
    client.clock.advance(uniform(random, 3) === 0 ? 60_000_000 : 5);
    copy.replay(client.takeEffects());
    expect(stateDigest(copy.engine.dataset)).toBe(stateDigest(client.engine.dataset));
  }
  expect(verifyDataset(client.engine.dataset)).toEqual([]);
  expect(verifyDataset(copy.engine.dataset)).toEqual([]);
}

/** The state, as long as nothing has expired meanwhile: expiry is logged by itself, whichever command notices it. */
function stateOf(client: EngineClient): string {
  return `${stateDigest(client.engine.dataset)} ${client.engine.dataset.expiredKeys}`;
}

describe("effects of strings and bitmaps", () => {
  test("replayed give the same dataset", () => withSeed(FILE, (seed) => replayRandom(seed, 0)));
  test("also across the sign of addresses", () => withSeed(FILE, (seed) => replayRandom(seed, 255)));
});
