/**
 * Which images and which segments of the log are kept. Pure: a manifest in, a manifest out.
 *
 * Kept are the newest chain of images, and with it the full image before it and all of the log from that one's end on, so that a damaged
 * image has something to fall back on; beyond that, what log-retention asks for. As long as there is only one full image the whole log
 * is kept. Segments go from the front and without a gap.
 *
 * That image before it is read back first (images.ts): one that turns out to be damaged is nothing to fall back on, and then the one before it and the
 * log behind that are kept instead, or all of the log. Where the log does not go back to its origin any more, the full images stay whatever was read: a
 * disk that could not read one today may read it on the day on which nothing else is left.
 */
import type { Manifest, ManifestImage, ManifestSegment } from "../manifest/format.ts";
import { chainOf, logIsWhole } from "../manifest/image_chain.ts";

export interface Retention {
  /** Segments sealed less than this ago are kept, ms; 0: no time is asked for. */
  readonly ms: number;
  /** The newest bytes of sealed segments that are kept; 0: none are asked for. */
  readonly bytes: number;
}

/** The full images before the one that `image` stands on, the newest first: what may be fallen back on. */
export function fallbacksOf({ images }: Manifest, image: ManifestImage): ManifestImage[] {
  const [full] = chainOf([...images, image], image);
  return images.filter(({ place, sequence }) => place === 0 && sequence < full!.sequence).reverse();
}

/**
 * Lists one image more and drops what nobody needs then. `fallback` is what can be fallen back on; undefined: nothing can. `isFree` says of a segment
 * that nobody else needs it.
 */
export function withImage(
  manifest: Manifest,
  image: ManifestImage,
  fallback: ManifestImage | undefined,
  retention: Retention,
  nowMs: number,
  isFree: (segment: ManifestSegment) => boolean,
): Manifest {
  const listed = [...manifest.images, image];
  const chain = chainOf(listed, image);
  if (fallback === undefined) {
    return {
      ...manifest,
      images: logIsWhole(manifest) ? chain : [...fallbacksOf(manifest, image).reverse(), ...chain],
    };
  }
  return {
    ...manifest,
    images: [fallback, ...chain],
    segments: keptSegments(manifest.segments, fallback.sequence, retention, nowMs, isFree),
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
