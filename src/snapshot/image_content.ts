/**
 * What an image holds, opened again: the digest that its writer made of what was frozen, made anew from the file. That both are one says that nothing has
 * become another on the way through compression, encryption, disk and network; checksums say so only of the bytes as they are stored.
 */
import { createHash } from "node:crypto";
import type { Keys } from "../base/key_ring.ts";
import type { Disk } from "../disk/disk.ts";
import type { Crc32c } from "./format.ts";
import { BlockReader, readImageIndex } from "./image_reading.ts";
import { imageFileKey, imageKeyId } from "./sealing.ts";

export type ImageContentResult =
  | { readonly kind: "content"; readonly digest: string }
  | { readonly kind: "damaged"; readonly reason: string };

/** Throws a DiskError. */
export function readImageContent(disk: Disk, path: string, crc32c: Crc32c, keys: Keys): ImageContentResult {
  const read = readImageIndex(disk, path, crc32c);
  if (read.kind === "unknown") return { kind: "damaged", reason: `it is of ${read.what}` };
  if (read.kind === "damaged") return { kind: "damaged", reason: `${read.reason} (at ${read.offset})` };
  const { keyId, salt } = read.index.header;
  const fileKey = imageFileKey(keyId, salt, keys);
  const id = imageKeyId(keyId);
  if (id !== undefined && fileKey === undefined) return { kind: "damaged", reason: `the key ${id} is not there` };
  const reader = new BlockReader(disk, path, salt, crc32c, fileKey);
  try {
    const content = createHash("sha256");
    for (const [number, offset] of read.index.offsets.entries()) {
      const reason = reader.addTo(content, offset, number);
      if (reason !== undefined) return { kind: "damaged", reason: `${reason} (at ${offset})` };
    }
    return { kind: "content", digest: content.digest("hex") };
  } finally {
    reader.close();
  }
}
