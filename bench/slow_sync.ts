/** Slows the syncs of a server that is started with the environment given here, and counts them: see slow_sync.c. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled } from "./programs.ts";

export interface SlowSync {
  /** What the server's environment needs. */
  readonly env: Readonly<Record<string, string>>;
  /** Syncs begun so far. */
  syncs(): number;
  dispose(): void;
}

let library: string | undefined;

/** Can the library be compiled here? Prints the reason when not. */
export function slowSyncAvailable(): boolean {
  library ??= compiled("slow_sync", true);
  return library !== undefined;
}

/** Each sync waits for `ms` first; 0 only counts them. */
export function slowSync(ms: number): SlowSync {
  if (!slowSyncAvailable()) throw new Error("slowing syncs needs a C compiler");
  const folder = mkdtempSync(join(tmpdir(), "emberlog-slow-sync-"));
  const count = join(folder, "count");
  writeFileSync(count, Buffer.alloc(8));
  return {
    env: { LD_PRELOAD: library!, EMBERLOG_SLOW_SYNC_MS: String(ms), EMBERLOG_SLOW_SYNC_COUNT: count },
    syncs: () => Number(readFileSync(count).readBigUInt64LE()),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}
