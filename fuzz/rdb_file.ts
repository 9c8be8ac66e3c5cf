/**
 * RDB files that somebody has changed: a file is imported as a whole, or refused with its name and an offset; nothing else happens.
 *
 * A file is put together of values of every encoding, with expiries, databases and what else may stand between keys, and then changed in a few
 * places; its checksum is made right again most of the time, so that what was changed is reached. It is read in pieces of any size.
 */
import { EmberlogError } from "../src/base/errors.ts";
import { type Random, uniform } from "../src/base/random.ts";
import { importCommands } from "../src/engine/import_aof.ts";
import { importRdb } from "../src/engine/import_rdb.ts";
import { Importer } from "../src/engine/importer.ts";
import { RdbInput } from "../src/rdb/input.ts";
import { EngineClient } from "../test/support/engine_client.ts";
import { bodies, int64, length, text } from "../test/support/rdb_bodies.ts";
import { withSum } from "../test/support/rdb_payload.ts";
import { verifyDataset } from "../test/support/verify_dataset.ts";
import type { Target } from "./target.ts";

const HANGS_MS = 5000;
const BODY_BYTES_MAX = 1500;

const client = new EngineClient({ nowMs: 1_700_000_000_000 });
let files = 0;
let imported = 0;
let keys = 0;
let beginning = 0;

export const rdbFile: Target = {
  name: "rdb-file",
  async start() {
    client.command("SET", "k", "v");
    client.command("FLUSHALL");
    for (let index = 0; index < 16; index++) client.command("SELECT", index);
    beginning = client.engine.dataset.allocator.allocatedBytes;
    return true;
  },
  stop: async () => "",
  counts: () => ({ files, imported, keys }),
  progress: () => `${files} files, ${imported} imported`,
  async run(random) {
    let file = draw(random);
    const changes = uniform(random, 5);
    for (let i = changes; i > 0; i--) file = change(random, file);
    if (uniform(random, 4) > 0) file = withSum(file);
    files++;
    const failure = await tryFile(random, file, changes === 0);
    return failure === "" ? "" : `${failure}\nfile ${file.toString("hex").slice(0, 4000)}`;
  },
};

async function tryFile(random: Random, file: Buffer, sound: boolean): Promise<string> {
  const { engine } = client;
  const piece = 1 + uniform(random, uniform(random, 3) === 0 ? 20 : 4000);
  let position = 0;
  const input = new RdbInput(
    new Uint8Array(0),
    0,
    0,
    (target, at) => {
      const count = Math.min(piece, file.length - position, target.length - at);
      target.set(file.subarray(position, position + count), at);
      position += count;
      return count;
    },
    64,
  );
  const began = process.cpuUsage();
  const options = { skipUnsupported: uniform(random, 2) === 0, allowTruncated: uniform(random, 2) === 0 };
  try {
    const importer = new Importer(engine);
    await importRdb(importer, input, "dump.rdb", options);
    await importCommands(importer, input, "dump.rdb", true, options);
    imported++;
    keys += importer.counts.keys;
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError) || thrown.code !== "IMPORT_REFUSED" || thrown.offset === undefined) {
      return thrown instanceof Error ? `${thrown.stack}` : String(thrown);
    }
    if (sound && !/was answered|which Emberlog/.test(thrown.message))
      return `a sound file is refused: ${thrown.message}`;
  } finally {
    engine.dataset.clockHeld = false;
  }
  const tookMs = process.cpuUsage(began).user / 1000;
  if (tookMs > HANGS_MS) return `took ${tookMs} ms`;
  const problems = verifyDataset(engine.dataset);
  if (problems.length > 0) return problems.join("\n");
  client.command("FLUSHALL");
  while (engine.dataset.releaseStep());
  const left = engine.dataset.allocator.allocatedBytes - beginning;
  return left === 0 ? "" : `${left} bytes are left allocated in an empty dataset`;
}

function draw(random: Random): Buffer {
  const valkey = uniform(random, 6) === 0;
  const parts: Buffer[] = [
    Buffer.from(valkey ? "VALKEY080" : `REDIS${["0006", "0009", "0010", "0012", "0014"][uniform(random, 5)]}`),
  ];
  const databases = 1 + uniform(random, 3);
  if (uniform(random, 2) === 0) parts.push(Buffer.from([250]), text("redis-ver"), text("7.0.15"));
  if (uniform(random, 8) === 0) parts.push(Buffer.from([245]), text("#!lua name=mylib"));
  // An auxiliary field of a module: id, 2 (when), 1, a text, the end.
  if (uniform(random, 8) === 0)
    parts.push(Buffer.from([247]), length(70000), length(2), length(1), length(5), text("aux"), length(0));
  for (let database = 0; database < databases; database++) {
    parts.push(Buffer.from([254]), length(database), Buffer.from([251]), length(9), length(2));
    for (let n = 1 + uniform(random, 8); n > 0; n--) parts.push(...drawKey(random, n, valkey));
  }
  parts.push(Buffer.from([255]), Buffer.alloc(8));
  return withSum(Buffer.concat(parts));
}

function drawKey(random: Random, n: number, valkey: boolean): Buffer[] {
  const parts: Buffer[] = [];
  if (uniform(random, 3) === 0) {
    const past = uniform(random, 4) === 0;
    if (uniform(random, 2) === 0) parts.push(Buffer.from([252]), int64(past ? 1_600_000_000_000 : 4_000_000_000_000));
    else parts.push(Buffer.from([253]), int64(past ? 1_600_000_000 : 2_000_000_000).subarray(0, 4));
  }
  if (uniform(random, 6) === 0) parts.push(Buffer.from([248]), length(uniform(random, 10_000)));
  if (uniform(random, 6) === 0) parts.push(Buffer.from([249, uniform(random, 256)]));
  if (uniform(random, 12) === 0) {
    // A stream without entries, and a module's value.
    const stream = uniform(random, 2) === 0;
    const value = stream ? Buffer.alloc(5) : Buffer.concat([length(70000), length(5), text("inside"), length(0)]);
    parts.push(Buffer.from([stream ? 15 : 7]), text(`key ${n}`), value);
    return parts;
  }
  for (;;) {
    const { bytes, version } = bodies[uniform(random, bodies.length)]!;
    if (bytes.length > BODY_BYTES_MAX || (version === 80) !== valkey || (valkey && bytes[0]! > 21 && version !== 80)) {
      if (!valkey || bytes.length > BODY_BYTES_MAX || bytes[0]! > 21) continue;
    }
    return [...parts, bytes.subarray(0, 1), text(`key ${n}`), bytes.subarray(1)];
  }
}

function change(random: Random, file: Buffer): Buffer {
  if (file.length === 0) return file;
  const at = uniform(random, file.length);
  const copy = Buffer.from(file);
  switch (uniform(random, 6)) {
    case 0:
      copy[at] = copy[at]! ^ (1 << uniform(random, 8));
      return copy;
    case 1:
      copy[at] = [0, 1, 63, 64, 128, 129, 192, 195, 244, 247, 250, 252, 254, 255][uniform(random, 14)]!;
      return copy;
    case 2:
      return file.subarray(0, at);
    case 3:
      return Buffer.concat([file.subarray(0, at), file.subarray(Math.min(file.length, at + 1 + uniform(random, 30)))]);
    case 4:
      return Buffer.concat([file.subarray(0, Math.min(file.length, at + 30)), file.subarray(at)]);
    default:
      return Buffer.concat([file.subarray(0, at), Buffer.from([uniform(random, 256)]), file.subarray(at)]);
  }
}
