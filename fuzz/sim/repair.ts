/** `emberlog repair --apply` on a simulated disk. */
import type { Random } from "../../src/base/random.ts";
import type { MemoryDisk } from "../../src/disk/memory_disk.ts";
import { applyRepair, planRepair } from "../../src/engine/repair.ts";
import { crc32c } from "../../src/platform/checksum.ts";
import { Violation } from "./crowd.ts";
import { SIM_DIRECTORY } from "./directory.ts";
import { type Schedule, type SimClock, SimLogIo } from "./world.ts";

/** Throws a Violation where there is nothing to repair. */
export async function repairDisk(disk: MemoryDisk, clock: SimClock, schedule: Schedule, random: Random): Promise<void> {
  const plan = planRepair(disk, SIM_DIRECTORY, crc32c);
  if (plan.kind !== "repair") throw new Violation(`a start refuses and there is nothing to repair: ${plan.why}`);
  const logIo = new SimLogIo(disk, schedule, 1);
  const options = { disk, directory: SIM_DIRECTORY, logIo, clock, random, crc32c, segmentBytesMax: 8192 };
  await applyRepair({ ...options, policy: "always" }, plan);
}
