/** INFO clients: how many there are, and the largest of their buffers at this moment. */
import type { Field, InfoContext } from "./sections.ts";

export function clientsSection({ server, call }: InfoContext): Field[] {
  const { clients, config, transport } = server;
  let inputMax = 0;
  let outputMax = 0;
  let watching = 0;
  for (const connection of clients) {
    inputMax = Math.max(inputMax, connection.pendingLength);
    outputMax = Math.max(outputMax, (transport.queuedBytes[connection.slot] ?? 0) + connection.parkedBytes);
    if (connection.watched.size > 0) watching++;
  }
  return [
    ["connected_clients", clients.connected],
    ["cluster_connections", 0],
    ["maxclients", config.integer("maxclients")],
    ["client_recent_max_input_buffer", inputMax],
    ["client_recent_max_output_buffer", outputMax],
    ["blocked_clients", server.blocked.count + server.blocked.acknowledgements.count],
    ["tracking_clients", 0],
    ["pubsub_clients", server.pubsub.clients],
    ["watching_clients", watching],
    ["clients_in_timeout_table", server.blocked.timed + server.blocked.acknowledgements.timed],
    ["total_watched_keys", call.watchers.watchedKeys],
    ["total_blocking_keys", server.blocked.keys],
    ["total_blocking_keys_on_nokey", 0],
    ["clients_paused", clients.paused],
    ["clients_killed", clients.killed],
  ];
}
