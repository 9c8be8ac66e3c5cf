/**
 * Who writes a backup: one server at a time, although several may believe that they are it.
 *
 * A server that starts takes the next number by creating `claims/<number>.json`, which exactly one of several can, and writes
 * under that number only. Its claim says what it goes on from: the claim before it, and up to which command that one counts. What
 * an old server ships after that, when it wakes up from a pause beside the new one, lies under its own number, behind the point
 * from which the new one has gone on, and no restore reads it. The old server looks for newer claims before it ships and stops.
 */
import { createHash } from "node:crypto";
import { EmberlogError } from "../base/errors.ts";
import { forAll } from "./for_all.ts";
import { CLAIMS, claimName, parseClaimName } from "./layout.ts";
import type { ObjectStore } from "./object_store.ts";

export const CLAIM_FORMAT = 1;
const CHECK_CHARS = 16;
/** Each start has left a claim. */
const READS_AT_ONCE = 16;

export interface Claim {
  readonly claim: number;
  /** Of the data, 32 hex digits; it may go on in further epochs later, which the segments tell. */
  readonly epoch: string;
  /** Of the process that made it, random. */
  readonly writer: string;
  /** Wall clock, ms. */
  readonly madeMs: number;
  /** The log alone is the whole where it begins right behind this sequence. */
  readonly origin: number;
  /** The claim that this one goes on from, and the last command that counts of it; null: it begins anew. */
  readonly from: { readonly claim: number; readonly sequence: number } | null;
}

/** The fields in their order, as the checksum has them. */
function fieldsOf({ claim, epoch, writer, madeMs, origin, from }: Claim): object {
  const origins = from === null ? null : { claim: from.claim, sequence: from.sequence };
  return { format: CLAIM_FORMAT, claim, epoch, writer, madeMs, origin, from: origins };
}

function checkOf(claim: Claim): string {
  return createHash("sha256")
    .update(JSON.stringify(fieldsOf(claim)))
    .digest("hex")
    .slice(0, CHECK_CHARS);
}

export function encodeClaim(claim: Claim): Uint8Array {
  return Buffer.from(`${JSON.stringify({ ...fieldsOf(claim), check: checkOf(claim) }, null, 2)}\n`);
}

function unreadable(name: string, why: string): EmberlogError {
  return new EmberlogError("BACKUP_UNREADABLE", `${name} is no claim: ${why}`, { file: name });
}

export function decodeClaim(name: string, bytes: Uint8Array): Claim {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw unreadable(name, "it is not JSON");
  }
  if (typeof value !== "object" || value === null) throw unreadable(name, "it is not an object");
  const { format, claim, epoch, writer, madeMs, origin, from, check } = value as Record<string, unknown>;
  if (format !== CLAIM_FORMAT) throw unreadable(name, `format ${String(format)} is unknown to this version`);
  if (
    typeof claim !== "number" ||
    claimName(claim) !== name ||
    typeof epoch !== "string" ||
    !/^[0-9a-f]{32}$/.test(epoch) ||
    typeof writer !== "string" ||
    typeof madeMs !== "number" ||
    typeof origin !== "number" ||
    !isOrigin(from)
  ) {
    throw unreadable(name, "a field is missing or of the wrong kind");
  }
  const found: Claim = { claim, epoch, writer, madeMs, origin, from };
  if (checkOf(found) !== check) throw unreadable(name, "its checksum is wrong");
  return found;
}

function isOrigin(value: unknown): value is Claim["from"] {
  if (value === null) return true;
  if (typeof value !== "object" || value === undefined) return false;
  const { claim, sequence } = value as Record<string, unknown>;
  return Number.isSafeInteger(claim) && Number.isSafeInteger(sequence);
}

/** All claims, by number. Throws BACKUP_UNREADABLE for one that can't be read. */
export async function readClaims(store: ObjectStore, after = 0): Promise<Claim[]> {
  const names: string[] = [];
  for await (const { name } of store.list(CLAIMS, after === 0 ? "" : claimName(after))) {
    if (parseClaimName(name) !== undefined) names.push(name);
  }
  const claims: Claim[] = [];
  await forAll(names, READS_AT_ONCE, async (name) => {
    claims.push(decodeClaim(name, await store.read(name)));
  });
  return claims.sort((a, b) => a.claim - b.claim);
}

/** The newest number taken, 0 where there is none. */
export async function newestClaim(store: ObjectStore, after = 0): Promise<number> {
  let newest = after;
  for await (const { name } of store.list(CLAIMS, after === 0 ? "" : claimName(after))) {
    newest = Math.max(newest, parseClaimName(name) ?? 0);
  }
  return newest;
}

/** Attempts at a number that somebody else takes at the same moment. */
const ATTEMPTS_MAX = 16;

/**
 * Takes the next number. `from` is asked what the claims before it give to go on from. With `again` an earlier attempt of this writer may have come to more than it
 * was told: that claim, below which it has written nothing yet, is its claim then. Throws what the store throws, STORE_REFUSED where others take every number
 * first.
 */
export async function takeClaim(
  store: ObjectStore,
  own: Pick<Claim, "epoch" | "writer" | "madeMs" | "origin">,
  from: (claims: readonly Claim[]) => Promise<Claim["from"]>,
  again = false,
): Promise<Claim> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const before = await readClaims(store);
    const newest = before.at(-1);
    if (again && newest?.writer === own.writer && newest.epoch === own.epoch) return newest;
    const number = (newest?.claim ?? 0) + 1;
    const claim: Claim = { claim: number, ...own, from: await from(before) };
    if ((await store.create(claimName(number), encodeClaim(claim))) === "created") return claim;
  }
  throw new EmberlogError("STORE_REFUSED", `${store.place}: other servers claim it again and again`);
}
