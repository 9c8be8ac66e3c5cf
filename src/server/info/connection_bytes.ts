/** What connections cost in memory: their buffers, and an estimate for the rest. */
import type { Connection } from "../connection.ts";
import type { Server } from "../server.ts";

/** Objects of an idle connection on the heap (1270 bytes each over 4000 of them) and its slot in the transport, bytes. */
const CONNECTION_BYTES = 1500;

/** `unsentBytes`: replies that the kernel has not taken yet. */
export function connectionBytes(connection: Connection, unsentBytes: number): number {
  return CONNECTION_BYTES + (connection.pending?.length ?? 0) + connection.queuedBytes + unsentBytes;
}

/** What all connections take now, bytes. */
export function allConnectionsBytes(server: Server): number {
  const { queuedBytes } = server.transport;
  let bytes = 0;
  for (const connection of server.clients) {
    bytes += connectionBytes(connection, (queuedBytes[connection.slot] ?? 0) + connection.parkedBytes);
  }
  return bytes;
}
