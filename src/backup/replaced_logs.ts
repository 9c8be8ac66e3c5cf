/**
 * Logs that an image has taken the place of (manifest/unshipped.ts), on their way into a store: the oldest first, each under a claim of its own, so that every claim
 * goes on from the one before. One whose successor has claimed the store is there as far as it could be had.
 */
import type { Disk } from "../disk/disk.ts";
import { hex } from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import type { Manifest } from "../manifest/format.ts";
import { readUnshipped, type UnshippedLog } from "../manifest/unshipped.ts";
import { readClaims } from "./claims.ts";
import type { ObjectStore } from "./object_store.ts";
import { type ShipOptions, Shipper } from "./ship.ts";

/**
 * The logs kept in a data directory that `manifest` has taken the place of, the oldest first. One of its own epoch has not been replaced yet, or
 * nobody has told who ships: without it nothing would say any more what the log behind it goes on from.
 */
export function replacedLogs(disk: Disk, directory: string, crc32c: Crc32c, { epoch }: Manifest): UnshippedLog[] {
  const own = hex(epoch);
  return readUnshipped(disk, directory, crc32c).filter(({ manifest }) => hex(manifest.epoch) !== own);
}

/** Which of `logs`, the oldest first, have no successor in the store yet; `manifest` is that of the log behind them. */
export async function unclaimedLogs(
  store: ObjectStore,
  logs: readonly UnshippedLog[],
  manifest: Manifest,
): Promise<readonly UnshippedLog[]> {
  if (logs.length === 0) return logs;
  const claimed = new Set((await readClaims(store)).map(({ epoch }) => epoch));
  const begun = [...logs.map((log) => log.manifest), manifest].findLastIndex((each) =>
    epochsOf(each).some((epoch) => claimed.has(epoch)),
  );
  return logs.slice(Math.max(0, begun));
}

function epochsOf({ epoch, segments }: Manifest): string[] {
  return [epoch, ...segments.map((segment) => segment.epoch)].map((each) => hex(each));
}

/** For a directory that somebody else may be using: brings such logs along and leaves their files. Throws what `Shipper.begin` throws. */
export async function beginWithReplaced(options: ShipOptions, manifest: Manifest, nowMs: number): Promise<Shipper> {
  const { store, disk, directory, crc32c } = options;
  let before: Shipper | undefined;
  for (const log of await unclaimedLogs(store, replacedLogs(disk, directory, crc32c, manifest), manifest)) {
    before = await Shipper.begin(options, log.manifest, nowMs, before);
    await before.shipRest(log.manifest);
  }
  return Shipper.begin(options, manifest, nowMs, before);
}
