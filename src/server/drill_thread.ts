/** A drill beside the server that serves: started, answered once, or ended before. */
import type { Worker } from "node:worker_threads";
import { errorOf, type Failure } from "../backup/shipping_thread.ts";
import { EmberlogError } from "../base/errors.ts";
import { startWorker } from "../platform/worker.ts";
import type { DrillReport } from "./drill.ts";
import type { DrillTask } from "./drill_worker.ts";

const workerFile: URL = import.meta.url.endsWith(".ts")
  ? new URL("./drill_worker.ts", import.meta.url)
  : new URL("./drill_worker.mjs", import.meta.url);

export type DrillTold =
  | { readonly kind: "report"; readonly report: DrillReport }
  | { readonly kind: "failure"; readonly failure: Failure };

export class DrillThread {
  /** Rejects with what stood in the way; CLOSED where it was ended. */
  readonly report: Promise<DrillReport>;
  private readonly worker: Worker;

  constructor(task: DrillTask) {
    const worker = startWorker(workerFile, task);
    worker.unref();
    this.worker = worker;
    this.report = new Promise((resolve, reject) => {
      worker.on("message", (told: DrillTold) => {
        if (told.kind === "report") resolve(told.report);
        else reject(errorOf(told.failure));
      });
      worker.on("error", reject);
      worker.on("exit", () => reject(new EmberlogError("CLOSED", "the drill has ended before it was done")));
    });
  }

  end(): void {
    void this.worker.terminate();
  }
}
