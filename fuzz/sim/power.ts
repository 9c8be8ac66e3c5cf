/** The power fails: what is left of a simulated disk, the dice decide. */
import { type Random, uniform } from "../../src/base/random.ts";
import type { MemoryDisk } from "../../src/disk/memory_disk.ts";
import type { Counts } from "./counts.ts";

export function cutPower(disk: MemoryDisk, random: Random, sectorBytes: 512 | 4096, counts: Counts): void {
  const dice = uniform(random, 8);
  if (dice < 2) {
    disk.crash(dice === 0 ? "power" : "names");
    counts.add(dice === 0 ? "power cuts: nothing unsynced kept" : "power cuts: only names kept");
    return;
  }
  counts.add(`power cuts: by sectors of ${sectorBytes}`);
  disk.cutPower(
    { random, sectorBytes, old: disk.oldBytes(random), count: (outcome) => counts.add(`sectors: ${outcome}`) },
    (fate) => counts.add(`names: ${fate.slice(5)}`),
  );
}
