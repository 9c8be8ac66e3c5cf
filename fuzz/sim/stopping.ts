/** How a simulated server stops, while its world goes on. */
import { DiskError } from "../../src/disk/disk.ts";
import type { Storage } from "../../src/engine/storage.ts";
import { Violation } from "./crowd.ts";
import type { SimServer } from "./server.ts";
import type { Schedule } from "./world.ts";

const ROUNDS_MAX = 10_000;

/** Closes the log: "stopped", "failed" by the disk, or "threw …". */
export async function closed(storage: Storage, schedule: Schedule): Promise<string> {
  let outcome = "";
  storage.close().then(
    () => (outcome = "stopped"),
    (thrown: unknown) => (outcome = thrown instanceof DiskError ? "failed" : `threw ${String(thrown)}`),
  );
  for (let rounds = 0; outcome === ""; rounds++) {
    if (rounds > ROUNDS_MAX) throw new Violation("a stop does not end");
    for (let i = 0; i < 4; i++) await Promise.resolve();
    if (outcome === "" && schedule.length > 0) schedule.runFirst();
    else if (outcome === "") await new Promise((resolve) => setImmediate(resolve));
  }
  return outcome;
}

/** SHUTDOWN SAVE: an image first, while the server's timer goes on, by `next`. */
export async function lastImage(server: SimServer, next: () => void): Promise<void> {
  const { saving } = server;
  if (saving === undefined) return;
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  const begin = (): void => {
    if (saving.begin("save", end) !== undefined) end();
  };
  void server.storage.images.cancel().then(begin);
  for (let rounds = 0; !ended && !server.ended; rounds++) {
    if (rounds > ROUNDS_MAX) throw new Violation("the image before a stop does not end");
    for (let i = 0; i < 4; i++) await Promise.resolve();
    if (!ended) next();
  }
}
