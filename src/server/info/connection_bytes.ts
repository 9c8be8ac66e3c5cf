/** What connections cost in memory: their buffers, and an estimate for the rest. */
import type { Connection } from "../connection.ts";

/** Objects of an idle connection on the heap (1270 bytes each over 4000 of them) and its slot in the transport, bytes. */
const CONNECTION_BYTES = 1500;

/** `unsentBytes`: replies that the kernel has not taken yet. */
export function connectionBytes(connection: Connection, unsentBytes: number): number {
  return CONNECTION_BYTES + (connection.pending?.length ?? 0) + connection.queuedBytes + unsentBytes;
}
