/** A simulated server with one client and no faults: what makes the files whose bits are flipped. */
import type { Keys } from "../src/base/key_ring.ts";
import { seededRandom } from "../src/base/random.ts";
import { MemoryDisk } from "../src/disk/memory_disk.ts";
import { encode } from "./sim/requests.ts";
import { SimServer } from "./sim/server.ts";
import { Schedule, SimClock } from "./sim/world.ts";

export interface QuietServer {
  readonly disk: MemoryDisk;
  readonly clock: SimClock;
  readonly schedule: Schedule;
  readonly server: SimServer;
  /** One request in a turn of its own. */
  run(request: readonly string[]): void;
}

export function quietServer(seed: number, segmentBytesMax: number, keys: Keys): QuietServer {
  const clock = new SimClock();
  const schedule = new Schedule(clock, seededRandom(seed));
  const disk = new MemoryDisk(schedule.later);
  const server = new SimServer({
    disk,
    clock,
    schedule,
    seed: seed + 1,
    policy: "always",
    segmentBytesMax,
    keys,
    notify: "",
    listener: { received: () => {}, executed: () => {}, published: () => {} },
    images: undefined,
  });
  return {
    disk,
    clock,
    schedule,
    server,
    run: (request) => server.run([{ slot: 0, bytes: Uint8Array.from(Buffer.from(encode(request), "latin1")) }]),
  };
}
