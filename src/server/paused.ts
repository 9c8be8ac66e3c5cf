/** CLIENT PAUSE: what is executed all the same. */
import { type CommandTable, MAY_REPLICATE, UNKNOWN_COMMAND, WRITE } from "../command/table.ts";
import { INLINE, REQUEST, RequestParser, splitInline } from "../protocol/request_parser.ts";
import type { Connection } from "./connection.ts";

/** While clients are paused: may the request at the head of the pending bytes run? */
export function mayRunPaused(connection: Connection, paused: "no" | "write" | "all", table: CommandTable): boolean {
  if (paused === "all") return false;
  const { pending, pendingStart, pendingLength } = connection;
  const parser = new RequestParser(16);
  const found = parser.next(pending!, pendingStart, pendingStart + pendingLength);
  let id = UNKNOWN_COMMAND;
  if (found === REQUEST) id = table.lookup(pending!, parser.args[0]!, parser.args[1]!);
  else if (found === INLINE) {
    const name = splitInline(pending!, pendingStart, pendingStart + pendingLength).args[0];
    if (name !== undefined) id = table.lookup(name, 0, name.length);
  }
  if (id === UNKNOWN_COMMAND) return true;
  const { name } = table.definitions[id]!;
  const bits = name === "EXEC" ? connection.queuedBits : table.bits[id]!;
  return (bits & (WRITE | MAY_REPLICATE)) === 0;
}
