/**
 * Checksums by the machine's instructions where the addon is there, by the reference in base/ elsewhere.
 *
 * A crossing costs about as much as the reference needs for SHORT_BYTES, so shorter runs never cross.
 */
import { crc32cReference } from "../base/crc32c.ts";
import { crc64Reference } from "../base/crc64.ts";
import { nativeAddon } from "./native.ts";

const SHORT_BYTES = 128;

const addon = nativeAddon();
const native32c = addon?.crc32c ?? crc32cReference;
const native64 = addon?.crc64 ?? crc64Reference;

/** "pclmul", "armv8-crc", "table" (in the addon) or "reference". */
export const checksumBacking: string = addon?.checksumBacking() ?? "reference";

/** CRC-32C as a signed 32-bit integer; continues `seed`, the sum of what came before (0 at the beginning). */
export function crc32c(bytes: Uint8Array, offset: number, length: number, seed: number): number {
  return length < SHORT_BYTES ? crc32cReference(bytes, offset, length, seed) : native32c(bytes, offset, length, seed);
}

/** CRC-64 (Jones); continues the sum in `sum[0]` (low word) and `sum[1]` (high word). */
export function crc64(bytes: Uint8Array, offset: number, length: number, sum: Int32Array): void {
  if (length < SHORT_BYTES) crc64Reference(bytes, offset, length, sum);
  else native64(bytes, offset, length, sum);
}
