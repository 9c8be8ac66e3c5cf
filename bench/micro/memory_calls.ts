/** The machine's memory calls through the addon, where it is built: benches shall run as the server does. */
import { type MemoryCalls, portableCalls } from "../../src/memory/calls.ts";
import { nativeMemoryCalls } from "../../src/platform/memory_calls.ts";

export function memoryCalls(): MemoryCalls {
  return nativeMemoryCalls() ?? portableCalls;
}
