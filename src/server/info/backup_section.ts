/** INFO backup: where the backup lies, how far behind it is, what went wrong. No secrets: a target never has any. Times are seconds since 1970. */
import { hex } from "../../disk/file_names.ts";
import type { Server } from "../server.ts";
import { yesNo } from "./format.ts";
import type { Field } from "./sections.ts";

export function backupSection({ server }: { readonly server: Server }): Field[] {
  const { backups, storage, config } = server;
  const { shipping, care } = backups;
  if (shipping === undefined) return [["backup_enabled", "no"]];
  const { statistics } = shipping;
  return [
    ["backup_enabled", "yes"],
    ["backup_state", shipping.state],
    ["backup_target", shipping.place],
    ["backup_encrypted", yesNo(config.text("backup-recipient") !== "")],
    ["backup_claim", shipping.claim],
    ["backup_epoch", storage === undefined ? "" : hex(storage.listed.epoch)],
    ["backup_lag_seconds", (shipping.lagMs / 1000).toFixed(1)],
    ["backup_lag_bytes", backups.lagBytes],
    ["backup_shipped_sequence", shipping.shippedSequence],
    ["backup_shipped_time", seconds(shipping.positionMs)],
    ["backup_last_image_sequence", shipping.imageSequence],
    ["backup_last_image_time", seconds(shipping.imageMs)],
    ["backup_objects", statistics.objects],
    ["backup_bytes", statistics.bytes],
    ["backup_passes", statistics.passes],
    ["backup_last_pass_time", seconds(statistics.lastPassMs)],
    ["backup_last_pass_ms", Math.round(statistics.lastTookMs)],
    ["backup_errors", statistics.errors],
    ["backup_last_error", statistics.lastError.replaceAll(/[\r\n]+/g, " ")],
    ["backup_last_error_time", seconds(statistics.lastErrorMs)],
    ["backup_holes", statistics.holes],
    ["backup_last_verified_time", seconds(care?.last.verify?.ms ?? 0)],
    ["backup_last_verified_status", care?.last.verify?.status ?? "none"],
    ["backup_last_drill_time", seconds(care?.last.drill?.ms ?? 0)],
    ["backup_last_drill_status", care?.last.drill?.status ?? "none"],
    ["backup_catalogue", shipping.catalogue?.library ?? "none"],
    ["backup_catalogue_time", seconds(shipping.catalogue?.listedMs ?? 0)],
  ];
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
