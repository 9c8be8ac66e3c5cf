/**
 * How V8 collects garbage. A full collection goes on beside the program but for its end, and most of that end is spent on moving what has
 * grown old closer together: 5 of 7 ms on one processor. What is stored lies outside of V8's heap, which holds a few megabytes that hardly
 * change; there is little to gain by moving them, and V8 does it most eagerly when a server that was just started has work to do: 8 s later.
 *
 * It counts for the whole process: the program's to decide, never the library's.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What has grown old stays where it is; the room between is used again. */
export function collectInPlace(): void {
  setFlagsFromString("--no-compact");
}

/** Collects everything now: between the start, which leaves much behind, and the first client. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  if (typeof collect === "function") collect();
}
