/**
 * A data directory read into memory without touching it, also while a server runs on it: what a start would serve, up to the last frame that is
 * whole. Nothing is locked, cut or removed.
 */
import { EmberlogError } from "../base/errors.ts";
import { type Keys, NO_KEYS } from "../base/key_ring.ts";
import { MANIFEST_BYTES_MAX } from "../base/limits.ts";
import { type Disk, readWholeFile } from "../disk/disk.ts";
import { hex, joinPath, MANIFEST_NAME } from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import type { Engine } from "./engine.ts";
import { examine } from "./examination.ts";
import { EngineMemory } from "./image_memory.ts";
import { refuseUnfinishedImport } from "./import_marker.ts";
import { advice, decide } from "./recovery.ts";
import { Replay } from "./replay.ts";
import { refuseUnfinishedRestore } from "./unfinished_restore.ts";

/** While a server begins a new segment of its log the manifest changes; as often is tried. */
const ROUNDS_MAX = 10;

/** An engine with what the directory holds; `makeEngine` is asked for an empty one, more than once if need be. Throws an EmberlogError. */
export function readDataDirectory(
  disk: Disk,
  directory: string,
  crc32c: Crc32c,
  makeEngine: () => Engine,
  keys: Keys = NO_KEYS,
): Engine {
  if (disk.status(directory)?.kind !== "directory") {
    throw new EmberlogError("DATA_MISSING", `there is no directory ${directory}`, { file: directory });
  }
  refuseUnfinishedImport(disk, directory, crc32c);
  refuseUnfinishedRestore(disk, directory);
  for (let round = 1; ; round++) {
    const before = manifestOf(disk, directory);
    const engine = makeEngine();
    const replay = new Replay(engine);
    const memory = new EngineMemory(engine, { disk, crc32c, threads: false, meanwhile: undefined });
    const examination = examine(disk, directory, crc32c, replay, memory, false, keys, "all");
    if (manifestOf(disk, directory) !== before && round < ROUNDS_MAX) continue;
    const { decision, why } = decide(examination);
    if (examination.directory !== "ours" || decision.startsWith("refuse")) {
      const text = examination.directory === "ours" ? why : "it holds no data of Emberlog";
      throw new EmberlogError("DATA_MISSING", `${directory}: ${text}. To go on: ${advice(directory, decision)}.`, {
        file: directory,
      });
    }
    replay.finish();
    return engine;
  }
}

function manifestOf(disk: Disk, directory: string): string {
  const bytes = readWholeFile(disk, joinPath(directory, MANIFEST_NAME), MANIFEST_BYTES_MAX);
  return bytes === undefined ? "" : hex(bytes);
}
