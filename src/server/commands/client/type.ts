/** Types of clients, as CLIENT LIST TYPE and CLIENT KILL TYPE name them. */
import type { Connection } from "../../connection.ts";

export type ClientType = "normal" | "replica" | "pubsub" | "master";

/** The type that a word names, in any case of letters. */
export function readClientType(word: string): ClientType | undefined {
  const lower = word.toLowerCase();
  if (lower === "slave") return "replica";
  return lower === "normal" || lower === "replica" || lower === "pubsub" || lower === "master" ? lower : undefined;
}

/** Replication does not exist yet, so a connection is an ordinary one or listens to channels. */
export function typeOf(connection: Connection): ClientType {
  return connection.subscribed ? "pubsub" : "normal";
}
