/**
 * `emberlog backup drill --from URL [--identity FILE] [--scratch DIR] [--no-record] [--json]`: restores for real and looks at what comes out (server/drill.ts), and
 * writes the result down in the store, where `backup status` and the server's INFO find it.
 *
 * Exit codes: 0 it works; 1 it does not; 2 it could not be tried.
 */
import { recordCheck } from "../backup/checks.ts";
import { systemClock } from "../base/clock.ts";
import type { Keys } from "../base/key_ring.ts";
import { DATABASES_DEFAULT } from "../base/limits.ts";
import { systemRandom } from "../base/random.ts";
import { type DrillReport, drill } from "../server/drill.ts";
import { openBackupStore, readIdentities, sizeText, withErrors } from "./backup_options.ts";
import { plainEngine } from "./plain_engine.ts";
import { Progress, type Terminal } from "./progress.ts";

export interface BackupDrillOptions {
  readonly from: string;
  readonly identity?: string;
  readonly scratch?: string;
  readonly record: boolean;
  readonly json?: boolean;
}

export function backupDrill(
  options: BackupDrillOptions,
  keys: Keys,
  out: (text: string) => void,
  terminal: Terminal,
): Promise<number> {
  const { from, identity, scratch, json = false } = options;
  return withErrors(json, out, async () => {
    const identities = await readIdentities(identity);
    const store = await openBackupStore(from);
    try {
      const beganUs = systemClock.monotonicUs();
      const progress = new Progress("restoring", json ? undefined : terminal);
      let fetched = 0;
      const show = (bytes: number): void => {
        fetched += bytes;
        progress.showBytes(fetched, undefined);
      };
      const report = await drill({
        fetching: { store, identities, progress: show },
        keys,
        clock: systemClock,
        makeEngine: () => plainEngine(DATABASES_DEFAULT),
        ...(scratch === undefined ? {} : { scratch }),
      }).finally(() => progress.end());
      const tookMs = Math.round((systemClock.monotonicUs() - beganUs) / 1000);
      const { ok, first, sequence, image } = report;
      const refused = options.record
        ? await recordCheck(store, systemRandom(), {
            kind: "drill",
            ok,
            ms: systemClock.wallMs(),
            tookMs,
            first,
            sequence,
            text: ok ? `restored, ${report.keys} keys` : report.wrong.join("; "),
            digests: image === null ? [] : [image],
          })
        : null;
      if (json)
        out(
          `${JSON.stringify({ place: store.place, ...report, tookMs, onRecord: options.record && refused === null })}\n`,
        );
      else out(drillText(report, tookMs, refused));
      return ok ? 0 : 1;
    } finally {
      store.close();
    }
  });
}

function drillText(report: DrillReport, tookMs: number, refused: string | null): string {
  const { ok, sequence, keys, bytes, restoreMs, loadMs, image, recorded, compared, wrong } = report;
  const lines = wrong.map((line) => `wrong      ${line}`);
  if (image !== null) {
    const how = compared.length === 0 ? "nothing to compare it with yet" : `the same by ${compared.join(", by ")}`;
    lines.push(`image      command ${image.sequence}, digest ${image.digest}${wrong.length > 0 ? "" : `: ${how}`}`);
  }
  if (recorded !== null)
    lines.push(`frozen     ${recorded.keys} keys, digest of its memory ${recorded.digest}, recorded when it was taken`);
  else if (image !== null) lines.push("frozen     nothing was recorded when it was taken: an earlier Emberlog took it");
  lines.push(
    `restored   the state after command ${sequence}: ${keys} keys, ${sizeText(bytes)} of log, fetched in ${restoreMs} ms, loaded in ${loadMs} ms`,
  );
  if (refused !== null) lines.push(`unrecorded ${refused}`);
  lines.push(`${ok ? "works     " : "DOES NOT  "} ${(tookMs / 1000).toFixed(1)} s`);
  return `${lines.join("\n")}\n`;
}
