/**
 * What the addon knows about memory. Without it segments work the same, on small pages, and freed memory stays with the
 * process.
 */
import { nativeAddon } from "./native.ts";

/** The same shape as `memory/` asks for. */
export interface PlatformMemoryCalls {
  allocate(bytes: number): SharedArrayBuffer;
  addressOf(bytes: Uint8Array): number;
  adviseHugePages(bytes: Uint8Array): void;
  populateAhead(bytes: Uint8Array, offset: number, length: number): void;
  discard(bytes: Uint8Array, offset: number, length: number): boolean;
  residentBytes(): number;
}

/** undefined without the addon. */
export function nativeMemoryCalls(): PlatformMemoryCalls | undefined {
  const addon = nativeAddon();
  if (addon === undefined) return undefined;
  return {
    allocate: (bytes) => new SharedArrayBuffer(bytes),
    addressOf: (bytes) => addon.addressOf(bytes),
    // Advice: a kernel without huge pages answers EINVAL, and nothing is lost.
    adviseHugePages: (bytes) => void addon.adviseHugePages(bytes, 0, bytes.length),
    populateAhead: (bytes, offset, length) => void addon.populateAhead(bytes, offset, length),
    discard: (bytes, offset, length) => addon.returnPages(bytes, offset, length) === 0,
    residentBytes: () => addon.residentBytes(),
  };
}

/** Resident bytes of the process. */
export function residentBytes(): number {
  const addon = nativeAddon();
  return addon === undefined ? process.memoryUsage.rss() : addon.residentBytes();
}
