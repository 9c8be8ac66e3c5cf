/**
 * A node's listpack, compressed: by LZF where it repeats itself, else by the codes of its bytes where few different ones occur, as in identifiers
 * that are random.
 * ```
 *  0xff …    base/huffman.ts
 *  else      base/lzf.ts, which can't begin with that byte: there is nothing yet that could be copied
 * ```
 */
import { huffmanCompress, huffmanDecompress } from "../../base/huffman.ts";
import { lzfCompress, lzfDecompress } from "../../base/lzf.ts";

const CODED = 0xff;

/**
 * Compresses source[start, start + length) into `target`, which has that much room: the bytes written, 0 when that would not save a quarter. Of the
 * usual 8 KiB codes take 30 µs to find and 40 µs to read; LZF is read in 10.
 */
export function squeezePack(source: Uint8Array, start: number, length: number, target: Uint8Array): number {
  const room = length - (length >>> 2);
  const repeated = lzfCompress(source, start, length, target, 0, room);
  if (repeated > 0) return repeated;
  const coded = huffmanCompress(source, start, length, target, 1, room - 1);
  if (coded === 0) return 0;
  target[0] = CODED;
  return coded + 1;
}

/** The way back, into `target`: the bytes written, -1 when the source is damaged or more than there is room for. */
export function expandPack(source: Uint8Array, start: number, length: number, target: Uint8Array): number {
  if (source[start] === CODED) return huffmanDecompress(source, start + 1, length - 1, target, 0, target.length);
  return lzfDecompress(source, start, length, target, 0, target.length);
}
