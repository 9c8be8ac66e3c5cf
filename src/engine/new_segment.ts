/**
 * A segment to go on in behind what is there: at a start, and after a failed sync. It has its header and its name; neither is durable before the
 * caller has synced the file and then the directory (D1).
 */
import { NO_KEYS } from "../base/key_ring.ts";
import { closeQuietly, DiskError } from "../disk/disk.ts";
import { SALT_BYTES, type SegmentHeader } from "../log/format.ts";
import { headerFields } from "../log/sealing.ts";
import { beginSegment, prepareSegment, type SegmentFile } from "../log/segment_file.ts";
import type { DataDirectoryOptions } from "./data_directory.ts";

/** Space that a fresh segment has from the start, bytes. */
const FIRST_RESERVE_BYTES = 256 * 1024;

/** Throws a DiskError; then nothing is open, and what is left behind the next start removes. */
export function createSegment(
  options: DataDirectoryOptions,
  epoch: Uint8Array,
  forkSequence: number,
  firstSequence: number,
): SegmentFile {
  const { disk, directory, clock, random, crc32c, keys = NO_KEYS } = options;
  const header: SegmentHeader = {
    ...headerFields(keys),
    epoch,
    forkSequence,
    firstSequence,
    previousLastSequence: firstSequence - 1,
    createdMs: clock.wallMs(),
    salt: random.bytes(SALT_BYTES),
  };
  const space = prepareSegment(disk, directory, FIRST_RESERVE_BYTES, 0, options.spareBytes);
  if (typeof space === "number") throw new DiskError("reserve space in", directory, space);
  try {
    return beginSegment(disk, directory, space, header, crc32c, keys);
  } catch (thrown) {
    closeQuietly(disk, space.fd);
    throw thrown;
  }
}
