/**
 * DUMP payloads that somebody has changed: RESTORE makes a sound value of them or answers with an error. It never throws, never hangs, and leaves
 * nothing behind that the verifier objects to, nor memory.
 *
 * A case is some hundred payloads, drawn from every encoding of test/support/rdb_bodies.ts and from values that commands have made, changed in a few
 * places, often where a length or a head stands, and given a footer that is right. What is taken is written again and must be taken again
 * with the same digest.
 */

import type { Random } from "../src/base/random.ts";
import { uniform } from "../src/base/random.ts";
import { stateDigest } from "../src/dataset/digest.ts";
import { EngineClient } from "../test/support/engine_client.ts";
import { bodies } from "../test/support/rdb_bodies.ts";
import { withFooter } from "../test/support/rdb_payload.ts";
import { verifyDataset } from "../test/support/verify_dataset.ts";
import type { Target } from "./target.ts";

const PAYLOADS = 250;
/** The dataset is verified and emptied after so many payloads at most; what they took must be free then. */
const VERIFIED_EVERY = 50;
const KEYS = 8;
/** Longer bodies are drawn seldom, so that most changes hit something that matters. */
const SHORT_BYTES = 300;
const TELLING = [0, 1, 2, 10, 63, 64, 65, 127, 128, 129, 192, 193, 194, 195, 224, 225, 240, 241, 244, 253, 254, 255];
/** One value that takes more of the processor's time than this hangs, ms: on a busy machine the clock on the wall says little. */
const HANGS_MS = 2000;

const client = new EngineClient();
let payloads = 0;
let taken = 0;
let beginning = 0;

export const rdbPayload: Target = {
  name: "rdb-payload",
  async start() {
    const { dataset } = client.engine;
    // Tables of the databases have their size from the first key on.
    client.command("SET", "k", "v");
    client.command("FLUSHALL");
    beginning = dataset.allocator.allocatedBytes;
    return true;
  },
  stop: async () => "",
  counts: () => ({ payloads, taken }),
  progress: () => `${payloads} payloads, ${taken} taken`,
  async run(random) {
    const began = process.cpuUsage();
    for (let n = 0; n < PAYLOADS; n++) {
      const failure = tryPayload(random, began) || (n % VERIFIED_EVERY === VERIFIED_EVERY - 1 ? verify() : "");
      if (failure !== "") return failure;
    }
    return verify();
  },
};

/** `caseBegan`: the processor time is asked for only where a payload took long, and that of the whole case is no less than its own. */
function tryPayload(random: Random, caseBegan: NodeJS.CpuUsage): string {
  let { body, version } = draw(random);
  for (let i = uniform(random, 6); i > 0; i--) body = mutate(random, body);
  const payload = withFooter(body, version);
  const key = `k${uniform(random, KEYS)}`;
  const what = (): string => `payload ${payload.toString("hex")}`;
  payloads++;
  const beganMs = performance.now();
  try {
    const ttl = uniform(random, 4) === 0 ? 4_000_000_000_000 : 0;
    const reply = client.command("RESTORE", key, ttl, payload, "REPLACE", "ABSTTL");
    const tookMs = performance.now() - beganMs;
    if (tookMs > HANGS_MS && process.cpuUsage(caseBegan).user / 1000 > HANGS_MS) return `took ${tookMs} ms\n${what()}`;
    if (/^-ERR Bad data format/.test(reply)) return "";
    if (reply !== "+OK\r\n") return `answered ${JSON.stringify(reply)}\n${what()}`;
    taken++;
    return uniform(random, 16) === 0 ? again(random, key, what) : "";
  } catch (thrown) {
    return `${thrown instanceof Error ? thrown.stack : String(thrown)}\n${what()}`;
  }
}

/** What was taken can be written, taken again, and is the same. */
function again(random: Random, key: string, what: () => string): string {
  const { dataset } = client.engine;
  dataset.rdbCompression = uniform(random, 2) === 0;
  const reply = client.command("DUMP", key);
  const payload = Buffer.from(reply.slice(reply.indexOf("\r\n") + 2, -2), "latin1");
  client.command("PERSIST", key);
  const before = stateDigest(dataset);
  if (client.command("RESTORE", key, 0, payload, "REPLACE") !== "+OK\r\n")
    return `its own payload is refused\n${what()}`;
  return stateDigest(dataset) === before ? "" : `another value after DUMP and RESTORE\n${what()}`;
}

function verify(): string {
  const { dataset } = client.engine;
  const problems = verifyDataset(dataset);
  if (problems.length > 0) return problems.join("\n");
  client.command("FLUSHALL");
  while (dataset.releaseStep());
  const left = dataset.allocator.allocatedBytes - beginning;
  return left === 0 ? "" : `${left} bytes are left allocated in an empty dataset`;
}

function draw(random: Random): { body: Buffer; version: number } {
  for (;;) {
    const { bytes, version } = bodies[uniform(random, bodies.length)]!;
    if (bytes.length <= SHORT_BYTES || uniform(random, 20) === 0) {
      return { body: bytes, version: uniform(random, 30) === 0 ? [6, 10, 12, 80][uniform(random, 4)]! : version };
    }
  }
}

function mutate(random: Random, body: Buffer): Buffer {
  if (body.length === 0) return body;
  // Heads stand in front.
  const range = uniform(random, 3) === 0 ? Math.min(16, body.length) : body.length;
  const at = uniform(random, range);
  const copy = Buffer.from(body);
  switch (uniform(random, 8)) {
    case 0:
      copy[at] = copy[at]! ^ (1 << uniform(random, 8));
      return copy;
    case 1:
      copy[at] = TELLING[uniform(random, TELLING.length)]!;
      return copy;
    case 2:
      copy[at] = (copy[at]! + (uniform(random, 2) === 0 ? 1 : 255)) & 255;
      return copy;
    case 3:
      return Buffer.concat([body.subarray(0, at), Buffer.from([uniform(random, 256)]), body.subarray(at)]);
    case 4:
      return Buffer.concat([body.subarray(0, at), body.subarray(Math.min(body.length, at + 1 + uniform(random, 4)))]);
    case 5:
      return body.subarray(0, at);
    case 6: {
      // A stretch stands twice.
      const end = Math.min(body.length, at + 1 + uniform(random, 20));
      return Buffer.concat([body.subarray(0, end), body.subarray(at)]);
    }
    default: {
      // The end of another value.
      const other = bodies[uniform(random, bodies.length)]!.bytes;
      if (other.length > SHORT_BYTES) return copy;
      return Buffer.concat([body.subarray(0, at), other.subarray(uniform(random, other.length))]);
    }
  }
}
