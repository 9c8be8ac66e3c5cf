/**
 * The best candidates for eviction that sampling has come across so far, sixteen at most.
 *
 * A handful of keys drawn at random says little about which key of millions was not used for longest. What one draw finds and does not
 * evict is therefore kept for the next: after a few draws the pool holds keys from the far end, and the choice comes close to the true
 * order (the idea is Redis's).
 *
 * ```
 * slot     0            …           count − 1
 * score    least                    greatest, the first to go
 * ```
 * A candidate is an address with the hash that it is found by, not a copy of its key. It may have been freed since, so whoever takes one
 * asks the table whether it is there still.
 *
 * Invariants: scores ascend; no address is in the pool twice.
 */
export const POOL_CANDIDATES = 16;

export class EvictionPool {
  /** Of the candidate taken last. */
  entry = 0;
  hash = 0;
  database = 0;
  score = 0;

  private count = 0;
  private readonly entries = new Int32Array(POOL_CANDIDATES);
  private readonly hashes = new Int32Array(POOL_CANDIDATES);
  private readonly databases = new Int32Array(POOL_CANDIDATES);
  private readonly scores = new Float64Array(POOL_CANDIDATES);

  clear(): void {
    this.count = 0;
  }

  /** Is it worth working out the hash of an entry with this score? */
  wants(entry: number, score: number): boolean {
    if (this.count === POOL_CANDIDATES && score <= this.scores[0]!) return false;
    for (let i = 0; i < this.count; i++) if (this.entries[i] === entry) return false;
    return true;
  }

  /** Adds a candidate that `wants` has agreed to; the least one makes way when there is no room. */
  add(entry: number, hash: number, database: number, score: number): void {
    const { entries, hashes, databases, scores } = this;
    let at: number;
    if (this.count < POOL_CANDIDATES) {
      at = this.count++;
      for (; at > 0 && scores[at - 1]! >= score; at--) this.move(at - 1, at);
    } else {
      for (at = 0; at + 1 < POOL_CANDIDATES && scores[at + 1]! < score; at++) this.move(at + 1, at);
    }
    entries[at] = entry;
    hashes[at] = hash;
    databases[at] = database;
    scores[at] = score;
  }

  /** Takes the candidate with the greatest score out, into the fields above; false when there is none. */
  take(): boolean {
    if (this.count === 0) return false;
    const last = --this.count;
    this.entry = this.entries[last]!;
    this.hash = this.hashes[last]!;
    this.database = this.databases[last]!;
    this.score = this.scores[last]!;
    return true;
  }

  private move(from: number, to: number): void {
    this.entries[to] = this.entries[from]!;
    this.hashes[to] = this.hashes[from]!;
    this.databases[to] = this.databases[from]!;
    this.scores[to] = this.scores[from]!;
  }
}
