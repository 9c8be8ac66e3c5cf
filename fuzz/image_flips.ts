/**
 * Every bit of images and of the manifest that lists them, flipped one at a time: a full image, the full one before it, and two deltas.
 *
 * A start must refuse, or begin with images that are whole and say which one it has passed over. What it then gets from the log must be
 * everything behind them, so that nothing is missing. The image that it needs only when the newest are damaged is not read by a start; there
 * `check`, which reads all, must find the flip.
 *
 * A sample takes more of the bits that say what the others are: a header, in which most bits make no difference to what is loaded, is as
 * large as a few words of a page.
 */
import { type Keys, NO_KEYS } from "../src/base/key_ring.ts";
import { MANIFEST_NAME } from "../src/disk/file_names.ts";
import type { MemoryDisk } from "../src/disk/memory_disk.ts";
import { type Examination, examine } from "../src/engine/examination.ts";
import { verifyingMemory } from "../src/engine/image_chain.ts";
import { decide } from "../src/engine/recovery.ts";
import { crc32c } from "../src/platform/checksum.ts";
import { BLOCK_HEADER_BYTES, endBytes } from "../src/snapshot/format.ts";
import { readImageIndex } from "../src/snapshot/image_reading.ts";
import { quietServer } from "./quiet_server.ts";
import { SIM_DIRECTORY } from "./sim/directory.ts";

const DENSE_STRIDE = 7;

export interface ImageFlipResult {
  readonly files: number;
  readonly bytes: number;
  flips: number;
  refused: number;
  /** A start has begun with older images, and says so. */
  passedOver: number;
  /** In an image that a start does not need: told by `check`. */
  foundByCheck: number;
  /** What must not be. */
  readonly wrong: string[];
}

/** Flips every `stride`-th bit of the images, of their blocks' headers and of the manifest every seventh at least; encrypted if there are keys. */
export async function flipImageBits(stride: number, keys: Keys = NO_KEYS): Promise<ImageFlipResult> {
  const disk = await makeImages(keys);
  const images = disk.list(SIM_DIRECTORY).filter((name) => name.endsWith(".img"));
  const names = [...images, MANIFEST_NAME];
  const whole = look(disk, keys, false);
  const base = whole.examination.base.map(({ name }) => name);
  if (whole.decision !== "open" || base.length !== 3 || images.length !== 4)
    throw new Error("the images are not there");
  const bytes = names.reduce((sum, name) => sum + disk.contents(`${SIM_DIRECTORY}/${name}`).length, 0);
  const result: ImageFlipResult = {
    files: names.length,
    bytes,
    flips: 0,
    refused: 0,
    passedOver: 0,
    foundByCheck: 0,
    wrong: [],
  };
  for (const name of names) {
    const contents = disk.contents(`${SIM_DIRECTORY}/${name}`);
    const dense = name === MANIFEST_NAME ? [[0, contents.length] as const] : framing(disk, name);
    for (const bit of sampledBits(contents.length * 8, stride, dense)) {
      const at = bit >>> 3;
      contents[at] = contents[at]! ^ (1 << (bit & 7));
      const found = look(disk, keys, images.includes(name) && !base.includes(name));
      contents[at] = contents[at]! ^ (1 << (bit & 7));
      result.flips++;
      const wrong = judge(result, found, whole, name);
      if (wrong !== "") result.wrong.push(`${name} at ${at}, bit ${bit & 7}: ${wrong}`);
    }
  }
  return result;
}

/** Where the headers of an image's blocks, and its end, begin and end. */
function framing(disk: MemoryDisk, name: string): (readonly [number, number])[] {
  const read = readImageIndex(disk, `${SIM_DIRECTORY}/${name}`, crc32c);
  if (read.kind !== "index") throw new Error("the images are not sound");
  const { header, offsets, end } = read.index;
  const blocks = [...offsets].map((at) => [at, at + BLOCK_HEADER_BYTES] as const);
  return [...blocks, [end.fileBytes - endBytes(header.version), end.fileBytes]];
}

/** Every `stride`-th bit, and every seventh of the `dense` bytes at least. */
function sampledBits(bits: number, stride: number, dense: readonly (readonly [number, number])[]): number[] {
  const chosen = new Set<number>();
  for (let bit = 0; bit < bits; bit += stride) chosen.add(bit);
  for (const [start, end] of dense)
    for (let bit = start * 8; bit < end * 8; bit += Math.min(stride, DENSE_STRIDE)) chosen.add(bit);
  return [...chosen];
}

interface Look {
  readonly decision: string;
  readonly examination: Examination;
  /** The first sequence and the bytes of each unit behind the images. */
  readonly units: readonly string[];
}

/** What a start would decide, begin with and apply; `all`: what `check` would see. */
function look(disk: MemoryDisk, keys: Keys, all: boolean): Look {
  const units: string[] = [];
  const visitor = {
    unit: (
      payload: Uint8Array,
      start: number,
      end: number,
      _commands: number,
      _database: number,
      firstSequence: number,
    ): undefined =>
      void units.push(
        `${firstSequence} ${Buffer.from(payload.buffer, payload.byteOffset + start, end - start).toString("latin1")}`,
      ),
  };
  const memory = verifyingMemory(disk, crc32c);
  const examination = examine(disk, SIM_DIRECTORY, crc32c, visitor, memory, all, keys, "all");
  return { decision: decide(examination).decision, examination, units };
}

function judge(result: ImageFlipResult, { decision, examination, units }: Look, whole: Look, flipped: string): string {
  if (decision.startsWith("refuse")) {
    result.refused++;
    return "";
  }
  const { base, badImages, findings } = examination;
  if (decision !== "open") return decision;
  if (base.some(({ name }) => name === flipped)) return "a start begins with it";
  const from = base.at(-1)?.sequence ?? 0;
  const expected = from + units.length === whole.examination.lastSequence;
  const order = units.every((unit, i) => unit.startsWith(`${from + i + 1} `));
  const behind = whole.units.every((unit, i) => unit === units[units.length - whole.units.length + i]);
  if (!expected || !order || !behind) return `a start applies ${units.length} commands behind ${from}`;
  if (badImages.some(({ name }) => name === flipped)) result.passedOver++;
  else if (findings.some(({ file }) => file === flipped)) result.foundByCheck++;
  else return "nobody notices";
  return "";
}

/** Two full images, two deltas on the second, and a little log behind them; each command is a group of its own. */
async function makeImages(keys: Keys): Promise<MemoryDisk> {
  const { disk, clock, schedule, server, run } = quietServer(6, 64 * 1024, keys);
  let number = 0;
  const settle = async (): Promise<void> => {
    do {
      while (schedule.length > 0) schedule.runFirst();
      await Promise.resolve();
    } while (schedule.length > 0);
  };
  const write = async (): Promise<void> => {
    run(["SET", `key:${number % 5}`, `value ${number} `.padEnd(70, "abcdefghij")]);
    number++;
    await settle();
  };
  for (const full of [true, true, false, false]) {
    for (let i = 0; i < 3; i++) await write();
    let ended = false;
    server.storage.images.begin(full, (error) => {
      if (error !== undefined) throw error;
      ended = true;
    });
    while (!ended) {
      clock.nowUs += 100_000;
      server.tick();
      await settle();
    }
  }
  await write();
  clock.nowUs += 200_000;
  server.tick();
  await settle();
  server.dispose();
  disk.crash("killed");
  return disk;
}
