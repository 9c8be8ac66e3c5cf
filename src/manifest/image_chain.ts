/** How listed images stand on each other: a delta names the image before it by that one's chain, and its place. */
import type { Manifest, ManifestImage } from "./format.ts";

/** Everything that an image stands on, the full one first. */
export function chainOf(images: readonly ManifestImage[], image: ManifestImage): ManifestImage[] {
  const chain = [image];
  for (let child = image; child.place > 0; ) {
    const { parentChain, place } = child;
    const parent = images.find((each) => each.chain === parentChain && each.place === place - 1);
    if (parent === undefined) break;
    chain.unshift(parent);
    child = parent;
  }
  return chain;
}

/** Segments alone are the whole dataset: no image is needed. */
export function logIsWhole({ segments, origin }: Manifest): boolean {
  return segments[0]?.firstSequence === origin + 1;
}
