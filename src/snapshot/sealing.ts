/** Encryption of images: what a header says about it, and the cipher that follows from it. As log/sealing.ts has it for segments. */
import type { KeyObject } from "node:crypto";
import { KEY_ID_LENGTH, type Keys } from "../base/key_ring.ts";
import { KEY_ID_BYTES } from "./format.ts";

/** A stored meaning: it goes into every key. */
const LABEL = "emberlog image v1";

/** The key id for the header of an image that begins now: zeros where it is not to be encrypted. */
export function newestKeyId({ newest }: Keys): Uint8Array {
  const keyId = new Uint8Array(KEY_ID_BYTES);
  if (newest !== undefined) keyId.set(Buffer.from(newest.id, "hex"));
  return keyId;
}

/** The id of the key that an image is encrypted with; undefined: it is plain. */
export function imageKeyId(keyId: Uint8Array): string | undefined {
  if (keyId.every((byte) => byte === 0)) return undefined;
  return Buffer.from(keyId.subarray(0, KEY_ID_LENGTH)).toString("hex");
}

/** The key of one image's blocks, to be sent to the thread that writes or reads it; undefined: it is plain, or its key is not there. */
export function imageFileKey(keyId: Uint8Array, salt: Uint8Array, keys: Keys): KeyObject | undefined {
  const id = imageKeyId(keyId);
  return id === undefined ? undefined : keys.find(id)?.fileKey(LABEL, salt);
}
