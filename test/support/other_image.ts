/**
 * Puts an image into a stored backup whose every checksum and name is right, and whose content is not what was frozen: what a fault in memory while it was
 * compressed leaves, or a person who knows the formats. The store is a folder, its objects are readable.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeGeneration, encodeGeneration } from "../../src/backup/generation.ts";
import { generationName, imageObjectName, parseGenerationName, parseImageObject } from "../../src/backup/layout.ts";
import { crc32cReference as crc32c } from "../../src/base/crc32c.ts";
import { hex32 } from "../../src/disk/file_names.ts";
import { LAYOUT_VERSION } from "../../src/memory/layout.ts";
import { lz4Uncompress } from "../../src/platform/lz4.ts";
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  CODEC_LZ4,
  CODEC_STORED,
  chainOfHeader,
  chainWithBlock,
  decodeBlockHeader,
  decodeEnd,
  decodeImageHeader,
  encodeEnd,
  IMAGE_HEADER_BYTES,
  imageSeed,
  putBlockFields,
  sealBlockHeader,
} from "../../src/snapshot/format.ts";

const LZ4_PREFIX_BYTES = 4;

/** The same image but for what `change` does to the payloads; all of its checksums are right. */
function rewritten(file: Uint8Array, change: (plain: Uint8Array) => void): { file: Buffer; chain: number } {
  const head = file.subarray(0, IMAGE_HEADER_BYTES);
  const decoded = decodeImageHeader(head, head.length, LAYOUT_VERSION, crc32c);
  if (decoded.kind !== "header") throw new Error("no header");
  const { version, salt } = decoded.header;
  const seed = imageSeed(salt, crc32c);
  const header: BlockHeader = { storedBytes: 0, plainBytes: 0, number: 0, codec: 0, pages: 0, payloadCrc: 0 };
  const pieces: Uint8Array[] = [head];
  let chain = chainOfHeader(head, crc32c);
  let at = IMAGE_HEADER_BYTES;
  while (decodeBlockHeader(file, at, seed, crc32c, header) === undefined) {
    const { storedBytes, plainBytes } = header;
    const stored = file.subarray(at + BLOCK_HEADER_BYTES, at + BLOCK_HEADER_BYTES + storedBytes);
    const packed = Buffer.concat([Buffer.alloc(LZ4_PREFIX_BYTES), stored]);
    const plain = header.codec === CODEC_LZ4 ? lz4Uncompress(packed, storedBytes, plainBytes) : stored;
    const block = Buffer.alloc(BLOCK_HEADER_BYTES + plainBytes);
    block.set(plain!.subarray(0, plainBytes), BLOCK_HEADER_BYTES);
    change(block.subarray(BLOCK_HEADER_BYTES));
    putBlockFields(block, 0, { ...header, codec: CODEC_STORED, storedBytes: plainBytes });
    sealBlockHeader(block, 0, crc32c(block, BLOCK_HEADER_BYTES, plainBytes, seed), seed, crc32c);
    chain = chainWithBlock(block, 0, chain, crc32c);
    pieces.push(block);
    at += BLOCK_HEADER_BYTES + storedBytes;
  }
  const end = decodeEnd(file, at, version, seed, crc32c)!;
  const fileBytes = pieces.reduce((sum, { length }) => sum + length, 0) + file.length - at;
  pieces.push(encodeEnd({ ...end, fileBytes, chain }, seed, crc32c));
  return { file: Buffer.concat(pieces), chain: chain | 0 };
}

/** Exchanges the newest image, a full one; its generation names the other one, and says what it had said was frozen. */
export function exchangeContent(store: string, change: (plain: Uint8Array) => void): void {
  const { name, generation } = newestGeneration(store);
  const [{ object, image, content }] = [generation.images[0]!];
  const other = rewritten(readFileSync(join(store, object)), change);
  const chain = hex32(other.chain);
  const sum = createHash("sha256").update(other.file).digest("hex").slice(0, 32);
  const otherObject = imageObjectName({ ...parseImageObject(object)!, chain, sum });
  writeFileSync(join(store, otherObject), other.file);
  const size = other.file.length;
  const images = [{ object: otherObject, size, image: { ...image, chain: other.chain, lengthBytes: size }, content }];
  rmSync(join(store, name));
  writeFileSync(
    join(store, generationName({ ...parseGenerationName(name)!, chain })),
    encodeGeneration({ images }, crc32c),
  );
}

/** As an Emberlog before that record would have written the newest generation. */
export function forgetContent(store: string): void {
  const { name, generation } = newestGeneration(store);
  const images = generation.images.map((image) => ({ ...image, content: null }));
  writeFileSync(join(store, name), encodeGeneration({ images }, crc32c));
}

function newestGeneration(store: string): { name: string; generation: ReturnType<typeof decodeGeneration> } {
  const found = readdirSync(join(store, "generations"), { recursive: true }).map(String).sort();
  const name = `generations/${found.findLast((each) => each.endsWith(".json"))!}`;
  return { name, generation: decodeGeneration(name, readFileSync(join(store, name)), crc32c) };
}
