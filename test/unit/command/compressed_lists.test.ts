/** Lists whose nodes are compressed against the same lists whose nodes are not: the same replies and the same elements, whatever is done to them. */
import { expect, test } from "vitest";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { stateDigest } from "../../../src/dataset/digest.ts";
import { formOf, SQUEEZED } from "../../../src/dataset/list/node_words.ts";
import { ListNodes } from "../../../src/dataset/list/nodes.ts";
import { bigWord0 } from "../../../src/dataset/packed.ts";
import { ENCODING_BIG } from "../../../src/dataset/types.ts";
import { entryEncoding } from "../../../src/structure/entry.ts";
import { withSeed } from "../../model/memory_seed.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

const FILE = "test/unit/command/compressed_lists.test.ts";
const ROUNDS = 16;
const STEPS = 800;
const SIZES = [-1, -2, 100, 300];
const KEYS = ["a", "b"];

type Arguments = readonly (string | number)[];

/** Identifiers: mostly of few different bytes, some of many, some that repeat. */
function element(random: Random): string {
  const kind = uniform(random, 12);
  if (kind === 0)
    return random.bytes(1 + uniform(random, 30)).reduce((text, byte) => text + String.fromCharCode(byte), "");
  if (kind < 3) return `job:${uniform(random, 1000)}`;
  const bytes = Buffer.from(random.bytes(1 + uniform(random, 30)));
  return bytes.toString(kind < 11 ? "hex" : "base64");
}

function command(random: Random): Arguments {
  const key = KEYS[uniform(random, 2)]!;
  const at = uniform(random, 3000) - 100;
  const kind = uniform(random, 20);
  const end = (kind & 1) === 0;
  if (kind < 6) {
    const elements = Array.from({ length: 1 + uniform(random, 100) }, () => element(random));
    return [end ? "RPUSH" : "LPUSH", key, ...elements];
  }
  if (kind < 8) return [end ? "RPOP" : "LPOP", key, 1 + uniform(random, 40)];
  if (kind < 10) return ["LSET", key, at, element(random)];
  if (kind < 12) return ["LRANGE", key, at, at + uniform(random, 300)];
  if (kind < 13) return ["LINDEX", key, at];
  if (kind < 15) return ["LINSERT", key, end ? "BEFORE" : "AFTER", `job:${uniform(random, 1000)}`, element(random)];
  if (kind < 16) return ["LREM", key, 1 - uniform(random, 3), `job:${uniform(random, 1000)}`];
  if (kind < 17) return ["LMOVE", "a", "b", end ? "LEFT" : "RIGHT", "LEFT"];
  if (kind < 18) return ["LPOS", key, `job:${uniform(random, 1000)}`, "COUNT", 0];
  if (uniform(random, 8) > 0) return ["LLEN", key];
  return ["LTRIM", key, uniform(random, 100), -1 - uniform(random, 100)];
}

/** Compressed nodes of all lists. */
function compressedNodes({ engine: { dataset } }: EngineClient): number {
  const database = dataset.database(0);
  const nodes = new ListNodes(dataset);
  let count = 0;
  for (const key of KEYS) {
    const bytes = Buffer.from(key);
    const entry = database.find(bytes, 0, bytes.length, database.hash(bytes, 0, bytes.length));
    if (entry === 0 || entryEncoding(dataset.arena, entry) !== ENCODING_BIG) continue;
    nodes.attach(bigWord0(dataset.arena, entry));
    for (let standing = nodes.tree.seekFirst(); standing; standing = nodes.tree.next()) {
      if (formOf(nodes.tree.w1) === SQUEEZED) count++;
    }
  }
  return count;
}

test("compressed lists are those that are not", () =>
  withSeed(FILE, (seed) => {
    let compressed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const random = seededRandom(seed + round);
      const [packed, open] = [0, 1].map(() => new EngineClient({ seed: 1, databases: 1 })) as [
        EngineClient,
        EngineClient,
      ];
      for (const { engine } of [packed, open]) engine.dataset.limits.listListpackSize = SIZES[round % SIZES.length]!;
      packed.engine.dataset.limits.listCompressDepth = 1 + (round % 3);
      for (let step = 0; step < STEPS; step++) {
        const args = command(random);
        const [got, wanted] = [packed.command(...args), open.command(...args)];
        if (got === wanted) continue;
        const asked = args.join(" ").slice(0, 200);
        throw new Error(
          `round ${round}, step ${step}: ${asked}: ${got.slice(0, 200)} instead of ${wanted.slice(0, 200)}`,
        );
      }
      expect(verifyDataset(packed.engine.dataset)).toEqual([]);
      expect(stateDigest(packed.engine.dataset)).toBe(stateDigest(open.engine.dataset));
      compressed += compressedNodes(packed);
    }
    expect(compressed).toBeGreaterThan(ROUNDS * 4);
  }));
