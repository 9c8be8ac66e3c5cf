/**
 * `emberlog backup status --from URL [--dir DIR]`: who writes there, how far it reaches and how old that is, what it takes; with a data
 * directory also what of it is not there yet. With `--dir` alone the catalogue in that directory is asked instead of the store, and how old it is is told.
 *
 * Exit codes: 0 there is a backup without holes; 1 there is none, or it has holes; 2 the store can't be read.
 */
import { recentEvents } from "../backup/catalogue_keeper.ts";
import { CHECK_KINDS } from "../backup/checks.ts";
import { type BackupStatus, readStatus } from "../backup/status.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { hex } from "../disk/file_names.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { ageText, manifestOf, openBackupStore, sizeText, timeText, withErrors } from "./backup_options.ts";
import { catalogueText, openCatalogue, readingCatalogue } from "./catalogue_options.ts";

export interface BackupStatusOptions {
  readonly from?: string;
  readonly dir?: string;
  readonly json?: boolean;
}

export function backupStatus(options: BackupStatusOptions, out: (text: string) => void): Promise<number> {
  const { from, dir, json = false } = options;
  return withErrors(json, out, async () => {
    if (from === undefined && dir !== undefined) return statusByCatalogue(dir, json, out);
    if (from === undefined)
      throw new EmberlogError("CONFIG_INVALID", "--from URL or --dir DIRECTORY says where to look");
    const store = await openBackupStore(from);
    try {
      const status = await readStatus(store);
      const behind = dir === undefined ? undefined : behindOf(dir, status);
      const nowMs = systemClock.wallMs();
      const code = status.restorable === null || status.gaps.length > 0 ? 1 : 0;
      if (json) out(`${JSON.stringify({ place: store.place, ok: code === 0, ...status, directory: behind })}\n`);
      else out(statusText(store.place, status, behind, nowMs));
      return code;
    } finally {
      store.close();
    }
  });
}

/** Errors, verifications and drills that are told, and uploads. */
const RECENT = 10;

function statusByCatalogue(directory: string, json: boolean, out: (text: string) => void): Promise<number> {
  return readingCatalogue(directory, async () => {
    const opened = openCatalogue(directory);
    const { catalogue, store, writtenMs, listedMs } = opened;
    try {
      const status = await readStatus(store);
      const behind = behindOf(directory, status);
      const code = status.restorable === null || status.gaps.length > 0 ? 1 : 0;
      const recent = recentEvents(catalogue, RECENT);
      if (json) {
        const told = {
          writtenMs,
          listedMs,
          recent,
          errors: catalogue.errors(RECENT),
          uploads: catalogue.uploads(RECENT),
        };
        out(
          `${JSON.stringify({ place: store.place, ok: code === 0, ...status, directory: behind, catalogue: told })}\n`,
        );
        return code;
      }
      out(`${catalogueText(directory, opened)}\n${statusText(store.place, status, behind, systemClock.wallMs())}`);
      for (const { ms, text } of recent) out(`recent     ${timeText(ms)}  ${text}\n`);
      return code;
    } finally {
      store.close();
    }
  });
}

interface Behind {
  readonly directory: string;
  /** The store's history is of this directory's epoch. */
  readonly sameEpoch: boolean;
  /** Sealed segments, and images, that are not in the store yet. */
  readonly segments: number;
  readonly images: number;
  /** The newest segment is being written: it follows when it is full, or the server ships it. */
  readonly open: boolean;
}

function behindOf(directory: string, status: BackupStatus): Behind {
  const manifest = manifestOf(new NodeDisk(), directory);
  const last = status.restorable?.last ?? 0;
  return {
    directory,
    sameEpoch: status.claim?.epoch === hex(manifest.epoch),
    segments: manifest.segments.filter(({ sealed }) => sealed !== null && sealed.lastSequence > last).length,
    images: manifest.images.filter(({ sequence }) => sequence > (status.image?.sequence ?? -1)).length,
    open: manifest.segments.at(-1)?.sealed === null,
  };
}

function statusText(place: string, status: BackupStatus, behind: Behind | undefined, nowMs: number): string {
  const { claim, segments, images, image, restorable, gaps } = status;
  const lines = [`store      ${place}`];
  if (claim === null) lines.push("writer     none: nothing was ever stored there");
  else lines.push(`writer     claim ${claim.claim} of ${timeText(claim.madeMs)}, epoch ${claim.epoch}`);
  lines.push(
    `holds      ${segments.objects} segments, ${sizeText(segments.bytes)}; ${images.objects} images, ${sizeText(images.bytes)}`,
  );
  if (image !== null) lines.push(`image      of command ${image.sequence}, ${ageText(nowMs - image.lastMs)} old`);
  if (restorable === null) lines.push("restore    nothing can be restored");
  else {
    const { first, last, lastMs } = restorable;
    lines.push(
      `restore    commands ${first} to ${last}, the last of ${timeText(lastMs)}, ${ageText(nowMs - lastMs)} ago`,
    );
  }
  for (const kind of CHECK_KINDS) {
    const check = status.checks[kind];
    const found =
      check === undefined
        ? "never"
        : `${check.ok ? "all well" : "WRONG"} ${ageText(nowMs - check.ms)} ago: ${check.text}`;
    lines.push(`${kind.padEnd(10)} ${found}`);
  }
  for (const { after, before } of gaps) lines.push(`gap        no commands between ${after} and ${before}`);
  if (behind !== undefined) lines.push(behindText(behind));
  return `${lines.join("\n")}\n`;
}

function behindText({ directory, sameEpoch, segments, images, open }: Behind): string {
  if (!sameEpoch) return `directory  ${directory} is of another epoch than the newest claim`;
  const what =
    segments + images === 0
      ? "all sealed files are there"
      : `${segments} segments and ${images} images are not there yet`;
  return `directory  ${directory}: ${what}${open ? "; what the newest segment holds follows when it is full" : ""}`;
}
