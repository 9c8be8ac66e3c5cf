/**
 * Which images and which segments of the log are kept. Pure: a manifest in, a manifest out.
 *
 * Kept are the newest chain of images, and with it the full image before it and all of the log from that one's end on, so that a damaged
 * image has something to fall back on; beyond that, what log-retention asks for. As long as there is only one full image the whole log
 * is kept. Segments go from the front and without a gap.
 */
import type { Manifest, ManifestImage, ManifestSegment } from "../manifest/format.ts";
import { chainOf } from "../manifest/image_chain.ts";

export interface Retention {
  /** Segments sealed less than this ago are kept, ms; 0: no time is asked for. */
  readonly ms: number;
  /** The newest bytes of sealed segments that are kept; 0: none are asked for. */
  readonly bytes: number;
}

/** Lists one image more and drops what nobody needs then. `isFree` says of a segment that nobody else needs it. */
export function withImage(
  manifest: Manifest,
  image: ManifestImage,
  retention: Retention,
  nowMs: number,
  isFree: (segment: ManifestSegment) => boolean,
): Manifest {
  const listed = [...manifest.images, image];
  const chain = chainOf(listed, image);
  const previous = listed.filter(({ place, sequence }) => place === 0 && sequence < chain[0]!.sequence).pop();
  const images = previous === undefined ? chain : [previous, ...chain];
  if (previous === undefined) return { ...manifest, images };
  return {
    ...manifest,
    images,
    segments: keptSegments(manifest.segments, previous.sequence, retention, nowMs, isFree),
  };
}

function keptSegments(
  segments: readonly ManifestSegment[],
  floor: number,
  { ms, bytes }: Retention,
  nowMs: number,
  isFree: (segment: ManifestSegment) => boolean,
): readonly ManifestSegment[] {
  let behind = segments.reduce((sum, { sealed }) => sum + (sealed?.lengthBytes ?? 0), 0);
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]!;
    const { sealed } = segment;
    if (sealed === null || sealed.lastSequence > floor || !isFree(segment)) return segments.slice(i);
    if (nowMs - sealed.sealedMs < ms || behind <= bytes) return segments.slice(i);
    behind -= sealed.lengthBytes;
  }
  return segments.slice(-1);
}
