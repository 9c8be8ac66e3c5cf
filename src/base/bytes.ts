/**
 * Copying and comparing short runs of bytes.
 *
 * `target.set(source.subarray(...))` costs about 80 ns before the first byte moves, so short copies are loops here.
 */

/** Above this many bytes the bulk copy is faster than the loop. Measured, see bench/micro. */
const LOOP_BYTES_MAX = 96;
/** The same of a loop over words. */
const WORD_LOOP_BYTES_MAX = 256;
const WORD_BYTES = 4;
/**
 * From here on `copyLong` is worth its call. V8 copies out of and into shared memory by words where both sides lie alike in them, and by
 * single bytes where they don't: 4 KiB cost 0.25 µs or 1.2 µs, the addon's memmove 0.08 µs.
 */
const LONG_BYTES_MIN = 256;
const LONG_MOVE_BYTES_MIN = 160;
const LONG_ALIGNED_MOVE_BYTES_MIN = 2048;

/** Copies `length` bytes from source[from] to target[to]; both may be one array, and the ranges overlap. */
export type CopyLong = (target: Uint8Array, to: number, source: Uint8Array, from: number, length: number) => void;

let copyLong: CopyLong = (target, to, source, from, length) => {
  if (target === source) target.copyWithin(to, from, from + length);
  else target.set(source.subarray(from, from + length), to);
};

/** The addon's memmove, once it is there. */
export function copyLongRunsBy(copy: CopyLong): void {
  copyLong = copy;
}

/** Moves bytes[from, from + length) to `to`; the ranges may overlap. */
export function moveBytes(bytes: Uint8Array, to: number, from: number, length: number): void {
  const least = ((to ^ from) & 7) === 0 ? LONG_ALIGNED_MOVE_BYTES_MIN : LONG_MOVE_BYTES_MIN;
  if (length >= least) copyLong(bytes, to, bytes, from, length);
  else bytes.copyWithin(to, from, from + length);
}

/** The arrays that `viewOf` was last asked for: what requests come in, and one more. */
let lastBytes: Uint8Array = new Uint8Array(0);
let lastView: DataView = new DataView(lastBytes.buffer);
let otherBytes = lastBytes;
let otherView = lastView;

/** Bytes, to be read and written as words at any offset. Fast for those asked for again and again; of the arena see `arena.views`. */
export function viewOf(bytes: Uint8Array): DataView {
  if (bytes === lastBytes) return lastView;
  const swapped = bytes === otherBytes ? otherView : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  otherBytes = lastBytes;
  otherView = lastView;
  lastBytes = bytes;
  lastView = swapped;
  return swapped;
}

export function copyBytes(
  target: Uint8Array,
  targetOffset: number,
  source: Uint8Array,
  sourceOffset: number,
  length: number,
): void {
  if (length >= LONG_BYTES_MIN) {
    copyLong(target, targetOffset, source, sourceOffset, length);
    return;
  }
  if (length > LOOP_BYTES_MAX) {
    target.set(source.subarray(sourceOffset, sourceOffset + length), targetOffset);
    return;
  }
  for (let i = 0; i < length; i++) target[targetOffset + i] = source[sourceOffset + i]!;
}

/** As `copyBytes`, four bytes at a time; `view` shows `target`, and the two don't overlap. */
export function copyWords(
  target: Uint8Array,
  view: DataView,
  targetOffset: number,
  source: Uint8Array,
  sourceOffset: number,
  length: number,
): void {
  if (length < WORD_BYTES || length > WORD_LOOP_BYTES_MAX) {
    copyBytes(target, targetOffset, source, sourceOffset, length);
    return;
  }
  const from = viewOf(source);
  const last = sourceOffset + length - WORD_BYTES;
  const shift = targetOffset - sourceOffset;
  for (let i = sourceOffset; i < last; i += WORD_BYTES) view.setInt32(i + shift, from.getInt32(i, true), true);
  // What is left over is less than a word: the last one goes once more over what is there already.
  view.setInt32(last + shift, from.getInt32(last, true), true);
}

export function equalBytes(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aOffset + i] !== b[bOffset + i]) return false;
  return true;
}

/** The bytes of an ASCII or binary ("latin1") string, one byte a character. */
export function latin1Bytes(text: string): Uint8Array {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

/** A run of bytes as a string, one character a byte: for names and messages, never on the hot path. */
export function latin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let out = "";
  for (let i = start; i < end; i += 4096) {
    out += String.fromCharCode.apply(null, bytes.subarray(i, Math.min(end, i + 4096)) as unknown as number[]);
  }
  return out;
}
