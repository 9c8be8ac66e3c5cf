/** What the commands about backups have in common: the store behind a URL, the files of identities, and how mistakes are told. */
import type { Identities } from "../backup/age_header.ts";
import { readClaims } from "../backup/claims.ts";
import { type History, historyOf, readHistory } from "../backup/history.ts";
import { readIdentities as readIdentityFile } from "../backup/identity_file.ts";
import type { ObjectStore } from "../backup/object_store.ts";
import { openStore } from "../backup/open_store.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { systemRandom } from "../base/random.ts";
import type { Disk } from "../disk/disk.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import type { Manifest } from "../manifest/format.ts";
import { readManifest } from "../manifest/store.ts";
import { crc32c } from "../platform/checksum.ts";

export function openBackupStore(url: string): Promise<ObjectStore> {
  return openStore(url, systemRandom(), systemClock);
}

/** null where no file is given. Throws CONFIG_INVALID. */
export function readIdentities(file: string | undefined): Promise<Identities | null> {
  return readIdentityFile(new NodeDisk(), file ?? null);
}

/** Runs a command; what is wrong in the world is one line, and exit code 2. */
export async function withErrors(
  json: boolean,
  out: (text: string) => void,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError)) throw thrown;
    const { code, message, file, offset } = thrown;
    out(json ? `${JSON.stringify({ error: code, message, file, offset })}\n` : `${message}\n`);
    return 2;
  }
}

/** 12,345,678 bytes as 11.8 MiB. */
export function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Milliseconds since 1970 as 2026-11-21T10:00:00.250Z. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

/** 93 784 000 ms as 1 d 2 h; the two largest units. */
export function ageText(ms: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1000],
  ] as const;
  let left = Math.max(0, ms);
  const words: string[] = [];
  for (const [unit, unitMs] of units) {
    const count = Math.floor(left / unitMs);
    left -= count * unitMs;
    if (count > 0 || (words.length === 0 && unit === "s")) words.push(`${count} ${unit}`);
    if (words.length === 2) break;
  }
  return words.join(" ");
}

/**
 * The history of the newest claim, or of the claim that `--claim` names: how another server's data, or a line that nobody went on from, is reached. Throws
 * CONFIG_INVALID, DATA_MISSING.
 */
export async function historyFor(store: ObjectStore, claim: string | undefined): Promise<History> {
  if (claim === undefined) return readHistory(store);
  const number = claimNumber(claim);
  const claims = await readClaims(store);
  if (claims.some((each) => each.claim === number)) return historyOf(store, claims, number);
  throw new EmberlogError(
    "DATA_MISSING",
    `there is no claim ${number} in ${store.place}: emberlog backup list tells them`,
  );
}

/** Throws CONFIG_INVALID. */
export function claimNumber(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new EmberlogError("CONFIG_INVALID", `not a claim's number: ${text}`);
  return Number(text);
}

const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/i;

/**
 * A moment, not to be mistaken for another one: with its zone, since who restores may sit elsewhere than who has seen it go wrong; a day alone begins at midnight
 * UTC. A number is none. Throws CONFIG_INVALID.
 */
export function parseTime(text: string): number {
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new EmberlogError(
      "CONFIG_INVALID",
      `not a time: ${text} (2026-11-21T10:00:00.250Z is one, 2026-11-21T11:00+01:00 another)`,
    );
  return ms;
}

/** What a data directory says of itself. Throws DATA_MISSING, DATA_ROTTEN. */
export function manifestOf(disk: Disk, directory: string): Manifest {
  const read = readManifest(disk, directory, crc32c);
  if (read.kind === "sound") return read.manifest;
  if (read.kind === "missing") {
    throw new EmberlogError("DATA_MISSING", `${directory} has no manifest: it is no data directory`, {
      file: directory,
    });
  }
  throw new EmberlogError(
    "DATA_ROTTEN",
    `the manifest of ${directory} can't be used as it is. To go on: emberlog check ${directory}`,
    { file: directory },
  );
}
