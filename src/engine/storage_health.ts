/** What is wrong with the storage now, since when, and what was wrong last: for INFO, kept because an operator looks later than it happens. */
import type { Trouble, TroubleState } from "./trouble.ts";

export class StorageHealth {
  trouble: Trouble | undefined;
  /** When the present state began, wall clock, ms. */
  sinceMs: number;
  /** Of the last trouble that refused writes; empty: there has been none since the start. */
  lastError = "";
  lastErrorMs = 0;

  constructor(nowMs: number) {
    this.sinceMs = nowMs;
  }

  get state(): TroubleState | "ok" {
    return this.trouble?.state ?? "ok";
  }

  update(trouble: Trouble | undefined, nowMs: number): void {
    if (trouble?.state !== this.trouble?.state) {
      this.sinceMs = nowMs;
      if (trouble?.refusesWrites === true) this.lastErrorMs = nowMs;
    }
    if (trouble?.refusesWrites === true) this.lastError = trouble.error;
    this.trouble = trouble;
  }
}
