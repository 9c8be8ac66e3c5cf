/** The machine's memory calls through the addon, where it is built: benches shall run as the server does. */
import { type MemoryCalls, portableCalls } from "../../src/memory/calls.ts";
import { nativeAddon } from "../../src/platform/native.ts";

export function memoryCalls(): MemoryCalls {
  const addon = nativeAddon();
  if (addon === undefined) return portableCalls;
  return {
    addressOf: (bytes) => addon.addressOf(bytes),
    adviseHugePages: (bytes) => void addon.adviseHugePages(bytes, 0, bytes.length),
    discard: (bytes, offset, length) => addon.returnPages(bytes, offset, length) === 0,
    residentBytes: () => addon.residentBytes(),
  };
}
