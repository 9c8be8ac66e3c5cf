/**
 * Files in the age v1 format, so that any object of a backup opens with the standard `age` tool and without Emberlog: head
 * (`age_header.ts`), then payload (`age_payload.ts`).
 */
import { EmberlogError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { HEADER_BYTES_MAX, headerEnd, type Identities, type Recipients, type SealedHeader } from "./age_header.ts";
import {
  CHUNK_BYTES,
  PAYLOAD_NONCE_BYTES,
  PayloadKey,
  SEALED_CHUNK_BYTES,
  sealedBytes,
  TAG_BYTES,
} from "./age_payload.ts";
import { evenPieces, type ObjectBody } from "./object_store.ts";

/** Chunks that are sealed into one piece before it is passed on. */
const PIECE_CHUNKS = 16;

/** What is drawn anew for each file. Sealing the same body with it again gives the same bytes, and no other body may be sealed with it. */
export interface Sealing {
  readonly header: SealedHeader;
  readonly nonce: Uint8Array;
}

export async function drawSealing(recipients: Recipients, random: Random): Promise<Sealing> {
  return { header: await recipients.seal(), nonce: random.bytes(PAYLOAD_NONCE_BYTES) };
}

/** Seals a body, piece by piece. */
export async function* ageEncrypt(body: ObjectBody, { header, nonce }: Sealing): AsyncGenerator<Uint8Array> {
  const key = new PayloadKey(header.fileKey, nonce);
  yield header.bytes;
  yield nonce;
  let number = 0;
  // One piece is kept back, because the last chunk is sealed differently.
  let held: Uint8Array | undefined;
  for await (const piece of evenPieces(body, CHUNK_BYTES * PIECE_CHUNKS)) {
    if (held !== undefined) {
      yield sealPiece(key, held, number, false);
      number += PIECE_CHUNKS;
    }
    held = piece;
  }
  if (held !== undefined) yield sealPiece(key, held, number, true);
}

/** The same for a body that is in memory, without a copy in between. */
export function ageEncryptWhole(content: Uint8Array, { header, nonce }: Sealing): Uint8Array {
  const begin = header.bytes.length + nonce.length;
  const sealed = Buffer.allocUnsafeSlow(begin + sealedBytes(content.length));
  sealed.set(header.bytes);
  sealed.set(nonce, header.bytes.length);
  sealChunks(new PayloadKey(header.fileKey, nonce), content, 0, true, sealed, begin);
  return sealed;
}

function sealPiece(key: PayloadKey, content: Uint8Array, first: number, ends: boolean): Uint8Array {
  const sealed = new Uint8Array(sealedBytes(content.length));
  sealChunks(key, content, first, ends, sealed, 0);
  return sealed;
}

function sealChunks(
  key: PayloadKey,
  content: Uint8Array,
  first: number,
  ends: boolean,
  sealed: Uint8Array,
  offset: number,
): void {
  const chunks = Math.max(1, Math.ceil(content.length / CHUNK_BYTES));
  let at = offset;
  for (let i = 0; i < chunks; i++) {
    const chunk = content.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
    at += key.seal(chunk, first + i, ends && i === chunks - 1, sealed, at);
  }
}

/**
 * Opens a sealed body, piece by piece, each verified before it is passed on; only at its end is it known that nothing is missing. Throws
 * BACKUP_UNREADABLE, naming `name`, where it is no such file, no identity fits, or a byte is wrong.
 */
export async function* ageDecrypt(body: ObjectBody, identities: Identities, name: string): AsyncGenerator<Uint8Array> {
  const pieces = body instanceof Uint8Array ? [body].values() : body[Symbol.asyncIterator]();
  let beginning: Uint8Array = new Uint8Array(0);
  let end: number | undefined;
  while (end === undefined || beginning.length < end + PAYLOAD_NONCE_BYTES) {
    const next = await pieces.next();
    if (next.done === true || (end === undefined && beginning.length > HEADER_BYTES_MAX)) {
      throw new EmberlogError("BACKUP_UNREADABLE", `${name} is no file of age`, { file: name, offset: 0 });
    }
    beginning = beginning.length === 0 ? next.value : Buffer.concat([beginning, next.value]);
    end = headerEnd(beginning);
  }
  const start = end + PAYLOAD_NONCE_BYTES;
  const fileKey = await identities.open(beginning.subarray(0, end), name);
  const chunks = new ChunkOpener(new PayloadKey(fileKey, beginning.subarray(end, start)), name);
  yield* chunks.take(beginning.subarray(start));
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield* chunks.take(next.value);
  yield chunks.last();
}

/**
 * Opens the chunks of a payload where they lie in the pieces that come; only one that lies in two is put together. The chunk that may be the last is held
 * back, because that one was sealed differently.
 */
class ChunkOpener {
  private readonly key: PayloadKey;
  private readonly name: string;
  /** The beginning of a chunk, or a whole one that may be the last. */
  private readonly held = new Uint8Array(SEALED_CHUNK_BYTES);
  private heldBytes = 0;
  private number = 0;

  constructor(key: PayloadKey, name: string) {
    this.key = key;
    this.name = name;
  }

  /** What can be opened now: nothing of it is the end. */
  *take(piece: Uint8Array): Generator<Uint8Array> {
    let at = 0;
    if (this.heldBytes > 0) {
      at = this.hold(piece, 0);
      if (at === piece.length) return;
      yield this.open(this.held, false);
      this.heldBytes = 0;
    }
    for (; piece.length - at > SEALED_CHUNK_BYTES; at += SEALED_CHUNK_BYTES) {
      yield this.open(piece.subarray(at, at + SEALED_CHUNK_BYTES), false);
    }
    this.hold(piece, at);
  }

  last(): Uint8Array {
    // An empty last chunk is one only where it is the first: else somebody has cut the file and closed it again.
    if (this.number > 0 && this.heldBytes <= TAG_BYTES) throw damaged(this.name, this.number);
    return this.open(this.held.subarray(0, this.heldBytes), true);
  }

  /** Fills up what is held; returns where the rest begins. */
  private hold(piece: Uint8Array, at: number): number {
    const taken = Math.min(SEALED_CHUNK_BYTES - this.heldBytes, piece.length - at);
    this.held.set(piece.subarray(at, at + taken), this.heldBytes);
    this.heldBytes += taken;
    return at + taken;
  }

  private open(sealed: Uint8Array, ends: boolean): Uint8Array {
    const content = this.key.open(sealed, this.number, ends);
    if (content === undefined || (this.number > 0 && content.length === 0)) throw damaged(this.name, this.number);
    this.number++;
    return content;
  }
}

function damaged(name: string, chunk: number): EmberlogError {
  return new EmberlogError(
    "BACKUP_UNREADABLE",
    `${name} is damaged or cut off in chunk ${chunk} of ${CHUNK_BYTES} bytes`,
    {
      file: name,
    },
  );
}
