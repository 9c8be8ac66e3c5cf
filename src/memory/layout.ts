/**
 * Where everything lies in a segment. These numbers are part of images: a change needs a new LAYOUT_VERSION.
 *
 * An address is a 32-bit pattern kept as a signed integer: bits 23–31 name the segment, bits 0–22 the unit of 8
 * bytes in it. A page number is `address >>> 9`: bits 14–22 name the segment, bits 0–13 the page of 4 KiB in it.
 *
 * ```
 * segment (64 MiB, 16384 pages)
 *   page 0         first segment: the header page; others: only the order heads are used
 *   page 1 … 64    page table: 16 bytes a page of this segment, see pages.ts and allocator.ts
 *   page 65, 66    first segment: segment table, 16 bytes a segment; others: free for use
 *   then           pages for slabs and runs
 *
 * header page (little-endian)
 *   byte     size
 *      0        8   magic "EMBERARN"
 *      8        4   layout version
 *     12        4   number of the first segment
 *     16        4   segments in use
 *     20        4   zero
 *     24        8   hash seed, two int32
 *     32        8   log position: sequence number of the last effect contained, float64
 *     40        4   pages in runs
 *     44        4   runs
 *    256      512   size classes: 64 × { number of the first page of the first partly filled slab, blocks in use }
 *   1024     1024   database roots: 16 × 16 words, owned by dataset/
 *   2048      256   global roots: 64 words
 *   2304      512   counters: 64 × float64
 *   3840       64   order heads: 16 × number (in the segment) of the first page of the first free block of 2^order pages
 *
 * row of the segment table
 *      0        4   bit n: the segment has a free block of 2^n pages
 *      4        4   bit n: the 2 MiB chunk n has not been written since it came from the system
 *      8        4   free pages
 *     12        4   zero
 * ```
 */
export const LAYOUT_VERSION = 1;
export const MAGIC_LOW = 0x45424d45; // "EMBE"
export const MAGIC_HIGH = 0x4e524152; // "RARN"

/** The address that is never handed out: "nothing there". */
export const NIL = 0;

export const PAGE_BYTES = 4096;
export const BLOCK_BYTES = 256;
export const SEGMENT_BYTES = 64 * 1024 * 1024;
export const SEGMENT_PAGES = SEGMENT_BYTES / PAGE_BYTES;
export const SEGMENT_BLOCKS = SEGMENT_BYTES / BLOCK_BYTES;
/** A chunk is what the system maps as one huge page, and what is returned to it. */
export const CHUNK_BYTES = 2 * 1024 * 1024;
export const CHUNK_PAGES_SHIFT = 9;
export const SEGMENT_CHUNKS = SEGMENT_BYTES / CHUNK_BYTES;
export const SEGMENTS_MAX = 512;

export const SEGMENT_SHIFT = 23;
export const UNIT_MASK = 0x7fffff;
export const PAGE_SHIFT = 9;
export const PAGE_SEGMENT_SHIFT = 14;
export const PAGE_MASK = 0x3fff;

// Header page, word indexes unless the name says otherwise.
export const HEADER_MAGIC = 0;
export const HEADER_VERSION = 2;
export const HEADER_FIRST_SEGMENT = 3;
export const HEADER_SEGMENTS = 4;
export const HEADER_SEED = 6;
export const HEADER_LOG_POSITION_DOUBLE = 4;
export const HEADER_RUN_PAGES = 10;
export const HEADER_RUNS = 11;
export const HEADER_CLASSES = 64;
export const HEADER_DATABASE_ROOTS = 256;
export const HEADER_ROOTS = 512;
export const HEADER_COUNTERS_DOUBLE = 288;
export const ORDER_HEADS = 960;

export const DATABASE_ROOTS = 16;
export const DATABASE_ROOT_BYTES = 64;
export const ROOTS = 64;
export const COUNTERS = 64;

/** Word index of the page table in every segment; four words a page. */
export const PAGE_TABLE = 1024;
/** Word index of the segment table in the first segment; four words a segment. */
export const SEGMENT_TABLE = 65 * 1024;

/** The first page of a segment that can be handed out. */
export const FIRST_SEGMENT_METADATA_PAGES = 67;
export const SEGMENT_METADATA_PAGES = 65;
