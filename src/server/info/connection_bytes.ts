/** What connections cost in memory: their buffers, and an estimate for the rest. */
import type { Connection } from "../connection.ts";

/** Objects of a connection on the heap and its slot in the transport, bytes; measured over thousands of idle ones. */
const CONNECTION_BYTES = 1500;

/** `unsentBytes`: replies that the kernel has not taken yet. */
export function connectionBytes(connection: Connection, unsentBytes: number): number {
  return CONNECTION_BYTES + (connection.pending?.length ?? 0) + connection.queuedBytes + unsentBytes;
}
