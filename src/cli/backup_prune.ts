/**
 * `emberlog backup prune --from URL --keep "7d daily 14 weekly 8 monthly 12" (--dir DIR | --claim N) [--dry-run] [--strangers] [--json]`: removes what
 * the retention no longer keeps.
 *
 * Only the owner removes anything: `--dir` is the data directory whose backup this is; where it is gone, `--claim` says which claim is meant to be the newest
 * (`backup status` tells it), and if it is not, nothing happens.
 *
 * Exit codes: 0 done; 1 done, but the store did not let some objects go; 2 it failed, or somebody else owns the backup.
 */
import { readClaims } from "../backup/claims.ts";
import type { ObjectStore } from "../backup/object_store.ts";
import { type PruneReport, prune } from "../backup/prune.ts";
import { parseRetention } from "../backup/retention.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { hex } from "../disk/file_names.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { crc32c } from "../platform/checksum.ts";
import { claimNumber, manifestOf, openBackupStore, sizeText, timeText, withErrors } from "./backup_options.ts";

export interface BackupPruneOptions {
  readonly from: string;
  readonly keep: string;
  readonly dir?: string;
  readonly claim?: string;
  readonly dryRun?: boolean;
  readonly strangers?: boolean;
  readonly json?: boolean;
}

export function backupPrune(options: BackupPruneOptions, out: (text: string) => void): Promise<number> {
  const { from, keep, dryRun = false, strangers = false, json = false } = options;
  return withErrors(json, out, async () => {
    const retention = parseRetention(keep);
    const store = await openBackupStore(from);
    try {
      const claim = await claimOf(options, store);
      const nowMs = systemClock.wallMs();
      const report = await prune({ store, crc32c, retention, claim, nowMs, dryRun, strangers });
      if (json) out(`${JSON.stringify({ place: store.place, dryRun, claim, ...report })}\n`);
      else out(pruneText(report, dryRun));
      return report.locked.length > 0 ? 1 : 0;
    } finally {
      store.close();
    }
  });
}

async function claimOf({ dir, claim }: BackupPruneOptions, store: ObjectStore): Promise<number> {
  if ((dir === undefined) === (claim === undefined)) {
    throw new EmberlogError("CONFIG_INVALID", "one of --dir DIRECTORY and --claim NUMBER says whose backup it is");
  }
  if (claim !== undefined) return claimNumber(claim);
  const manifest = manifestOf(new NodeDisk(), dir!);
  const newest = (await readClaims(store)).at(-1);
  if (newest === undefined) throw new EmberlogError("DATA_MISSING", `${store.place} holds no backup`);
  const epochs = [manifest.epoch, ...manifest.segments.map(({ epoch }) => epoch)].map((epoch) => hex(epoch));
  if (epochs.includes(newest.epoch)) return newest.claim;
  throw new EmberlogError(
    "STORE_FENCED",
    `the newest claim in ${store.place} (${newest.claim}) is of another epoch than ${dir}: only the owner of a backup prunes it`,
  );
}

function pruneText(
  { removed, bytes, windowFirst, points, locked, lockedUntilMs, unreadable, strangers }: PruneReport,
  dryRun: boolean,
): string {
  const lines = [`${dryRun ? "would go " : "removed  "}  ${removed} objects, ${sizeText(bytes)}`];
  lines.push(`kept       each command from ${windowFirst} on, as far as it is there`);
  for (const { sequence, ms } of points) lines.push(`kept       command ${sequence}, ${timeText(ms)}`);
  for (const name of locked) lines.push(`locked     ${name}: the store does not let it go`);
  if (locked.length > 0) {
    const end = lockedUntilMs === 0 ? "" : `; the last lock ends ${timeText(lockedUntilMs)}`;
    lines.push(`locked     ${locked.length} objects stay${end}. A later prune removes them`);
  }
  for (const name of unreadable) lines.push(`unreadable ${name}: it stays, and so do all images`);
  if (strangers > 0)
    lines.push(`strangers  ${strangers} objects of no history of this claim (--strangers removes old ones)`);
  return `${lines.join("\n")}\n`;
}
