/** What a LogWriter is made of, and how it says that it can't go on. */
import type { Clock } from "../base/clock.ts";
import type { Keys } from "../base/key_ring.ts";
import type { Random } from "../base/random.ts";
import type { Disk } from "../disk/disk.ts";
import type { Crc32c } from "./format.ts";
import type { LogBuffers } from "./log_buffer.ts";
import type { LogIo } from "./log_io.ts";
import type { SegmentFile, SegmentSummary, SpareBytes } from "./segment_file.ts";
import type { FsyncPolicy } from "./sync_schedule.ts";

/** Why the log takes no writes. `write`: for now; `sync`: for good (D9). `errno` is negative. */
export interface LogFailure {
  readonly kind: "write" | "sync";
  readonly errno: number;
}

export interface LogWriterOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logIo: LogIo;
  readonly clock: Clock;
  readonly random: Random;
  readonly crc32c: Crc32c;
  /** Asked whenever a segment begins. */
  readonly keys: Keys;
  readonly policy: FsyncPolicy;
  readonly segmentBytesMax: number;
  readonly spareBytes: SpareBytes;
  /** Where its buffers come from, when they are not its own. */
  readonly buffers?: LogBuffers;
  /** Must be at least as late as any commit time in the log so far, ms. */
  readonly commitMs: number;
  /**
   * Makes the new segment durable (file, directory) and lists it in the manifest, with what became of the old one; then calls
   * `done` with zero or a negative error number, later.
   */
  readonly listSegment: (sealed: SegmentSummary, opened: SegmentFile, done: (result: number) => void) => void;
}
