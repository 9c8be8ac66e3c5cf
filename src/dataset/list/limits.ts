/**
 * How much of a list lies together: `list-max-listpack-size`, for a whole small list as for each node of a big one.
 *
 * The value is Redis's: −1 … −5 mean at most 4, 8, 16, 32, 64 KiB of listpack; 0 and above mean so many elements, and 8 KiB. These rules
 * decide what OBJECT ENCODING answers, so they are Redis's to the byte.
 */
import type { EncodingLimits } from "../encoding_limits.ts";

const LEVEL_BYTES = Int32Array.of(4096, 8192, 16384, 32768, 65536);
/** Where elements are counted, a node is no longer than this. */
const COUNTED_BYTES_MAX = 8192;
/** The longest element that ever lies in a listpack, whatever DEBUG QUICKLIST-PACKED-THRESHOLD says. */
const ELEMENT_BYTES_MAX = 256 * 1024;

/** Is a listpack of so many bytes and elements more than lies together? */
export function exceedsNode(size: number, bytes: number, count: number): boolean {
  if (size < 0) return bytes > nodeBytesMax(size);
  return bytes > COUNTED_BYTES_MAX || count > nodeCountMax(size);
}

/** The longest listpack of several elements, bytes. */
export function nodeBytesMax(size: number): number {
  return size < 0 ? LEVEL_BYTES[Math.min(-size, LEVEL_BYTES.length) - 1]! : COUNTED_BYTES_MAX;
}

function nodeCountMax(size: number): number {
  return size < 1 ? 1 : size;
}

/** May a big list of one node with so much left become small again? Below half of the limit, so that it doesn't go to and fro. */
export function isHalfEmpty(size: number, bytes: number, count: number): boolean {
  return size < 0 ? bytes <= nodeBytesMax(size) >>> 1 : count <= nodeCountMax(size) >>> 1;
}

/** Does an element of a big list have a node of its own, outside of any listpack? */
export function isLargeElement(limits: EncodingLimits, length: number): boolean {
  if (length > ELEMENT_BYTES_MAX) return true;
  return limits.listPlainBytes > 0 ? length >= limits.listPlainBytes : length > nodeBytesMax(limits.listListpackSize);
}

/** Nodes at either end of a list that lie open where list-compress-depth says nothing: 4 MiB of the usual ones. */
const COLD_DEPTH = 512;

/**
 * Nodes at either end of a list that are not compressed. Without list-compress-depth the middle of a very long list is compressed all the
 * same: nobody sees it but in the memory that it takes, and a list that long is a queue more often than an array.
 */
export function openDepth(limits: EncodingLimits): number {
  return limits.listCompressDepth > 0 ? limits.listCompressDepth : COLD_DEPTH;
}
