/**
 * Sealing the frames (or blocks) of one file with AES-256-GCM, and opening them: what that means, and node:crypto doing it. platform/frame_cipher.ts
 * has the same by the addon.
 * ```
 * key    of the file: MasterKey.fileKey(label, salt)
 * nonce  12 bytes: the frame's number in its file as a little-endian u64, then 4 zeros
 * input  associated data (the frame's header: readable, not to be changed) and the plain bytes
 * output as many bytes of ciphertext, then a tag of 16
 * ```
 * Invariant: one key never seals two frames with one number: GCM would give both away. A file therefore has a salt of its own, is written by one
 * FrameCipher, front to back, and never continued by another one; numbers going up are checked.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { check } from "./check.ts";

/** What sealing adds to the bytes of a frame. */
export const TAG_BYTES = 16;

export interface FrameCipher {
  /**
   * Seals `plain` as frame `number`, with `associated` beside it, into `out` from `at` on. Returns the bytes written: those of `plain` and a tag.
   */
  seal(number: number, associated: Uint8Array, plain: Uint8Array, out: Uint8Array, at: number): number;
  /**
   * The plain bytes of frame `number`, valid until the next call; null: these bytes, or what is associated with them, are not what was sealed, or
   * not with this key.
   */
  open(number: number, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null;
}

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const OPTIONS = { authTagLength: TAG_BYTES };

/** A frame costs 5 µs and 1 µs for each KiB: a cipher and two buffers are made for it, and paged in. */
export class PortableFrameCipher implements FrameCipher {
  readonly #key: KeyObject;
  private readonly nonce = new Uint8Array(NONCE_BYTES);
  private lastSealed = -1;

  constructor(fileKey: KeyObject) {
    this.#key = fileKey;
  }

  seal(number: number, associated: Uint8Array, plain: Uint8Array, out: Uint8Array, at: number): number {
    check(number > this.lastSealed, "a number seals one frame");
    this.lastSealed = number;
    const cipher = createCipheriv(ALGORITHM, this.#key, this.nonceOf(number), OPTIONS);
    cipher.setAAD(associated);
    out.set(cipher.update(plain), at);
    cipher.final();
    out.set(cipher.getAuthTag(), at + plain.length);
    return plain.length + TAG_BYTES;
  }

  open(number: number, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null {
    const length = sealed.length - TAG_BYTES;
    if (length < 0) return null;
    const decipher = createDecipheriv(ALGORITHM, this.#key, this.nonceOf(number), OPTIONS);
    decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(length));
    const plain = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
    } catch {
      return null;
    }
    // A plain array: what comes out of here goes where a Buffer would make hot code polymorphic.
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
  }

  private nonceOf(number: number): Uint8Array {
    const { nonce } = this;
    let rest = number;
    for (let i = 0; i < 8; i++) {
      nonce[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return nonce;
  }
}
