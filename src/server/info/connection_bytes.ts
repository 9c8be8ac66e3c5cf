/** What connections cost in memory: their buffers, and an estimate for the rest. */
import type { Connection } from "../connection.ts";
import type { Server } from "../server.ts";

/** Objects of an idle connection on the heap (1270 bytes each over 4000 of them) and its slot in the transport, bytes. */
const CONNECTION_BYTES = 1500;

/** The three empty sets of whoever has ever subscribed, and a subscription in the sets of both sides, bytes (20,000 clients with ten each). */
const SUBSCRIBER_BYTES = 500;
const SUBSCRIPTION_BYTES = 60;

/** `unsentBytes`: replies that the kernel has not taken yet. */
export function connectionBytes(connection: Connection, unsentBytes: number): number {
  const buffers = (connection.pending?.length ?? 0) + connection.queuedBytes + unsentBytes;
  return CONNECTION_BYTES + buffers + subscriptionBytes(connection);
}

function subscriptionBytes({ subscriptions }: Connection): number {
  if (subscriptions === undefined) return 0;
  const { channels, patterns, shards } = subscriptions;
  return SUBSCRIBER_BYTES + (channels.size + patterns.size + shards.size) * SUBSCRIPTION_BYTES;
}

/** What all connections and the channels that they listen to take now, bytes. */
export function allConnectionsBytes(server: Server): number {
  const { queuedBytes } = server.transport;
  const { channels, patterns, shards } = server.pubsub;
  let bytes = channels.bytes + patterns.bytes + shards.bytes;
  for (const connection of server.clients) {
    bytes += connectionBytes(connection, (queuedBytes[connection.slot] ?? 0) + connection.parkedBytes);
  }
  return bytes;
}
