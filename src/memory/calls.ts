/**
 * What the arena asks of the machine. `platform/` implements it with the addon; without one the portable calls below
 * keep everything working, only slower and without returning memory.
 */
export interface MemoryCalls {
  /** Memory of `bytes` zeros for a segment; throws a RangeError where the system refuses it. */
  allocate(bytes: number): SharedArrayBuffer;
  /** The real address of the first byte of the array, or -1 where it can't be known. */
  addressOf(bytes: Uint8Array): number;
  /** Asks for huge pages under the whole array. */
  adviseHugePages(bytes: Uint8Array): void;
  /** Has another thread fetch the memory of a range (whole 2 MiB chunks) from the system, so that the first write needn't wait for it. */
  populateAhead(bytes: Uint8Array, offset: number, length: number): void;
  /** Returns the range (whole 2 MiB chunks) to the system: it reads as zeros afterwards. False: nothing happened. */
  discard(bytes: Uint8Array, offset: number, length: number): boolean;
  /** Resident bytes of the process, or -1 where they can't be known. */
  residentBytes(): number;
}

export const portableCalls: MemoryCalls = {
  allocate: (bytes) => new SharedArrayBuffer(bytes),
  addressOf: () => -1,
  adviseHugePages: () => {},
  populateAhead: () => {},
  discard: () => false,
  residentBytes: () => -1,
};
