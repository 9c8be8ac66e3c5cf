/** Tells the server's log what is wrong with the disk, how to go on, and when it is over: once each. */
import type { Storage } from "../engine/storage.ts";
import type { Trouble, TroubleState } from "../engine/trouble.ts";
import type { Logger } from "./logger.ts";

export class StorageWatch {
  private readonly logger: Logger;
  private told: Trouble | undefined;
  /** Free bytes when the disk was last said to be low. */
  private toldFreeBytes = 0;
  private toldFailure = "";

  constructor(logger: Logger) {
    this.logger = logger;
  }

  /** Looks at what the storage has found out in its last `tick`; undefined: there is none any more. */
  look(storage: Storage | undefined): void {
    this.lookAtResumption(storage?.resumption);
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

  /** An image that was to take the place of a log whose sync failed: each reason is told once. // D9 */
  private lookAtResumption(resumption: Storage["resumption"] | undefined): void {
    const failure = resumption?.failure ?? "";
    if (failure === this.toldFailure) return;
    this.toldFailure = failure;
    if (failure === "") return;
    this.logger.warning(
      `No image could take the place of the log, and it is tried again at growing intervals: ${failure}`,
    );
  }
}

const AGAIN = "the log takes writes again";
const OVER: Readonly<Record<TroubleState, string>> = {
  "disk-low": "The disk has enough free space again",
  "disk-stop": `The disk has space again: ${AGAIN}`,
  "disk-full": `The disk has space again: ${AGAIN}`,
  "read-only": `The file system can be written again: ${AGAIN}`,
  "write-failed": `Writing works again: ${AGAIN}`,
  "sync-failed": `An image of memory is on the disk and the log has begun anew behind it: ${AGAIN}`,
  "directory-gone": `The directory is there again: ${AGAIN}`,
};
