/** Objects back from a store: read ahead, verified against the sum in their names, opened where they were sealed. */
import { EmberlogError } from "../base/errors.ts";
import { ageDecrypt } from "./age.ts";
import type { Identities } from "./age_header.ts";
import type { StoredSegment } from "./history.ts";
import { ObjectSum, sumInName } from "./layout.ts";
import type { ObjectStore } from "./object_store.ts";

/** Asked for at a time, bytes, and how many such pieces of one object are under way. */
const PIECE_BYTES = 8 * 1024 * 1024;
const PIECES_AHEAD = 3;

export interface FetchOptions {
  readonly store: ObjectStore;
  /** null: sealed objects can't be opened. */
  readonly identities: Identities | null;
  /** Told of each piece that has arrived, bytes as stored. */
  readonly progress?: (bytes: number) => void;
}

/**
 * The bytes of an object as stored, in order. Ends with BACKUP_UNREADABLE where they are not those that its name tells of: whoever
 * uses the pieces before the end must be able to take that back.
 */
export async function* fetchStored(options: FetchOptions, name: string, size: number): AsyncGenerator<Uint8Array> {
  const { store, progress } = options;
  const sum = new ObjectSum();
  const pieces: Promise<Uint8Array>[] = [];
  let asked = 0;
  for (let at = 0; at < size; ) {
    while (pieces.length < PIECES_AHEAD && asked < size) {
      const piece = store.read(name, asked, Math.min(PIECE_BYTES, size - asked));
      // Whoever waits for it sees the failure; one that nobody waits for any more is no crash.
      piece.catch(() => undefined);
      pieces.push(piece);
      asked += PIECE_BYTES;
    }
    const piece = await pieces.shift()!;
    if (piece.length !== Math.min(PIECE_BYTES, size - at)) {
      throw new EmberlogError("BACKUP_UNREADABLE", `${name} ends at ${at + piece.length}, listed are ${size} bytes`, {
        file: name,
        offset: at,
      });
    }
    sum.add(piece);
    progress?.(piece.length);
    at += piece.length;
    yield piece;
  }
  const wanted = sumInName(name);
  const found = sum.digest();
  if (wanted !== undefined && wanted !== found) {
    throw new EmberlogError("BACKUP_UNREADABLE", `${name} has other bytes than were stored (sum ${found})`, {
      file: name,
    });
  }
}

/** The content of an object: opened where it was sealed. Throws BACKUP_UNREADABLE, also for a sealed one without an identity. */
export function fetchContent(options: FetchOptions, name: string, size: number): AsyncGenerator<Uint8Array> {
  const stored = fetchStored(options, name, size);
  if (!name.endsWith(".age")) return stored;
  if (options.identities === null) {
    throw new EmberlogError(
      "BACKUP_UNREADABLE",
      `${name} is encrypted: give the file of an identity that opens it (--identity FILE)`,
      { file: name },
    );
  }
  return ageDecrypt(stored, options.identities, name);
}

/** The content of a segment, or of its beginning, out of all its pieces. Throws BACKUP_UNREADABLE also where two of them do not meet. */
export async function* fetchSegment(options: FetchOptions, segment: StoredSegment): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const { name, size, object } of segment.pieces) {
    if (object.offset !== at) {
      throw new EmberlogError("BACKUP_UNREADABLE", `${name} does not begin where the part before it ends, at ${at}`, {
        file: name,
        offset: at,
      });
    }
    for await (const piece of fetchContent(options, name, size)) {
      at += piece.length;
      yield piece;
    }
  }
}
