/**
 * Whether syncs overlap: whether the next one begins while others are under way.
 *
 * It pays where a sync is mostly waiting (a volume in a network, a disk with a slow path to its cache): several waits then
 * pass at the same time, and no client waits for another one's sync. It costs where a disk takes one sync after the other:
 * each would take as long as two, and a client is better off sharing one with all the others. Which disk this is can only be
 * measured: how long a sync takes alone, and how long in company.
 *
 * It begins when syncs take long enough to be worth it, and ends when company makes them longer; then it is tried again after
 * a while, for the disk, or what else is done to it, may have changed. Decisions only: it reads no clock.
 */

/** Shorter syncs are shared: their cost is the processor's, and the more clients share one the less it is. */
const WORTH_US = 1000;
/** Syncs in company may take so many times as long as alone. One after the other, two take one and a half times as long. */
const COMPANY_FACTOR = 1.3;
/** So many syncs are looked at before it is decided: to begin costs little, and to end wants to be sure. */
const ALONE_MIN = 4;
const COMPANY_MIN = 16;
const RETRY_US = 30_000_000;
const WEIGHT = 0.1;

export class SyncOverlap {
  active = false;
  /** Moving averages. */
  private aloneUs = 0;
  private companyUs = 0;
  private samples = 0;
  private retryUs = Number.NEGATIVE_INFINITY;

  /** A sync has ended; `alone`: none was under way at the same time. */
  ended(nowUs: number, tookUs: number, alone: boolean): void {
    if (alone) this.aloneUs = this.aloneUs === 0 ? tookUs : this.aloneUs + WEIGHT * (tookUs - this.aloneUs);
    else this.companyUs += WEIGHT * (tookUs - this.companyUs);
    if (alone === this.active) return;
    this.samples++;
    if (this.samples < (this.active ? COMPANY_MIN : ALONE_MIN)) return;
    if (!this.active) {
      if (this.aloneUs >= WORTH_US && nowUs >= this.retryUs) this.change(true);
    } else if (this.companyUs > COMPANY_FACTOR * this.aloneUs) {
      this.retryUs = nowUs + RETRY_US;
      this.change(false);
    } else if (this.companyUs < WORTH_US / 2) this.change(false);
  }

  private change(active: boolean): void {
    this.active = active;
    this.samples = 0;
    if (active) this.companyUs = this.aloneUs;
    else this.aloneUs = 0;
  }
}
