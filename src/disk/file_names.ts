/**
 * The names of everything in a data directory. Nothing else builds or parses a name.
 *
 * ```
 * data/
 *   LOCK                                      held while a process runs (D15)
 *   MANIFEST                                  which files make up the data (D13)
 *   MANIFEST.tmp                              half of a replacement, removed at start (D2)
 *   IMPORT                                    while data of Redis is being imported: from where; gone when it is whole
 *   IMPORT.tmp                                half of the above
 *   log-<first sequence>-<epoch>.seg          16 and 8 hex digits: a segment of the log
 *   image-<last sequence>-<epoch>.img         a full image: memory as it was after that command
 *   delta-<last sequence>-<epoch>.img         what changed since the image before it
 *   image.tmp                                 an image being written, removed at start
 *   next.tmp                                  the next segment before it has a name, removed at start
 *   copy.tmp                                  a segment being copied by a start, removed at the next
 *   unshipped-<number>-<epoch>.manifest       what the log was before an image took its place, for the backup: 4 decimal and 32 hex digits
 *   log-<first sequence>-<epoch>.unshipped    a segment of that, which is in no store yet
 *   unshipped.tmp                             half of such a manifest, removed at start
 *   backup.json                               where the backup was last shipped to (backup/proven_target.ts)
 *   catalogue.sqlite                          what the store of the backup holds, a cache (backup/catalogue.ts); also .damaged and -journal
 *   quarantine/<name>.<offset>.<ms>           what recovery cut off or set aside, never read again
 * ```
 */

export const LOCK_NAME = "LOCK";
export const MANIFEST_NAME = "MANIFEST";
export const MANIFEST_TEMPORARY_NAME = "MANIFEST.tmp";
export const IMPORT_NAME = "IMPORT";
export const IMPORT_TEMPORARY_NAME = "IMPORT.tmp";
export const NEXT_SEGMENT_NAME = "next.tmp";
export const IMAGE_TEMPORARY_NAME = "image.tmp";
export const SEGMENT_COPY_NAME = "copy.tmp";
export const UNSHIPPED_TEMPORARY_NAME = "unshipped.tmp";
export const QUARANTINE_NAME = "quarantine";
/** Holds what restore-on-empty fetches, and is there as long as that is not complete. */
export const RESTORING_NAME = "restoring";

const IMAGE_PATTERN = /^(?:image|delta)-[0-9a-f]{16}-[0-9a-f]{8}\.img$/;
const SEGMENT_PATTERN = /^log-([0-9a-f]{16})-([0-9a-f]{8})\.seg$/;

/** A checksum as 8 hex digits. */
export function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}

export function hex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += byte.toString(16).padStart(2, "0");
  return out;
}

/** Bytes from an even number of lower-case hex digits, or undefined. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return undefined;
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

export function segmentName(firstSequence: number, epoch: Uint8Array): string {
  return `log-${firstSequence.toString(16).padStart(16, "0")}-${hex(epoch.subarray(0, 4))}.seg`;
}

export function imageName(sequence: number, epoch: Uint8Array, delta: boolean): string {
  const number = sequence.toString(16).padStart(16, "0");
  return `${delta ? "delta" : "image"}-${number}-${hex(epoch.subarray(0, 4))}.img`;
}

export function isImageName(name: string): boolean {
  return IMAGE_PATTERN.test(name);
}

export function parseSegmentName(name: string): { firstSequence: number; epochPrefix: string } | undefined {
  const match = SEGMENT_PATTERN.exec(name);
  if (match === null) return undefined;
  const firstSequence = Number.parseInt(match[1]!, 16);
  return Number.isSafeInteger(firstSequence) ? { firstSequence, epochPrefix: match[2]! } : undefined;
}

const UNSHIPPED_PATTERN = /^unshipped-(\d{4})-([0-9a-f]{32})\.manifest$/;

/** Numbers are given in the order in which logs were replaced. */
export function unshippedName(number: number, epoch: Uint8Array): string {
  return `unshipped-${String(number).padStart(4, "0")}-${hex(epoch)}.manifest`;
}

export function parseUnshippedName(name: string): { number: number; epoch: string } | undefined {
  const match = UNSHIPPED_PATTERN.exec(name);
  return match === null ? undefined : { number: Number(match[1]), epoch: match[2]! };
}

/** The name of a segment that only the backup needs. */
export function unshippedSegmentName(name: string): string {
  return name.replace(/\.seg$/, ".unshipped");
}

/** A name under `quarantine/`; the time keeps a second cut of the same file apart from the first. */
export function quarantineName(name: string, offset: number, nowMs: number): string {
  return `${name}.${offset}.${nowMs}`;
}

/** Names that a start removes: halves of replacements that never took place (D3). */
export function isTemporaryName(name: string): boolean {
  return (
    name === MANIFEST_TEMPORARY_NAME ||
    name === IMPORT_TEMPORARY_NAME ||
    name === NEXT_SEGMENT_NAME ||
    name === SEGMENT_COPY_NAME ||
    name === IMAGE_TEMPORARY_NAME ||
    name === UNSHIPPED_TEMPORARY_NAME
  );
}

/** What redis-server leaves in its directory; an import is offered for these. */
export function isRedisDataName(name: string): boolean {
  return name === "appendonlydir" || name.endsWith(".rdb") || name.endsWith(".aof");
}

export function joinPath(directory: string, name: string): string {
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}
