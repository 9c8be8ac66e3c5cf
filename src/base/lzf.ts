/**
 * LZF, the compression of long lists and of strings in RDB files: a byte format so simple that it is decompressed about as fast as copied.
 * ```
 * control byte    then
 * 000lllll        l + 1 bytes as they are
 * llloooooo…      l = 1 … 6: a byte of offset; copy l + 2 bytes from `offset + 1` bytes back
 * 111ooooo        a byte of length, a byte of offset; copy length + 9 bytes from there
 * ```
 * The offset has 13 bits, its five high ones in the control byte. A copy may overlap what it writes.
 *
 * The compressor looks for a match with a table of the last place of each hash of three bytes, as every LZF does; what it writes is any
 * reader's to read, but not the very bytes that another compressor would write. Nothing here allocates.
 */

const LITERALS_MAX = 32;
const MATCH_BYTES_MAX = 264;
const DISTANCE_MAX = 8192;
const HASH_BITS = 13;

/** By hash: where those three bytes stood last, counted from `generation`, so that the table is never cleared between inputs. */
const places = new Int32Array(1 << HASH_BITS);
let generation = 0;

/**
 * Compresses source[start, start + length) into target[at, at + room). Returns the bytes written, 0 when they would be more than `room`
 * or when the beginning of the source shows that it doesn't shrink.
 */
export function lzfCompress(
  source: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
  room: number,
): number {
  if (length === 0 || length > 0x3fffffff) return 0;
  if (generation + length > 0x3fffffff) {
    places.fill(0);
    generation = 0;
  }
  // A place p of the source is kept as p + shift, which is above all that was kept before.
  const shift = generation + 1 - start;
  generation += length;
  const floor = start + shift;
  const end = start + length;
  const limit = at + room;
  let position = start;
  let literalsFrom = start;
  let out = at;
  const lastHashed = end - 2;
  const giveUpAt = start + (length >>> 3);
  let tested = false;
  while (position < lastHashed) {
    const key = source[position]! | (source[position + 1]! << 8) | (source[position + 2]! << 16);
    const slot = Math.imul(key, 0x9e3779b1) >>> (32 - HASH_BITS);
    const kept = places[slot]!;
    const here = position + shift;
    places[slot] = here;
    const distance = here - kept;
    if (kept < floor || distance > DISTANCE_MAX || !sameThree(source, position - distance, position)) {
      position++;
      if (!tested && position > giveUpAt) {
        tested = true;
        // An eighth is read, and hardly anything of it was found again.
        if (length > 1024 && out - at + (position - literalsFrom) > (position - start) * 0.94) return 0;
      }
      continue;
    }
    out = writeLiterals(source, literalsFrom, position, target, out, limit);
    if (out === 0) return 0;
    const matchMax = end - position < MATCH_BYTES_MAX ? end - position : MATCH_BYTES_MAX;
    const from = position - distance;
    let matched = 3;
    while (matched < matchMax && source[from + matched] === source[position + matched]) matched++;
    if (out + 3 > limit) return 0;
    const offset = distance - 1;
    if (matched < 9) target[out++] = ((matched - 2) << 5) | (offset >>> 8);
    else {
      target[out++] = 0xe0 | (offset >>> 8);
      target[out++] = matched - 9;
    }
    target[out++] = offset & 0xff;
    position += matched;
    literalsFrom = position;
    // The end of a match begins the next one often: two of its places are worth their time, all of them are not.
    if (position < lastHashed) {
      keep(source, position - 1, shift);
      keep(source, position - 2, shift);
    }
  }
  out = writeLiterals(source, literalsFrom, end, target, out, limit);
  return out === 0 ? 0 : out - at;
}

function keep(source: Uint8Array, position: number, shift: number): void {
  const key = source[position]! | (source[position + 1]! << 8) | (source[position + 2]! << 16);
  places[Math.imul(key, 0x9e3779b1) >>> (32 - HASH_BITS)] = position + shift;
}

function sameThree(source: Uint8Array, a: number, b: number): boolean {
  return source[a] === source[b] && source[a + 1] === source[b + 1] && source[a + 2] === source[b + 2];
}

/** Bytes as they are, in runs; returns where the output goes on, 0 when it would pass `limit`. */
function writeLiterals(
  source: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  out: number,
  limit: number,
): number {
  while (from < to) {
    const run = to - from < LITERALS_MAX ? to - from : LITERALS_MAX;
    if (out + run + 1 > limit) return 0;
    target[out++] = run - 1;
    for (let i = 0; i < run; i++) target[out++] = source[from++]!;
  }
  return out;
}

/**
 * Decompresses source[start, start + length) into target[at, at + room). Returns the bytes written, -1 when the source is damaged or more
 * would be written than there is room for. Reads and writes nothing outside of both.
 */
export function lzfDecompress(
  source: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
  room: number,
): number {
  const end = start + length;
  const limit = at + room;
  let position = start;
  let out = at;
  while (position < end) {
    const control = source[position++]!;
    if (control < LITERALS_MAX) {
      const run = control + 1;
      if (position + run > end || out + run > limit) return -1;
      for (let i = 0; i < run; i++) target[out++] = source[position++]!;
      continue;
    }
    let matched = (control >>> 5) + 2;
    if (matched === 9) {
      if (position === end) return -1;
      matched += source[position++]!;
    }
    if (position === end) return -1;
    let from = out - 1 - (((control & 31) << 8) | source[position++]!);
    if (from < at || out + matched > limit) return -1;
    for (let i = 0; i < matched; i++) target[out++] = target[from++]!;
  }
  return out - at;
}
