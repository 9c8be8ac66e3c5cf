/**
 * How much memory is in use, as `maxmemory` counts it: blocks of the arena and the buffers of clients.
 *
 * What Node.js needs for itself is not part of it, nor are buffers of the log: evicting keys writes to the log, and a limit that counted
 * those bytes would make room for its own work.
 */
import type { Allocator } from "../memory/allocator.ts";

export class MemoryUse {
  /** Input, output and state of all connections, bytes; the server sets it when a turn begins. */
  clientBytes = 0;
  /** Effects that wait to be written to the log, bytes; the server sets it now and then, for INFO. */
  logBytes = 0;
  /** Arena bytes of an empty dataset. */
  startBytes = 0;
  private readonly allocator: Allocator;
  private peak = 0;

  constructor(allocator: Allocator) {
    this.allocator = allocator;
  }

  get usedBytes(): number {
    return this.allocator.allocatedBytes + this.clientBytes;
  }

  /** The most that was ever in use when somebody looked. */
  get peakBytes(): number {
    this.sample();
    return this.peak;
  }

  /** Notes a peak; once a turn is often enough. */
  sample(): void {
    const used = this.allocator.allocatedBytes + this.clientBytes;
    if (used > this.peak) this.peak = used;
  }
}
