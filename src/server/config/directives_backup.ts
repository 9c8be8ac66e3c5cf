/** Directives of backups, all Emberlog's own: where to, for whom, how often. What names the place or who reads it is said at the start only. */
import {
  cronTimes,
  imageSchedule,
  lagLimit,
  recipients,
  restoreSource,
  retention,
  shippingRate,
  storeUrl,
} from "./backup_values.ts";
import { honoured, START } from "./directive.ts";
import { text, yesNo } from "./values.ts";

export const backupDirectives = [
  honoured("backup-target", storeUrl, "", START),
  honoured("backup-recipient", recipients, "", START),
  honoured("backup-unencrypted", yesNo, "no", START),
  honoured("backup-identity", text(), "", START),
  honoured("backup-single-writer", yesNo, "no", START),
  honoured("backup-interval", shippingRate, "10 8388608"),
  honoured("backup-schedule", imageSchedule, "delta 0 * * * * full 0 3 * * *"),
  honoured("backup-verify", cronTimes, ""),
  honoured("backup-drill", cronTimes, ""),
  honoured("backup-retention", retention, ""),
  honoured("backup-lag-max", lagLimit, ""),
  honoured("restore-on-empty", restoreSource, "", START),
];
