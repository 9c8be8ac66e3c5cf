/**
 * The last command of a history that somebody regrets: `--before FLUSHALL`. Segments are fetched from the newest back, each into a scratch
 * directory and out of it again, until one has a command that fits.
 */
import path from "node:path";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import type { Disk } from "../disk/disk.ts";
import { joinPath } from "../disk/file_names.ts";
import { createFile } from "../disk/object_files.ts";
import type { Crc32c, FrameHeader } from "../log/format.ts";
import { readSegment, type SegmentVisitor } from "../log/segment_reader.ts";
import { scanCommands } from "./command_scan.ts";
import { type FetchOptions, fetchSegment } from "./fetch.ts";
import type { StoredSegment } from "./history.ts";

/** Of a command in a message, characters. */
const TEXT_CHARS_MAX = 100;

export interface FoundCommand {
  readonly sequence: number;
  readonly commitMs: number;
  /** Name and arguments with spaces between, shortened. */
  readonly text: string;
}

export interface FindOptions {
  readonly disk: Disk;
  readonly scratch: string;
  readonly crc32c: Crc32c;
  readonly keys: Keys;
  readonly fetching: FetchOptions;
}

/** `wanted` judges a name in upper case, or a whole command with spaces between its words. */
export async function findLast(
  options: FindOptions,
  segments: readonly StoredSegment[],
  wanted: (name: string, command: string) => boolean,
): Promise<FoundCommand | undefined> {
  const { disk, scratch, crc32c, keys, fetching } = options;
  const file = joinPath(scratch, "searched.seg");
  for (const segment of segments.filter(({ readable }) => readable).reverse()) {
    const { name } = segment.pieces[0]!;
    await createFile(file, fetchSegment(fetching, segment), path.join(scratch, "searched.part"));
    try {
      const search = new Search(wanted);
      const read = readSegment(disk, file, crc32c, search, undefined, keys);
      if (read.kind !== "scan" || read.scan.damage !== null) {
        throw new EmberlogError("BACKUP_UNREADABLE", `${name} is no whole segment of a log`, { file: name });
      }
      if (read.scan.locked) {
        throw new EmberlogError(
          "KEY_MISSING",
          `${name} is encrypted with the key ${read.scan.keyId ?? ""}: give that key to look into it`,
          { file: name },
        );
      }
      if (search.found !== undefined) return search.found;
    } finally {
      disk.unlink(file);
    }
  }
  return undefined;
}

class Search implements SegmentVisitor {
  found: FoundCommand | undefined;
  private readonly wanted: (name: string, command: string) => boolean;
  private commitMs = 0;

  constructor(wanted: (name: string, command: string) => boolean) {
    this.wanted = wanted;
  }

  frame(header: FrameHeader): void {
    this.commitMs = header.commitMs;
  }

  unit(
    payload: Uint8Array,
    start: number,
    end: number,
    _commands: number,
    _database: number,
    first: number,
  ): undefined {
    for (const { sequence, name, words } of scanCommands(payload, start, end, first)) {
      const command = words.join(" ");
      if (!this.wanted(name, command)) continue;
      this.found = { sequence, commitMs: this.commitMs, text: command.slice(0, TEXT_CHARS_MAX) };
    }
    return undefined;
  }
}
