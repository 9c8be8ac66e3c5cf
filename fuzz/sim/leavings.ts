/**
 * What a start must leave on the disk besides the data: a copy of all that it cut, for good; a new epoch when it cut (D17); and the
 * directory taken, so that a second server is refused (D15).
 */
import { EmberlogError } from "../../src/base/errors.ts";
import type { MemoryDisk } from "../../src/disk/memory_disk.ts";
import type { RecoveryReport } from "../../src/engine/recovery.ts";
import { SIM_DIRECTORY } from "./server.ts";

export class Leavings {
  /** Copies by path, and their bytes. */
  private readonly copies = new Map<string, string>();
  private epoch = "";

  /** What is wrong with what the last start and those before it have left; "" when nothing is. */
  check(disk: MemoryDisk, report: RecoveryReport): string {
    const { decision, epoch, newEpoch, setAside } = report;
    const mustChange = decision !== "open";
    // A start that died on the way may have cut, and changed the epoch, before this one found everything whole.
    if (newEpoch !== mustChange || (mustChange && epoch === this.epoch)) {
      return `a start that decided to ${decision} went on in ${epoch === this.epoch ? "the same" : "another"} epoch`;
    }
    this.epoch = epoch;
    if (decision === "cut" && setAside.length === 0) return "a start has cut and kept no copy";
    for (const { copy, bytes } of setAside) {
      const path = `${SIM_DIRECTORY}/${copy}`;
      if (disk.status(path)?.size !== bytes) return `the copy ${copy} of what was cut does not have its ${bytes} bytes`;
      this.copies.set(path, text(disk, path));
    }
    for (const [path, before] of this.copies) {
      if (disk.status(path) === undefined) return `the copy ${path} of what was cut is gone`;
      if (text(disk, path) !== before) return `the copy ${path} of what was cut has changed`;
    }
    return "";
  }

  /** A second server on the same directory; `open` throws what its start throws. */
  secondServer(open: () => void): string {
    try {
      open();
    } catch (thrown) {
      if (thrown instanceof EmberlogError && thrown.code === "DIRECTORY_LOCKED") return "";
      throw thrown;
    }
    return "a second server was let into the directory";
  }
}

function text(disk: MemoryDisk, path: string): string {
  return Buffer.from(disk.contents(path)).toString("latin1");
}
