/**
 * The images that together are the state at one command: a full one, then its deltas in order. One object of text, written when all
 * of them are in the store; `sum` in the names of the images and `check` here make damage visible without a key.
 * ```
 * {"format":1,"images":[{"object":"images/…","size":123,"image":{"name":"image-….img","epoch":"…", …},"content":"…","keys":7}],"check":"89abcdef"}
 * ```
 * `content` and `keys` are what was frozen when the image was taken, as its end says (snapshot/format.ts): a SHA-256 in hex digits, and how many keys there
 * were. Images of an early format have neither. `check` is the CRC32C of the images' JSON, 8 hex digits.
 */
import { latin1Bytes } from "../base/bytes.ts";
import { EmberlogError } from "../base/errors.ts";
import { fromHex, hex, hex32, isImageName } from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import type { ManifestImage } from "../manifest/format.ts";
import { parseGenerationName, parseImageObject } from "./layout.ts";

export const GENERATION_FORMAT = 1;

export interface GenerationImage {
  /** Name of the object, and its bytes as stored. */
  readonly object: string;
  readonly size: number;
  readonly image: ManifestImage;
  /** What was recorded when it was taken; null: nothing, by an early version. */
  readonly content: RecordedContent | null;
}

export interface RecordedContent {
  /** 64 hex digits. */
  readonly digest: string;
  readonly keys: number;
}

export interface Generation {
  readonly images: readonly GenerationImage[];
}

function checkOf(images: string, crc32c: Crc32c): string {
  const bytes = latin1Bytes(images);
  return hex32(crc32c(bytes, 0, bytes.length, 0));
}

export function encodeGeneration(generation: Generation, crc32c: Crc32c): Uint8Array {
  const images = JSON.stringify(
    generation.images.map(({ object, size, image, content }) => ({
      object,
      size,
      image: { ...image, epoch: hex(image.epoch) },
      ...(content === null ? {} : { content: content.digest, keys: content.keys }),
    })),
  );
  return latin1Bytes(`{"format":${GENERATION_FORMAT},"images":${images},"check":"${checkOf(images, crc32c)}"}\n`);
}

/** Throws BACKUP_UNREADABLE. */
export function decodeGeneration(name: string, bytes: Uint8Array, crc32c: Crc32c): Generation {
  const bad = (why: string): EmberlogError =>
    new EmberlogError("BACKUP_UNREADABLE", `${name} names no images: ${why}`, { file: name });
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("latin1"));
  } catch {
    throw bad("it is not JSON");
  }
  const { format, images, check } = (value ?? {}) as Record<string, unknown>;
  if (format !== GENERATION_FORMAT) throw bad(`format ${String(format)} is unknown to this version`);
  if (!Array.isArray(images) || images.length === 0) throw bad("a field is missing");
  if (checkOf(JSON.stringify(images), crc32c) !== check) throw bad("its checksum is wrong");
  const found = images.map((entry) => imageOf(entry) ?? raise(bad("an image's entry is wrong")));
  const last = found.at(-1)!.image;
  const named = parseGenerationName(name);
  if (named === undefined || named.sequence !== last.sequence || named.chain !== hex32(last.chain))
    throw bad("it is another one than its name says");
  return { images: found };
}

function raise(error: Error): never {
  throw error;
}

function imageOf(entry: unknown): GenerationImage | undefined {
  const { object, size, image, content, keys } = (entry ?? {}) as Record<string, unknown>;
  const { name, epoch, sequence, lengthBytes, chain, place, parentChain } = (image ?? {}) as Record<string, unknown>;
  const recorded = typeof content === "string" && typeof keys === "number";
  if (!recorded && content !== undefined) return undefined;
  const named = typeof object === "string" ? parseImageObject(object) : undefined;
  const epochBytes = typeof epoch === "string" ? fromHex(epoch) : undefined;
  if (
    typeof object !== "string" ||
    named === undefined ||
    typeof size !== "number" ||
    typeof name !== "string" ||
    !isImageName(name) ||
    epochBytes === undefined ||
    typeof sequence !== "number" ||
    typeof lengthBytes !== "number" ||
    typeof chain !== "number" ||
    typeof place !== "number" ||
    typeof parentChain !== "number" ||
    named.sequence !== sequence ||
    named.chain !== hex32(chain)
  ) {
    return undefined;
  }
  return {
    object,
    size,
    image: { name, epoch: epochBytes, sequence, lengthBytes, chain, place, parentChain },
    content: recorded ? { digest: content, keys } : null,
  };
}
