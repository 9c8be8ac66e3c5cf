import { type MemoryCalls, portableCalls } from "../../src/memory/calls.ts";
export function memoryCalls(): MemoryCalls {
  return portableCalls;
}
