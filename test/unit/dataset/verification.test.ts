/** What an image may have brought along is found, little by little and while the dataset is used; what is sound stays unaccused. */
import { expect, test } from "vitest";
import { seededRandom } from "../../../src/base/random.ts";
import { Verification } from "../../../src/dataset/verification.ts";
import { SEGMENT_SHIFT, UNIT_MASK } from "../../../src/memory/layout.ts";
import { CommandSource } from "../../conformance/random_commands.ts";
import { drawSeed } from "../../model/memory_seed.ts";
import { EngineClient } from "../../support/engine_client.ts";

const seed = drawSeed();

/** Calls of `step` with room for one thing each, and what is done between them. */
function run(client: EngineClient, between: () => void = () => {}): Verification {
  const verification = new Verification(client.engine.dataset);
  for (let i = 0; i < 200_000; i++) {
    let left = 1;
    if (verification.step(() => left-- > 0)) return verification;
    between();
  }
  throw new Error("it never ends");
}

function filled(): EngineClient {
  const client = new EngineClient({ seed });
  const many = Array.from({ length: 1500 }, (_, i) => `member ${i}`);
  client.command("SET", "string", "x".repeat(1000), "EX", "1000");
  client.command("RPUSH", "list", ...many);
  client.command("SADD", "set", ...many);
  client.command("SADD", "numbers", "1", "2", "3");
  client.command("HSET", "hash", ...many.flatMap((each) => [each, "v"]));
  client.command("ZADD", "zset", ...many.flatMap((each, i) => [String(i), each]));
  client.command("SELECT", "3");
  client.command("RPUSH", "small", "a", "b");
  client.command("SELECT", "0");
  return client;
}

test("every key is looked at, in all databases, and nothing is wrong", () => {
  const verification = run(filled());
  expect(verification).toMatchObject({ keys: 7, problems: 0, firstProblem: "" });
});

test("nothing is wrong either while commands of all kinds run", () => {
  const random = seededRandom(seed);
  const source = new CommandSource(random);
  const client = filled();
  for (let i = 0; i < 1000; i++) client.command(...source.next());
  const verification = run(client, () => {
    for (let i = 0; i < 3; i++) client.command(...source.next());
  });
  expect(verification.problems, `${verification.firstProblem}; EMBERLOG_SEED=${seed}`).toBe(0);
  // How many there are is the dice's: FLUSHALL and SWAPDB are among the commands.
  expect(verification.keys).toBeGreaterThan(0);
});

/** Changes the word `at` words behind an address, whatever it holds. */
function damage(client: EngineClient, address: number, at: number, change: (word: number) => number): void {
  const words = client.engine.arena.words[address >>> SEGMENT_SHIFT]!;
  const word = ((address & UNIT_MASK) << 1) + at;
  words[word] = change(words[word]!);
}

test.each(["string", "list", "set", "numbers", "hash", "zset", "small"])(
  "damage in %s is counted and named",
  (name) => {
    let noticed = 0;
    let accused = "";
    // Each of the first words of its entry in turn: head, name, value or reference.
    for (let at = 0; at < 6; at++) {
      const client = filled();
      const db = client.engine.dataset.database(name === "small" ? 3 : 0);
      const key = Buffer.from(name);
      const entry = db.find(key, 0, key.length, db.hash(key, 0, key.length));
      damage(client, entry, at, (word) => word ^ 0x00410041);
      const verification = run(client);
      if (verification.problems === 0) continue;
      noticed++;
      accused += `${verification.firstProblem}\n`;
    }
    expect(noticed).toBeGreaterThanOrEqual(2);
    expect(accused).toMatch(/^database [03]: /);
  },
);
