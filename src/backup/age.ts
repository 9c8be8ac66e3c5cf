/**
 * Files in the age v1 format, so that any object of a backup opens with the standard `age` tool and without Emberlog: head
 * (`age_header.ts`), then payload (`age_payload.ts`).
 */
import { EmberlogError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { headerEnd, type Identities, type Recipients, type SealedHeader } from "./age_header.ts";
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
  const rest = evenPieces(body, SEALED_CHUNK_BYTES * PIECE_CHUNKS);
  const first = await rest.next();
  const beginning = first.done === true ? new Uint8Array(0) : first.value;
  const end = headerEnd(beginning);
  if (end === undefined || beginning.length < end + PAYLOAD_NONCE_BYTES) {
    throw new EmberlogError("BACKUP_UNREADABLE", `${name} is no file of age`, { file: name, offset: 0 });
  }
  const start = end + PAYLOAD_NONCE_BYTES;
  const fileKey = await identities.open(beginning.subarray(0, end), name);
  const key = new PayloadKey(fileKey, beginning.subarray(end, start));
  let number = 0;
  // One piece is kept back, because the last chunk was sealed differently.
  let held: Uint8Array | undefined;
  for await (const piece of evenPieces(joined(beginning.subarray(start), rest), SEALED_CHUNK_BYTES * PIECE_CHUNKS)) {
    if (held !== undefined) {
      yield openPiece(key, held, number, false, name);
      number += PIECE_CHUNKS;
    }
    held = piece;
  }
  // An empty last chunk is one only where it is the first: else somebody has cut the file and closed it again.
  if (held === undefined || (number > 0 && held.length <= TAG_BYTES)) throw damaged(name, number);
  yield openPiece(key, held, number, true, name);
}

async function* joined(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

function openPiece(key: PayloadKey, sealed: Uint8Array, first: number, ends: boolean, name: string): Uint8Array {
  const chunks = Math.max(1, Math.ceil(sealed.length / SEALED_CHUNK_BYTES));
  const content = new Uint8Array(Math.max(0, sealed.length - chunks * TAG_BYTES));
  for (let i = 0; i < chunks; i++) {
    const chunk = sealed.subarray(i * SEALED_CHUNK_BYTES, (i + 1) * SEALED_CHUNK_BYTES);
    const opened = key.open(chunk, first + i, ends && i === chunks - 1);
    if (opened === undefined || (first + i > 0 && opened.length === 0)) throw damaged(name, first + i);
    content.set(opened, i * CHUNK_BYTES);
  }
  return content;
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
