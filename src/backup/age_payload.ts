/**
 * What follows the head in a file of the age v1 format: 16 random bytes, then the content in chunks of 64 KiB, each sealed by
 * ChaCha20-Poly1305 of node:crypto, so at the speed of native code.
 *
 *   nonce (16)   key = HKDF-SHA-256(file key, salt = nonce, info "payload")
 *   chunk 0      65536 bytes sealed + 16 of tag     chunk nonce = 11 bytes of counter, big-endian, 1 byte: 0, or 1 for the last
 *   …
 *   last chunk   1 … 65536 bytes + 16 of tag; empty only where it is the first
 *
 * Only the last chunk carries the mark of the end, so that a file that was cut is noticed.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";

export const PAYLOAD_NONCE_BYTES = 16;
export const CHUNK_BYTES = 64 * 1024;
export const TAG_BYTES = 16;
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
const CHUNK_NONCE_BYTES = 12;
const CIPHER = "chacha20-poly1305";

/** Seals or opens the chunks of one file. */
export class PayloadKey {
  private readonly key: Uint8Array;
  private readonly nonce = new Uint8Array(CHUNK_NONCE_BYTES);

  constructor(fileKey: Uint8Array, payloadNonce: Uint8Array) {
    this.key = new Uint8Array(hkdfSync("sha256", fileKey, payloadNonce, "payload", 32));
  }

  /** Appends one sealed chunk to `target` at `offset`; returns the bytes written, 16 more than `content` has. */
  seal(content: Uint8Array, number: number, last: boolean, target: Uint8Array, offset: number): number {
    const cipher = createCipheriv(CIPHER, this.key, this.nonceOf(number, last), { authTagLength: TAG_BYTES });
    target.set(cipher.update(content), offset);
    cipher.final();
    target.set(cipher.getAuthTag(), offset + content.length);
    return content.length + TAG_BYTES;
  }

  /** The content of one sealed chunk, or undefined where it is not what was sealed at that place. */
  open(sealed: Uint8Array, number: number, last: boolean): Uint8Array | undefined {
    if (sealed.length < TAG_BYTES) return undefined;
    const cipher = createDecipheriv(CIPHER, this.key, this.nonceOf(number, last), { authTagLength: TAG_BYTES });
    cipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const content = cipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
    try {
      cipher.final();
    } catch {
      return undefined;
    }
    return content;
  }

  private nonceOf(number: number, last: boolean): Uint8Array {
    let left = number;
    for (let i = CHUNK_NONCE_BYTES - 2; i >= 0; i--) {
      this.nonce[i] = left % 256;
      left = Math.floor(left / 256);
    }
    this.nonce[CHUNK_NONCE_BYTES - 1] = last ? 1 : 0;
    return this.nonce;
  }
}

/** Bytes of the sealed chunks for `contentBytes`. */
export function sealedBytes(contentBytes: number): number {
  return contentBytes + TAG_BYTES * Math.max(1, Math.ceil(contentBytes / CHUNK_BYTES));
}
