/**
 * What a backup asks of the place that it is kept in: the one interface through which all backup data goes. There are three,
 * and one suite of tests that each must pass (test/unit/backup/object_store_contract.ts): a folder (`file_store.ts`), any
 * store that speaks S3 (`s3_store.ts`), and one in memory that can fail (`memory_store.ts`).
 *
 * Invariants: an object is complete or absent, whoever dies meanwhile; it never changes once it is there (`create` never
 * replaces); of two writers that create the same name exactly one is told `created`, which is what epochs are claimed by (a store that can not is found out by `proveStore`).
 *
 * Names are relative, with `/` between parts, and stay below the prefix of the store's URL. All errors are EmberlogErrors:
 * STORE_REFUSED for what no retry mends (a wrong key, no such bucket, no permission), STORE_UNAVAILABLE for what may pass,
 * OBJECT_MISSING, OBJECT_LOCKED. Temporary errors were retried before a store reports them.
 */
import { EmberlogError } from "../base/errors.ts";

export interface ObjectEntry {
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
}

/** The bytes of an object: whole, or piece by piece when it is too large to hold. */
export type ObjectBody = Uint8Array | AsyncIterable<Uint8Array>;

export interface ObjectStore {
  /** Where it is, without secrets: for messages. */
  readonly place: string;
  /** Stores a new object; `exists` when the name is taken, whose object then stays as it is. */
  create(name: string, body: ObjectBody): Promise<"created" | "exists">;
  /** Up to `length` bytes from `start`, or all: fewer only at the end of the object. Throws OBJECT_MISSING. */
  read(name: string, start?: number, length?: number): Promise<Uint8Array>;
  /** Length in bytes, or undefined where there is no such object. */
  size(name: string): Promise<number | undefined>;
  /** All objects whose names begin with `prefix`, in the order of their bytes, those after `after` only. */
  list(prefix: string, after?: string): AsyncIterable<ObjectEntry>;
  /** Removes an object; one that is not there is no error. Throws an ObjectLockedError where the store must keep it for a time (object lock). */
  remove(name: string): Promise<void>;
  close(): void;
}

/** Letters of a part of a name: what every store, file system and shell takes as it is. */
const PART = /^[A-Za-z0-9_][A-Za-z0-9._=+-]*$/;
/** S3 allows 1024 bytes with the prefix. */
const NAME_CHARS_MAX = 512;

/** Names come from our own code and from listings, which somebody else may have written into: neither may lead elsewhere. */
export function isObjectName(name: string): boolean {
  return name.length <= NAME_CHARS_MAX && name.split("/").every((part) => PART.test(part));
}

/** Throws STORE_REFUSED for a name that no object can have. */
export function checkObjectName(name: string): void {
  if (!isObjectName(name)) throw new EmberlogError("STORE_REFUSED", `not a name of an object: ${JSON.stringify(name)}`);
}

/** The store keeps the object whoever asks: until a time, ms, or for as long as somebody wants it to (0). */
export class ObjectLockedError extends EmberlogError {
  readonly untilMs: number;

  constructor(place: string, name: string, untilMs: number) {
    const end = untilMs === 0 ? "by a legal hold" : `until ${new Date(untilMs).toISOString()}`;
    super("OBJECT_LOCKED", `${name} in ${place} is locked ${end}`, { file: name });
    this.name = "ObjectLockedError";
    this.untilMs = untilMs;
  }
}

/** Removes what has done its service; a store that must keep it for a time does so, and prune.ts comes back to it. */
export async function removeUnlessLocked(store: ObjectStore, name: string): Promise<void> {
  try {
    await store.remove(name);
  } catch (thrown) {
    if (!(thrown instanceof ObjectLockedError)) throw thrown;
  }
}

export function objectMissing(place: string, name: string): EmberlogError {
  return new EmberlogError("OBJECT_MISSING", `there is no object ${name} in ${place}`, { file: name });
}

/** All of a body in one piece. */
export async function wholeBody(body: ObjectBody): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    pieces.push(piece);
    length += piece.length;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** The body as pieces of exactly `pieceBytes`, the last one shorter; at least one piece, so that an empty object is one too. */
export async function* evenPieces(body: ObjectBody, pieceBytes: number): AsyncGenerator<Uint8Array> {
  let held = new Uint8Array(pieceBytes);
  let filled = 0;
  let given = false;
  for await (const piece of body instanceof Uint8Array ? [body] : body) {
    for (let at = 0; at < piece.length; ) {
      const taken = Math.min(pieceBytes - filled, piece.length - at);
      held.set(piece.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled === pieceBytes) {
        yield held;
        given = true;
        held = new Uint8Array(pieceBytes);
        filled = 0;
      }
    }
  }
  if (filled > 0 || !given) yield held.subarray(0, filled);
}
