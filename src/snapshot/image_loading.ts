/**
 * The blocks of one image put into memory by several threads: each takes the next block until there is none, or one is bad.
 */
import type { Disk } from "../disk/disk.ts";
import { SEGMENT_BYTES } from "../memory/layout.ts";
import type { Crc32c } from "./format.ts";
import { BlockReader } from "./image_reading.ts";
import { LOAD_BAD, LOAD_ENDED, LOAD_NEXT, type LoadTask } from "./worker_tasks.ts";

/** Works until all blocks are taken. What is wrong is told by LOAD_BAD, by the number of the block. */
export function loadBlocks(disk: Disk, crc32c: Crc32c, task: LoadTask): void {
  const control = new Int32Array(task.control);
  const segments = task.segments?.map((buffer, i) => new Uint8Array(buffer, task.starts[i], SEGMENT_BYTES));
  let current = 0;
  try {
    const reader = new BlockReader(disk, task.path, task.salt, crc32c, task.fileKey);
    try {
      for (;;) {
        current = Atomics.add(control, LOAD_NEXT, 1);
        if (current >= task.offsets.length || Atomics.load(control, LOAD_BAD) !== 0) return;
        if (reader.read(task.offsets[current]!, current, segments) !== undefined) {
          Atomics.compareExchange(control, LOAD_BAD, 0, current + 1);
          return;
        }
      }
    } finally {
      reader.close();
    }
  } catch {
    // The disk: whoever waits reads the block again and gets the words.
    Atomics.compareExchange(control, LOAD_BAD, 0, current + 1);
  } finally {
    Atomics.add(control, LOAD_ENDED, 1);
    Atomics.notify(control, LOAD_ENDED);
  }
}
