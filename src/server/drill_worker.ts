/**
 * The worker thread of a drill on the server: it restores, loads and compares beside the one that serves, at the lowest priority, writes the result
 * down in the store and ends. The memory that the second copy of the data takes goes with it.
 */
import type { KeyObject } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { recordCheck } from "../backup/checks.ts";
import { readIdentities } from "../backup/identity_file.ts";
import { openStore } from "../backup/open_store.ts";
import { failureOf } from "../backup/shipping_thread.ts";
import { check } from "../base/check.ts";
import { systemClock } from "../base/clock.ts";
import { KeyRing, MasterKey } from "../base/key_ring.ts";
import { systemRandom } from "../base/random.ts";
import { datasetCommands } from "../command/commands.ts";
import { CommandTable } from "../command/table.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { Engine } from "../engine/engine.ts";
import { setThreadNice } from "../platform/thread_calls.ts";
import { type DrillReport, drill } from "./drill.ts";
import type { DrillTold } from "./drill_thread.ts";

export interface DrillTask {
  readonly url: string;
  readonly identityFile: string | null;
  /** Of encryption at rest, the newest first. */
  readonly keys: readonly KeyObject[];
  readonly databases: number;
}

const NICE = 19;

const port = parentPort;
check(port !== null, "this file is a worker");
setThreadNice(NICE);

async function run({ url, identityFile, keys, databases }: DrillTask): Promise<DrillReport> {
  const random = systemRandom();
  const identities = await readIdentities(new NodeDisk(), identityFile);
  const store = await openStore(url, random, systemClock);
  try {
    const beganUs = systemClock.monotonicUs();
    const table = new CommandTable(datasetCommands);
    const report = await drill({
      fetching: { store, identities },
      keys: new KeyRing(keys.map((key) => new MasterKey(key))),
      clock: systemClock,
      makeEngine: () => new Engine({ clock: systemClock, random, table, databases }),
    });
    const { ok, first, sequence, image, wrong } = report;
    await recordCheck(store, random, {
      kind: "drill",
      ok,
      ms: systemClock.wallMs(),
      tookMs: Math.round((systemClock.monotonicUs() - beganUs) / 1000),
      first,
      sequence,
      text: ok ? `restored, ${report.keys} keys` : wrong.join("; "),
      digests: image === null ? [] : [image],
    });
    return report;
  } finally {
    store.close();
  }
}

run(workerData as DrillTask).then(
  (report) => port.postMessage({ kind: "report", report } satisfies DrillTold),
  (thrown: unknown) => port.postMessage({ kind: "failure", failure: failureOf(thrown) } satisfies DrillTold),
);
