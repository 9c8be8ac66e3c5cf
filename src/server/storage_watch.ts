/** Tells the server's log what is wrong with the disk, how to go on, and when it is over: once each. */
import type { Storage } from "../engine/storage.ts";
import type { Trouble, TroubleState } from "../engine/trouble.ts";
import type { Logger } from "./logger.ts";

export class StorageWatch {
  private readonly logger: Logger;
  private told: Trouble | undefined;
  /** Free bytes when the disk was last said to be low. */
  private toldFreeBytes = 0;

  constructor(logger: Logger) {
    this.logger = logger;
  }

  /** Looks at what the storage has found out in its last `tick`; undefined: there is none any more. */
  look(storage: Storage | undefined): void {
    const trouble = storage?.health.trouble;
    const { told } = this;
    this.told = trouble;
    if (trouble === undefined) {
      if (told !== undefined && storage !== undefined) this.logger.notice(OVER[told.state]);
      return;
    }
    const freeBytes = storage?.space.freeBytes ?? 0;
    // A disk that is low for days is told of again when half of the rest is gone.
    const lower = trouble.state === "disk-low" && freeBytes < this.toldFreeBytes / 2;
    if (trouble.state === told?.state && !lower) return;
    this.toldFreeBytes = freeBytes;
    if (told?.refusesWrites === true && !trouble.refusesWrites) this.logger.notice(OVER[told.state]);
    const consequence = trouble.refusesWrites ? ": writes are refused, reads go on" : "";
    this.logger.warning(`${trouble.error}${consequence}. To go on: ${trouble.remedy}`);
  }
}

const AGAIN = "the log takes writes again";
const OVER: Readonly<Record<TroubleState, string>> = {
  "disk-low": "The disk has enough free space again",
  "disk-stop": `The disk has space again: ${AGAIN}`,
  "disk-full": `The disk has space again: ${AGAIN}`,
  "read-only": `The file system can be written again: ${AGAIN}`,
  "write-failed": `Writing works again: ${AGAIN}`,
  "sync-failed": `The log has begun anew: ${AGAIN}`,
  "directory-gone": `The directory is there again: ${AGAIN}`,
};
