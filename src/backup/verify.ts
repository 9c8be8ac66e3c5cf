/**
 * Is what a store holds still what was stored? Every object that the newest history needs is fetched and compared with the sum in its
 * name, for which no identity is needed; with one, the content is opened too. What the frames and
 * blocks in it say is a restore's to verify.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Crc32c } from "../log/format.ts";
import { type FetchOptions, fetchContent, fetchStored, forAll } from "./fetch.ts";
import { decodeGeneration } from "./generation.ts";
import { type Gap, gapsOf, readHistory } from "./history.ts";

const OBJECTS_AT_ONCE = 4;

export interface VerifyReport {
  readonly objects: number;
  readonly bytes: number;
  /** Whether the contents were opened, too. */
  readonly opened: boolean;
  /** What is wrong, one line an object. */
  readonly wrong: readonly string[];
  /** Commands that can't be reached because segments in front of them are missing. */
  readonly gaps: readonly Gap[];
  /** The last command that is there. */
  readonly lastSequence: number;
}

/** `begun` is told how many bytes there are to be looked at. */
export async function verifyBackup(
  options: FetchOptions,
  crc32c: Crc32c,
  begun: (bytes: number) => void = () => undefined,
): Promise<VerifyReport> {
  const { store, identities } = options;
  const history = await readHistory(store);
  const objects = new Map<string, number>();
  const wrong: string[] = [];
  for (const { pieces } of history.segments) for (const { name, size } of pieces) objects.set(name, size);
  for (const { name } of history.generations) {
    try {
      for (const { object, size } of decodeGeneration(name, await store.read(name), crc32c).images)
        objects.set(object, size);
    } catch (thrown) {
      wrong.push(wordsOf(thrown));
    }
  }
  begun([...objects.values()].reduce((sum, size) => sum + size, 0));
  let bytes = 0;
  await forAll([...objects], OBJECTS_AT_ONCE, async ([name, size]) => {
    try {
      const stored = await store.size(name);
      if (stored !== size)
        throw new EmberlogError("BACKUP_UNREADABLE", `${name} has ${stored ?? "no"} bytes, not ${size}`);
      const body = identities === null ? fetchStored(options, name, size) : fetchContent(options, name, size);
      for await (const piece of body) bytes += piece.length;
    } catch (thrown) {
      wrong.push(wordsOf(thrown));
    }
  });
  return {
    objects: objects.size,
    bytes,
    opened: identities !== null,
    wrong: wrong.sort(),
    gaps: gapsOf(history),
    lastSequence: history.segments.at(-1)?.object.lastSequence ?? history.generations.at(-1)?.object.sequence ?? 0,
  };
}

/** A store that is away is no finding about an object. */
function wordsOf(thrown: unknown): string {
  if (thrown instanceof EmberlogError && ["BACKUP_UNREADABLE", "OBJECT_MISSING"].includes(thrown.code))
    return thrown.message;
  throw thrown;
}
