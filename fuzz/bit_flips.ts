/**
 * Every bit of a log, its headers and its manifest, flipped one at a time: a start must refuse, or report what it cuts, or serve
 * everything as it was. Never may it serve something else.
 *
 * Three endings of the process: killed in the middle of things, killed when idle (a mark has said what is durable, D8), and a
 * clean stop (the manifest has sealed everything, D13). Only the first leaves a window: the last group, which no later frame
 * vouches for.
 */

import { type Keys, NO_KEYS } from "../src/base/key_ring.ts";
import { MANIFEST_NAME } from "../src/disk/file_names.ts";
import type { MemoryDisk } from "../src/disk/memory_disk.ts";
import { type Examination, examine } from "../src/engine/examination.ts";
import { verifyingMemory } from "../src/engine/image_chain.ts";
import { decide } from "../src/engine/recovery.ts";
import { crc32c } from "../src/platform/checksum.ts";
import { quietServer } from "./quiet_server.ts";
import { SIM_DIRECTORY } from "./sim/directory.ts";
import { unusedStart } from "./unused_space.ts";

export const ENDINGS = ["killed", "killed when idle", "stopped"] as const;
export type Ending = (typeof ENDINGS)[number];

export interface FlipResult {
  readonly ending: Ending;
  readonly files: number;
  readonly bytes: number;
  flips: number;
  refused: number;
  /** The last group was cut, with a copy, and the report says so. */
  reportedLast: number;
  /** Bytes behind the last frame that were only written ahead. */
  readonly unusedBytes: number;
  /** A mark without commands or space that was only written ahead was cut, and the report says so: nothing is lost. */
  reportedMark: number;
  /** Served although a bit is flipped, and all as it was. */
  harmless: number;
  /** What must not be: the words say what was served. */
  readonly wrong: string[];
}

const SEGMENT_BYTES = 24 * 1024;
const GROUPS = 60;

/** Flips every `stride`-th bit, from the first on, and every one of the manifest, of a log that is encrypted if there are keys. */
export async function flipBits(ending: Ending, stride: number, keys: Keys = NO_KEYS): Promise<FlipResult> {
  const disk = await makeLog(ending, keys);
  const names = disk.list(SIM_DIRECTORY).filter((name) => disk.status(`${SIM_DIRECTORY}/${name}`)?.kind === "file");
  const paths = names.map((name) => `${SIM_DIRECTORY}/${name}`);
  const whole = look(disk, keys);
  const lastGroup = whole.units.length - 1;
  const bytes = paths.reduce((sum, path) => sum + disk.contents(path).length, 0);
  const result: FlipResult = {
    ending,
    files: paths.length,
    bytes,
    unusedBytes: paths
      .map((path) => disk.contents(path))
      .reduce((sum, file) => sum + file.length - unusedStart(file), 0),
    flips: 0,
    refused: 0,
    reportedLast: 0,
    reportedMark: 0,
    harmless: 0,
    wrong: [],
  };
  let bit = 0;
  for (const path of paths) {
    const contents = disk.contents(path);
    const step = path.endsWith(MANIFEST_NAME) ? 1 : stride;
    for (; bit < contents.length * 8; bit += step) {
      const at = bit >>> 3;
      contents[at] = contents[at]! ^ (1 << (bit & 7));
      judge(result, look(disk, keys), whole.units, lastGroup, `${path} at ${at}, bit ${bit & 7}`);
      contents[at] = contents[at]! ^ (1 << (bit & 7));
    }
    bit -= contents.length * 8;
  }
  return result;
}

interface Look {
  readonly decision: string;
  readonly units: readonly string[];
}

/** What a start would decide and apply; the same eyes, without hands. */
function look(disk: MemoryDisk, keys: Keys): Look {
  const units: string[] = [];
  const visitor = {
    unit: (payload: Uint8Array, start: number, end: number): undefined =>
      void units.push(Buffer.from(payload.buffer, payload.byteOffset + start, end - start).toString("latin1")),
  };
  const memory = verifyingMemory(disk, crc32c);
  const examination: Examination = examine(disk, SIM_DIRECTORY, crc32c, visitor, memory, false, keys, "all");
  return { decision: decide(examination).decision, units };
}

function judge(
  result: FlipResult,
  { decision, units }: Look,
  whole: readonly string[],
  lastGroup: number,
  where: string,
): void {
  result.flips++;
  if (decision.startsWith("refuse")) {
    result.refused++;
    return;
  }
  const length = decision === "open" || decision === "cut" ? units.length : 0;
  const prefix = units.every((unit, i) => unit === whole[i]);
  if (prefix && length === whole.length) {
    if (decision === "cut") result.reportedMark++;
    else result.harmless++;
    return;
  }
  if (prefix && decision === "cut" && length === lastGroup && result.ending === "killed") result.reportedLast++;
  else result.wrong.push(`${where}: ${decision}, ${length} of ${whole.length} units`);
}

/** About 64 KiB of log in a few segments, each group on stable storage before the next began. */
async function makeLog(ending: Ending, keys: Keys): Promise<MemoryDisk> {
  const { disk, clock, schedule, server, run } = quietServer(4, SEGMENT_BYTES, keys);
  for (let i = 0; i < GROUPS; i++) {
    run(["SET", `key:${i}`, `value ${i} `.padEnd(900, "abcdefghij")]);
    while (schedule.length > 0) schedule.runFirst();
  }
  if (ending === "killed when idle") {
    clock.nowUs += 200_000;
    server.tick();
    while (schedule.length > 0) schedule.runFirst();
  }
  if (ending === "stopped") await server.storage.close();
  disk.crash("killed");
  return disk;
}
