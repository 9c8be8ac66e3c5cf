/**
 * Size classes of small blocks: multiples of 8 up to 128 bytes, then four to a doubling up to 16 KiB. Beyond the
 * first sixteen a block wastes at most a fifth, on average a tenth; larger blocks are runs of whole pages, for which
 * 16 KiB is where the last page's waste falls below that of a class.
 *
 * A slab is 2^order pages that hold blocks of one class. Its order is the smallest at which it holds eight blocks or
 * more and leaves no more than a sixteenth of itself unused at its end, as far as 16 pages go.
 */
import { PAGE_BYTES } from "./layout.ts";

/** The largest block that lies in a slab. */
export const SLAB_BLOCK_BYTES_MAX = 16384;
const SLAB_ORDER_MAX = 4;

/** The longest slab, bytes. */
export const SLAB_BYTES_MAX = PAGE_BYTES << SLAB_ORDER_MAX;

function classSizes(): number[] {
  const sizes: number[] = [];
  for (let bytes = 8; bytes <= 128; bytes += 8) sizes.push(bytes);
  for (let base = 128; base < SLAB_BLOCK_BYTES_MAX; base *= 2) {
    for (let quarter = 1; quarter <= 4; quarter++) sizes.push(base + (base / 4) * quarter);
  }
  return sizes;
}

function slabOrder(bytes: number): number {
  for (let order = 0; order < SLAB_ORDER_MAX; order++) {
    const slab = PAGE_BYTES << order;
    const blocks = Math.floor(slab / bytes);
    if (blocks >= 8 && slab - blocks * bytes <= slab / 16) return order;
  }
  return SLAB_ORDER_MAX;
}

/** Bytes of a block, by class. */
export const CLASS_BYTES = Int32Array.from(classSizes());
export const CLASSES = CLASS_BYTES.length;
/** log2 of the pages of a slab, by class. */
export const CLASS_ORDER = CLASS_BYTES.map(slabOrder);
/** Blocks of a slab, by class. */
export const CLASS_BLOCKS = CLASS_BYTES.map((bytes, index) => Math.floor((PAGE_BYTES << CLASS_ORDER[index]!) / bytes));

/** Class of a size, by (bytes + 7) >>> 3. No bytes at all take the smallest class. */
export const CLASS_OF_UNITS = Uint8Array.from({ length: SLAB_BLOCK_BYTES_MAX / 8 + 1 }, (_, units) =>
  CLASS_BYTES.findIndex((bytes) => bytes >= units * 8),
);
