/**
 * LZ4 by `lz4-napi` where it is installed: it is an optional dependency. Elsewhere nothing is compressed, and what was compressed is
 * decoded by the reference in base/, slower.
 */
import { createRequire } from "node:module";
import { lz4Decode } from "../base/lz4.ts";

/** The package puts the plain length before the block: u32, little-endian. */
const PREFIX_BYTES = 4;

interface Lz4Package {
  compressSync(data: Uint8Array): Uint8Array;
  uncompressSync(data: Uint8Array): Uint8Array;
}

let looked = false;
let found: Lz4Package | undefined;

function lz4Package(): Lz4Package | undefined {
  if (looked) return found;
  looked = true;
  if (process.env["EMBERLOG_LZ4"] === "0") return undefined;
  try {
    found = createRequire(import.meta.url)("lz4-napi") as Lz4Package;
  } catch {
    found = undefined;
  }
  return found;
}

/** The LZ4 block of `bytes`, or undefined where there is no compressor. */
export function lz4Compress(bytes: Buffer): Uint8Array | undefined {
  return lz4Package()?.compressSync(bytes).subarray(PREFIX_BYTES);
}

/**
 * Decodes the block at bytes[4, 4 + length), whose plain length is known; the four bytes before it are scratch. undefined: it is damaged.
 */
export function lz4Uncompress(bytes: Uint8Array, length: number, plainBytes: number): Uint8Array | undefined {
  const lz4 = lz4Package();
  if (lz4 === undefined) {
    const target = new Uint8Array(plainBytes);
    return lz4Decode(bytes, PREFIX_BYTES, PREFIX_BYTES + length, target) ? target : undefined;
  }
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, plainBytes, true);
  try {
    const plain = lz4.uncompressSync(bytes.subarray(0, PREFIX_BYTES + length));
    return plain.length === plainBytes ? plain : undefined;
  } catch {
    return undefined;
  }
}
