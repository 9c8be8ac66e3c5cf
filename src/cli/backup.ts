/**
 * `emberlog backup now DIR --to URL`, `backup list --from URL | --dir DIR`, `backup verify --from URL`. A list of a directory is what the catalogue in it tells.
 *
 * `now` brings the sealed segments and images of a data directory into a store, also while a server runs on it: it reads files that never
 * change. What the store has already is not sent again. A remote store gets encrypted objects only, unless `--unencrypted` is said.
 *
 * Exit codes: 0 done, and all is well; 1 `verify` found damage; 2 it failed.
 */
import { Recipients } from "../backup/age_header.ts";
import { recordCheck } from "../backup/checks.ts";
import { type Claim, readClaims } from "../backup/claims.ts";
import { reaches } from "../backup/history.ts";
import type { ObjectStore } from "../backup/object_store.ts";
import { isRemote, proveStore } from "../backup/open_store.ts";
import { provenTarget } from "../backup/proven_target.ts";
import { beginWithReplaced } from "../backup/replaced_logs.ts";
import type { ShipReport } from "../backup/ship.ts";
import { verifyBackup } from "../backup/verify.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { systemRandom } from "../base/random.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { crc32c } from "../platform/checksum.ts";
import {
  historyFor,
  manifestOf,
  openBackupStore,
  readIdentities,
  sizeText,
  timeText,
  withErrors,
} from "./backup_options.ts";
import { catalogueText, type OpenCatalogue, openCatalogue, readingCatalogue } from "./catalogue_options.ts";
import { Progress, type Terminal } from "./progress.ts";

export interface BackupNowOptions {
  readonly to: string;
  readonly recipient?: readonly string[];
  readonly unencrypted?: boolean;
  readonly singleWriter?: boolean;
  readonly json?: boolean;
}

type Out = (text: string) => void;

export function backupNow(
  directory: string,
  options: BackupNowOptions,
  keys: Keys,
  out: Out,
  terminal: Terminal,
): Promise<number> {
  const json = options.json === true;
  return withErrors(json, out, async () => {
    const recipients = await recipientsFor(options);
    const disk = new NodeDisk();
    const manifest = manifestOf(disk, directory);
    if (manifest.state !== "complete") {
      throw new EmberlogError("DATA_MISSING", `the log of ${directory} is not complete yet`, { file: directory });
    }
    if (provenTarget(disk, directory) === options.to && disk.holder(directory) !== undefined) {
      throw new EmberlogError(
        "STORE_REFUSED",
        `the server that runs on ${directory} ships there itself, and would be taken over: redis-cli BACKUP NOW`,
      );
    }
    const random = systemRandom();
    const store = await openBackupStore(options.to);
    try {
      const proof = await proveStore(store, random, systemClock.wallMs());
      if (!proof.exclusiveCreate && options.singleWriter !== true) {
        throw new EmberlogError(
          "STORE_REFUSED",
          `${store.place} lets one writer replace another's objects. If nothing else writes there: --single-writer`,
        );
      }
      const progress = new Progress("storing", json ? undefined : terminal);
      const stored = ({ bytes }: ShipReport): void => progress.showBytes(bytes, undefined);
      const shipping = { disk, directory, crc32c, keys, store, recipients, random, stored };
      const shipper = await beginWithReplaced(shipping, manifest, systemClock.wallMs());
      const report = await shipper.ship(manifest).finally(() => progress.end());
      const open = manifest.segments.at(-1)?.sealed === null;
      if (json)
        out(`${JSON.stringify({ ...report, claim: shipper.claim.claim, place: store.place, openSegment: open })}\n`);
      else {
        out(`stored ${report.objects} objects, ${sizeText(report.bytes)}, in ${store.place}\n`);
        out(`every command up to ${report.shippedSequence} can be restored from there\n`);
        if (open) out("what the newest segment holds follows when it is full or the server has stopped\n");
      }
      return 0;
    } finally {
      store.close();
    }
  });
}

async function recipientsFor({
  to,
  recipient = [],
  unencrypted = false,
}: BackupNowOptions): Promise<Recipients | null> {
  if (recipient.length > 0 && unencrypted)
    throw new EmberlogError("CONFIG_INVALID", "--recipient and --unencrypted contradict each other");
  if (recipient.length > 0) return Recipients.parse(recipient);
  if (isRemote(to) && !unencrypted) {
    throw new EmberlogError(
      "CONFIG_INVALID",
      "a backup that leaves this machine is encrypted: give --recipient age1… (`emberlog backup identity FILE` or age-keygen makes one), or say --unencrypted",
    );
  }
  return null;
}

export interface BackupListOptions {
  readonly from?: string;
  readonly dir?: string;
  readonly claim?: string;
  readonly json?: boolean;
}

export function backupList({ from, dir, claim, json = false }: BackupListOptions, out: Out): Promise<number> {
  return withErrors(json, out, async () => {
    if ((from === undefined) === (dir === undefined))
      throw new EmberlogError("CONFIG_INVALID", "one of --from URL and --dir DIRECTORY says where to look");
    if (from !== undefined) return listOf(await openBackupStore(from), claim, undefined, json, out);
    return readingCatalogue(dir!, () => {
      const catalogue = openCatalogue(dir!);
      return listOf(catalogue.store, claim, { directory: dir!, ...catalogue }, json, out);
    });
  });
}

type Catalogued = OpenCatalogue & { readonly directory: string };

async function listOf(
  store: ObjectStore,
  claim: string | undefined,
  catalogue: Catalogued | undefined,
  json: boolean,
  out: Out,
): Promise<number> {
  try {
    const history = await historyFor(store, claim);
    const ranges = reaches(history);
    const bytes = history.segments.reduce((sum, { size }) => sum + size, 0);
    const claims = await readClaims(store);
    if (json) {
      out(
        `${JSON.stringify({ place: store.place, claims, segments: history.segments.flatMap(({ pieces }) => pieces.map(({ name, size, object }) => ({ name, size, ...object }))), generations: history.generations.map(({ name, object }) => ({ name, ...object })), catalogue: catalogue && { writtenMs: catalogue.writtenMs, listedMs: catalogue.listedMs }, ranges: ranges.map(({ first, last, generation }) => ({ first, last, image: generation?.name ?? null })) })}\n`,
      );
      return 0;
    }
    if (catalogue !== undefined) out(`${catalogueText(catalogue.directory, catalogue)}\n`);
    out(
      `${store.place}: ${history.segments.length} segments, ${sizeText(bytes)}, ${history.generations.length} images, ${claims.length} claims\n`,
    );
    for (const each of claims) out(claimText(each));
    for (const { name, size, object } of history.segments.flatMap(({ pieces }) => pieces)) {
      out(
        `segment  ${object.firstSequence} … ${object.lastSequence}  until ${timeText(object.lastMs)}  ${sizeText(size)}  ${name}\n`,
      );
    }
    for (const { name, object } of history.generations)
      out(`image    ${object.sequence}  of ${timeText(object.lastMs)}  ${name}\n`);
    if (ranges.length === 0) out("nothing can be restored\n");
    for (const { first, last, generation } of ranges) {
      out(
        `restore  each command from ${first} to ${last}, from ${generation === null ? "the beginning of the log" : "an image"}\n`,
      );
    }
    return 0;
  } finally {
    store.close();
  }
}

function claimText({ claim, madeMs, epoch, from }: Claim): string {
  const origin = from === null ? "begins anew" : `goes on from claim ${from.claim}, command ${from.sequence}`;
  return `claim    ${claim}  of ${timeText(madeMs)}  ${origin}  epoch ${epoch}\n`;
}

export interface BackupVerifyOptions {
  readonly from: string;
  readonly identity?: string;
  readonly record: boolean;
  readonly json?: boolean;
}

export function backupVerify(options: BackupVerifyOptions, out: Out, terminal: Terminal): Promise<number> {
  const { from, identity, record, json = false } = options;
  return withErrors(json, out, async () => {
    const identities = await readIdentities(identity);
    const store = await openBackupStore(from);
    try {
      const beganUs = systemClock.monotonicUs();
      const progress = new Progress("verifying", json ? undefined : terminal);
      let looked = 0;
      let total = 0;
      const show = (bytes: number): void => {
        looked += bytes;
        progress.showBytes(looked, total);
      };
      const begun = (bytes: number): void => {
        total = bytes;
      };
      const verified = verifyBackup({ store, identities, progress: show }, crc32c, begun);
      const report = await verified.finally(() => progress.end());
      const ok = report.wrong.length === 0 && report.gaps.length === 0;
      const how = report.opened ? "contents opened" : "as stored";
      const text = `${report.objects} objects, ${sizeText(report.bytes)}, ${how}`;
      const refused = record
        ? await recordCheck(store, systemRandom(), {
            kind: "verify",
            ok,
            ms: systemClock.wallMs(),
            tookMs: Math.round((systemClock.monotonicUs() - beganUs) / 1000),
            first: report.firstSequence,
            sequence: report.lastSequence,
            text,
            digests: [],
          })
        : null;
      if (json) out(`${JSON.stringify({ place: store.place, ok, ...report, recorded: record && refused === null })}\n`);
      else {
        for (const line of report.wrong) out(`damaged  ${line}\n`);
        for (const { after, before } of report.gaps) out(`gap      no commands between ${after} and ${before}\n`);
        if (refused !== null) out(`unrecorded ${refused}\n`);
        out(
          `${ok ? "sound" : "DAMAGED"}    ${text}${report.opened ? "" : "; give --identity FILE to open the contents too"}\n`,
        );
      }
      return ok ? 0 : 1;
    } finally {
      store.close();
    }
  });
}
