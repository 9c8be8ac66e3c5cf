/**
 * Which key a segment is encrypted with: what its header says, and the cipher that follows from it.
 *
 * The key ring is asked when a segment begins, so that a change of keys is a change of segments.
 */
import type { FrameCipher } from "../base/frame_cipher.ts";
import { KEY_ID_LENGTH, type Keys } from "../base/key_ring.ts";
import { frameCipher } from "../platform/frame_cipher.ts";
import { KEY_ID_BYTES, SEGMENT_FLAG_ENCRYPTED, type SegmentHeader } from "./format.ts";

/** A stored meaning: it goes into every key. */
const LABEL = "emberlog log segment v1";

/** What the header of a segment that begins now says about its encryption. */
export function headerFields(keys: Keys): Pick<SegmentHeader, "flags" | "keyId"> {
  const keyId = new Uint8Array(KEY_ID_BYTES);
  const { newest } = keys;
  if (newest === undefined) return { flags: 0, keyId };
  keyId.set(Buffer.from(newest.id, "hex"));
  return { flags: SEGMENT_FLAG_ENCRYPTED, keyId };
}

/** The id of the key that a segment is encrypted with; undefined: it is plain. */
export function keyIdOf({ flags, keyId }: SegmentHeader): string | undefined {
  if ((flags & SEGMENT_FLAG_ENCRYPTED) === 0) return undefined;
  return Buffer.from(keyId.subarray(0, KEY_ID_LENGTH)).toString("hex");
}

/** The cipher of an encrypted segment; undefined: it is plain, or its key is not there. */
export function cipherOf(header: SegmentHeader, keys: Keys): FrameCipher | undefined {
  const id = keyIdOf(header);
  const key = id === undefined ? undefined : keys.find(id);
  return key === undefined ? undefined : frameCipher(key.fileKey(LABEL, header.salt));
}
