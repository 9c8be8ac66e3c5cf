/**
 * What verifications and drills have found, kept in the store beside what they looked at: so that whoever asks, from whatever machine, sees when a restore was last
 * seen to work.
 * ```
 * {"format":1,"kind":"drill","ok":true,"ms":1700000000000,"tookMs":5300,"first":17,"sequence":4711,"text":"…","digests":[[4711,"89abcdef","…"]]}
 * ```
 * `text` says it in words; `digests`: of a drill, what the images that it loaded held: sequence, chain, and the digest of all keys with values and
 * expiries, which the next drill of the same image compares with.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { CHECKS, checkRecordName, parseCheckRecordName } from "./layout.ts";
import type { ObjectStore } from "./object_store.ts";

export const CHECK_FORMAT = 1;
export const CHECK_KINDS = ["verify", "drill"] as const;
export type CheckKind = (typeof CHECK_KINDS)[number];

export interface ImageDigest {
  readonly sequence: number;
  /** 8 hex digits. */
  readonly chain: string;
  readonly digest: string;
}

export interface CheckRecord {
  readonly kind: CheckKind;
  readonly ok: boolean;
  /** When it ended, wall clock, and what it took. */
  readonly ms: number;
  readonly tookMs: number;
  /** The oldest state that could be restored, and the last command that it saw. */
  readonly first: number;
  readonly sequence: number;
  readonly text: string;
  readonly digests: readonly ImageDigest[];
}

/** Writes it down; null, or why that was refused: a store may be open for reading alone. */
export async function recordCheck(store: ObjectStore, random: Random, record: CheckRecord): Promise<string | null> {
  const unique = Buffer.from(random.bytes(4)).toString("hex");
  const { digests, ...rest } = record;
  const text = JSON.stringify({
    format: CHECK_FORMAT,
    ...rest,
    digests: digests.map(({ sequence, chain, digest }) => [sequence, chain, digest]),
  });
  try {
    await store.create(checkRecordName({ ms: record.ms, kind: record.kind, unique }), Buffer.from(`${text}\n`));
    return null;
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError) || thrown.code !== "STORE_REFUSED") throw thrown;
    return thrown.message;
  }
}

/** The newest record of each kind. Those that can't be read count for nothing. */
export async function lastChecks(store: ObjectStore): Promise<Partial<Record<CheckKind, CheckRecord>>> {
  const newest: Partial<Record<CheckKind, string>> = {};
  for await (const { name } of store.list(CHECKS)) {
    const object = parseCheckRecordName(name);
    if (object !== undefined) newest[object.kind] = name;
  }
  const records: Partial<Record<CheckKind, CheckRecord>> = {};
  for (const kind of CHECK_KINDS) {
    const name = newest[kind];
    const record = name === undefined ? undefined : await readRecord(store, name);
    if (record !== undefined) records[kind] = record;
  }
  return records;
}

/** What drills have found an image to hold: the digests recorded for `chain`, each once. */
export async function recordedDigests(store: ObjectStore, sequence: number, chain: string): Promise<string[]> {
  const digests = new Set<string>();
  for await (const { name } of store.list(CHECKS)) {
    if (parseCheckRecordName(name)?.kind !== "drill") continue;
    const record = await readRecord(store, name);
    for (const each of record?.digests ?? []) {
      if (record?.ok === true && each.sequence === sequence && each.chain === chain) digests.add(each.digest);
    }
  }
  return [...digests];
}

async function readRecord(store: ObjectStore, name: string): Promise<CheckRecord | undefined> {
  try {
    return decodeCheck(await store.read(name));
  } catch (thrown) {
    if (thrown instanceof EmberlogError && thrown.code === "OBJECT_MISSING") return undefined;
    throw thrown;
  }
}

/** undefined: it is none, or of another format. */
export function decodeCheck(bytes: Uint8Array): CheckRecord | undefined {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
    const { format, kind, ok, ms, tookMs, first, sequence, text, digests } = value;
    if (format !== CHECK_FORMAT || (kind !== "verify" && kind !== "drill") || typeof ok !== "boolean") return undefined;
    if (typeof ms !== "number" || typeof tookMs !== "number" || typeof sequence !== "number") return undefined;
    if (typeof first !== "number" || typeof text !== "string" || !Array.isArray(digests)) return undefined;
    return { kind, ok, ms, tookMs, first, sequence, text, digests: digests.filter(isDigest).map(digestOf) };
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

function isDigest(value: unknown): value is [number, string, string] {
  return (
    Array.isArray(value) && typeof value[0] === "number" && typeof value[1] === "string" && typeof value[2] === "string"
  );
}

function digestOf([sequence, chain, digest]: [number, string, string]): ImageDigest {
  return { sequence, chain, digest };
}
