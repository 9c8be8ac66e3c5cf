/**
 * What may stand behind a segment's last frame without being damage, as docs/formats/segment.md has it and without asking the product:
 * space that was written ahead, in whole sectors of 512 bytes that name their segment and their place.
 */
const SECTOR_BYTES = 512;
const PLACE_AT = 496;
const SALT_AT = 72;
const ROW = Buffer.from("unused log space");

/** Is everything in the segment `file` from `from` on unused, and in its place? Nothing at all is as well. */
export function isUnusedSpace(file: Uint8Array, from: number): boolean {
  return from === file.length || (file.length % SECTOR_BYTES === 0 && unusedStart(file) <= from);
}

/** Where the unused bytes at the end of a file begin. */
export function unusedStart(file: Uint8Array): number {
  let from = file.length;
  while (from > 0 && isUnusedByte(file, from - 1)) from--;
  return from;
}

function isUnusedByte(file: Uint8Array, at: number): boolean {
  const inSector = at % SECTOR_BYTES;
  const place = inSector - PLACE_AT;
  if (place < 0) return file[at] === ROW[inSector % ROW.length];
  if (place < 8) return file[at] === file[SALT_AT + place];
  return file[at] === Math.floor((at - inSector) / 256 ** (place - 8)) % 256;
}
