/** What the sealed segments of a data directory did when, as far as a catalogue has the counts of what was shipped of them: so that they need not be read. */

import { EmberlogError } from "../base/errors.ts";
import { hex } from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import type { ManifestSegment } from "../manifest/format.ts";
import { countsByName, decodeCounts, type SegmentCounts } from "./counts.ts";
import { COUNTS, countsName, parseSegmentObject, SEGMENTS, type SegmentObject } from "./layout.ts";
import type { ObjectStore } from "./object_store.ts";

/** By the names of the segments' files; those of which anything is missing are left out. Throws what the store throws. */
export async function countsOfSegments(
  store: ObjectStore,
  segments: readonly ManifestSegment[],
  crc32c: Crc32c,
): Promise<Map<string, SegmentCounts[]>> {
  const pieces = new Map<string, SegmentObject>();
  for await (const { name } of store.list(SEGMENTS)) {
    const object = parseSegmentObject(name);
    if (object !== undefined) pieces.set(`${object.epoch} ${object.firstSequence}`, object);
  }
  const counted = new Set<string>();
  for await (const { name } of store.list(COUNTS)) counted.add(name);
  const found = new Map<string, SegmentCounts[]>();
  for (const { name, epoch, firstSequence, sealed } of segments) {
    if (sealed === null) continue;
    const counts: SegmentCounts[] = [];
    let next = firstSequence;
    while (next <= sealed.lastSequence) {
      const piece = pieces.get(`${hex(epoch)} ${next}`);
      if (piece === undefined || piece.segmentFirst !== firstSequence || piece.lastSequence > sealed.lastSequence)
        break;
      const object = countsName(piece);
      const told = counted.has(object) ? await readCounts(store, object, crc32c) : countsByName(piece);
      if (told === undefined) break;
      counts.push(told);
      next = piece.lastSequence + 1;
    }
    if (next > sealed.lastSequence && counts.length > 0) found.set(name, counts);
  }
  return found;
}

/** undefined: they are damaged. */
async function readCounts(store: ObjectStore, name: string, crc32c: Crc32c): Promise<SegmentCounts | undefined> {
  try {
    return decodeCounts(name, await store.read(name), crc32c);
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError) || thrown.code !== "BACKUP_UNREADABLE") throw thrown;
    return undefined;
  }
}
