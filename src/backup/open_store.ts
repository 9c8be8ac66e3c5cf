/** From the URL that a person writes to the store behind it, and the proof that the store does what backups rest on. */
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { FileStore } from "./file_store.ts";
import { PROBES, probeName } from "./layout.ts";
import { isObjectName, type ObjectStore, removeUnlessLocked } from "./object_store.ts";
import { type S3Place, S3Store } from "./s3_store.ts";

const PROBE_BYTES = 32;

function refused(url: string, why: string): EmberlogError {
  return new EmberlogError("CONFIG_INVALID", `${url} is no place for backups: ${why}`);
}

/**
 * The bucket, prefix and options of `s3://bucket/prefix?endpoint=URL&region=NAME&path-style=yes|no`. Secrets have no place in
 * it. Throws CONFIG_INVALID.
 */
export function parseS3Url(url: string): S3Place {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || parsed.hostname === "") throw refused(url, "expected s3://bucket/prefix");
  if (parsed.username !== "" || parsed.password !== "") {
    throw refused(
      `s3://${parsed.hostname}/`,
      "credentials belong into the environment (AWS_ACCESS_KEY_ID, …), not into the URL",
    );
  }
  const prefix = parsed.pathname
    .split("/")
    .filter((part) => part !== "")
    .join("/");
  if (prefix !== "" && !isObjectName(prefix)) throw refused(url, "the prefix may have letters, digits and ._=+- only");
  for (const name of parsed.searchParams.keys()) {
    if (!["endpoint", "region", "path-style"].includes(name)) throw refused(url, `unknown option ${name}`);
  }
  const style = parsed.searchParams.get("path-style");
  if (style !== null && style !== "yes" && style !== "no") throw refused(url, "path-style is yes or no");
  return {
    bucket: parsed.hostname,
    prefix: prefix === "" ? "" : `${prefix}/`,
    endpoint: parsed.searchParams.get("endpoint") ?? undefined,
    region: parsed.searchParams.get("region") ?? undefined,
    pathStyle: style === null ? undefined : style === "yes",
  };
}

/** True where the bytes leave the machine, so that they must be encrypted unless somebody refuses explicitly. */
export function isRemote(url: string): boolean {
  return !url.startsWith("file:");
}

/** What a URL names. Throws CONFIG_INVALID. */
export function parseStoreUrl(
  url: string,
): { readonly kind: "s3"; readonly place: S3Place } | { readonly kind: "file"; readonly path: string } {
  if (url.startsWith("s3://")) return { kind: "s3", place: parseS3Url(url) };
  if (url.startsWith("file://")) {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || parsed.hostname !== "" || parsed.pathname.length < 2)
      throw refused(url, "expected file:///path");
    return { kind: "file", path: decodeURIComponent(parsed.pathname).replace(/\/+$/, "") };
  }
  throw refused(url, "expected file:///path or s3://bucket/prefix");
}

/** Opens the store behind `file:///path` or `s3://bucket/prefix`. Throws CONFIG_INVALID, or what the store throws. */
export async function openStore(url: string, random: Random, clock: Clock): Promise<ObjectStore> {
  const parsed = parseStoreUrl(url);
  if (parsed.kind === "s3") return S3Store.open(parsed.place, clock);
  return FileStore.open(parsed.path, random, clock.wallMs());
}

/** What a store was seen to do. */
export interface StoreProof {
  /** Two creators of one name are told apart. Without it only one server may write here, and somebody must say so. */
  readonly exclusiveCreate: boolean;
}

/**
 * Writes a small object, tries to replace it, reads it back, finds it in a listing and removes it. A wrong key, bucket or permission shows
 * here, before anything rests on the store. Throws STORE_REFUSED or STORE_UNAVAILABLE.
 */
export async function proveStore(store: ObjectStore, random: Random, nowMs: number): Promise<StoreProof> {
  const name = probeName(nowMs, Buffer.from(random.bytes(12)).toString("hex"));
  const first = random.bytes(PROBE_BYTES);
  const broken = (what: string): EmberlogError => new EmberlogError("STORE_REFUSED", `${store.place} ${what}`);
  if ((await store.create(name, first)) !== "created") throw broken("says that a new name is taken");
  try {
    const exclusiveCreate = (await store.create(name, random.bytes(PROBE_BYTES))) === "exists";
    const there = await store.read(name);
    if (exclusiveCreate && Buffer.compare(there, first) !== 0) throw broken("gives back other bytes than it was given");
    let listed = false;
    for await (const entry of store.list(PROBES)) listed ||= entry.name === name;
    if (!listed) throw broken("does not list an object that it holds");
    return { exclusiveCreate };
  } finally {
    await removeUnlessLocked(store, name);
  }
}
