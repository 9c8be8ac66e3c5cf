/**
 * Torn tail or rot: what damage in the last segment means (D8).
 *
 * Bytes that were never synced may be lost, torn or replaced by garbage at a power cut, in any order; cutting them loses
 * nothing that anybody could count on. Bytes that were synced and are damaged now are rot, and serving what is before
 * them would silently undo what was acknowledged. The difference can be read in the file: each header states the sequence
 * known durable when it was written, so a valid header that follows the damage at sequence L and states L or more proves
 * that L had been durable.
 *
 * The window that remains: damage to the last group before a process was killed, when no later header was written.
 */
import type { Disk } from "../disk/disk.ts";
import { type Crc32c, decodeFrameHeader, emptyFrameHeader, FRAME_HEADER_BYTES, saltSeed } from "./format.ts";
import type { SegmentScan } from "./segment_reader.ts";

const BLOCK_BYTES = 1024 * 1024;
const MAGIC_FIRST_BYTE = 0x45;

export interface DamageProof {
  /** A valid header later in the file, and what it knew to be durable. */
  readonly offset: number;
  readonly durableSequence: number;
}

/** The first later header which proves that the damaged sequence had been durable; null: the tail is torn. */
export function findProofOfRot(disk: Disk, path: string, crc32c: Crc32c, scan: SegmentScan): DamageProof | null {
  const { damage } = scan;
  if (damage === null) return null;
  const seed = saltSeed(scan.header.salt, crc32c);
  const frame = emptyFrameHeader();
  const fd = disk.open(path, "read");
  try {
    const length = Math.min(BLOCK_BYTES, scan.fileBytes - damage.unitOffset);
    const buffer = new Uint8Array(length + FRAME_HEADER_BYTES);
    // The damaged frame itself may have a valid header: it can't know its own sequence to be durable, so it proves nothing.
    for (let base = damage.unitOffset; base < scan.fileBytes; base += BLOCK_BYTES) {
      const read = disk.read(fd, buffer, 0, buffer.length, base);
      const last = Math.min(read - FRAME_HEADER_BYTES, BLOCK_BYTES - 1);
      for (
        let at = buffer.indexOf(MAGIC_FIRST_BYTE);
        at >= 0 && at <= last;
        at = buffer.indexOf(MAGIC_FIRST_BYTE, at + 1)
      ) {
        if (!decodeFrameHeader(buffer, at, seed, crc32c, frame)) continue;
        if (frame.durableSequence >= damage.sequence) {
          return { offset: base + at, durableSequence: frame.durableSequence };
        }
      }
    }
    return null;
  } finally {
    disk.close(fd);
  }
}
