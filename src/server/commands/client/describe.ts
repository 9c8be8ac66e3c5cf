/** CLIENT LIST and CLIENT INFO: one line a connection, with all fields of Redis 7.2 in its order. */
import type { Call } from "../../../command/call.ts";
import { SYNTAX_ERROR } from "../../../command/messages.ts";
import type { Connection } from "../../connection.ts";
import { connectionBytes } from "../../info/connection_bytes.ts";
import type { Server } from "../../server.ts";
import { readClientType, typeOf } from "./type.ts";

/** CLIENT LIST [TYPE type | ID id ...] */
export function clientList(call: Call, server: Server): void {
  const { reply } = call;
  let chosen = [...server.clients].sort((a, b) => a.id - b.id);
  if (call.argc === 4 && call.is(2, "TYPE")) {
    const type = readClientType(call.text(3));
    if (type === undefined) return reply.error(`ERR Unknown client type '${call.text(3)}'`);
    chosen = chosen.filter((connection) => typeOf(connection) === type);
  } else if (call.argc > 3 && call.is(2, "ID")) {
    const byId = new Map(chosen.map((connection) => [connection.id, connection]));
    chosen = [];
    for (let i = 3; i < call.argc; i++) {
      const id = call.integer64(i);
      if (id === undefined) return reply.error("ERR Invalid client ID");
      const connection = byId.get(Number(id));
      if (connection !== undefined) chosen.push(connection);
    }
  } else if (call.argc !== 2) return reply.error(SYNTAX_ERROR);
  reply.verbatim(chosen.map((connection) => `${line(connection, call, server)}\n`).join(""));
}

export function clientInfo(call: Call, server: Server): void {
  const connection = server.clients.byId(call.session.id);
  if (connection !== undefined) call.reply.verbatim(`${line(connection, call, server)}\n`);
  else call.reply.error("ERR this session is no connection");
}

function line(connection: Connection, call: Call, server: Server): string {
  const { transport } = server;
  const self = connection === call.session;
  const unsent = (transport.queuedBytes[connection.slot] ?? 0) + connection.parkedBytes;
  const received = connection.pending?.length ?? 0;
  const fields: readonly (readonly [string, string | number])[] = [
    ["id", connection.id],
    ["addr", connection.peerAddress],
    ["laddr", connection.localAddress],
    ["fd", connection.descriptor],
    ["name", connection.name],
    ["age", Math.max(0, Math.floor((call.nowMs - connection.createdMs) / 1000))],
    ["idle", Math.max(0, Math.floor((call.nowMs - connection.lastActiveMs) / 1000))],
    ["flags", flagsOf(connection)],
    ["db", connection.database],
    ["sub", connection.subscriptions?.channels.size ?? 0],
    ["psub", connection.subscriptions?.patterns.size ?? 0],
    ["ssub", connection.subscriptions?.shards.size ?? 0],
    ["multi", connection.inMulti ? connection.queued.length : -1],
    ["qbuf", connection.pendingLength],
    ["qbuf-free", received - connection.pendingLength],
    ["argv-mem", 0],
    ["multi-mem", connection.queuedBytes],
    ["rbs", 0],
    ["rbp", 0],
    ["obl", 0],
    ["oll", connection.parked],
    ["omem", unsent],
    ["tot-mem", connectionBytes(connection, unsent)],
    ["events", (connection.holds === 0 ? "r" : "") + (unsent > 0 ? "w" : "")],
    [
      "cmd",
      self ? server.engine.executor.runningName : (server.engine.table.fullNames[connection.lastCommand] ?? "NULL"),
    ],
    ["user", "default"],
    ["redir", -1],
    ["resp", connection.protocol],
    ["lib-name", connection.libraryName],
    ["lib-ver", connection.libraryVersion],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(" ");
}

/** Letters for the states that a connection is in, in Redis's order; "N" for none. */
function flagsOf(connection: Connection): string {
  let flags = "";
  if (connection.monitoring) flags += "O";
  if (connection.subscribed) flags += "P";
  if (connection.inMulti) flags += "x";
  if (connection.postponed || connection.blocked !== undefined) flags += "b";
  if (connection.watchBroken) flags += "d";
  if (connection.closing) flags += connection.closeNow ? "A" : "c";
  if (connection.local) flags += "U";
  if (connection.noEvict) flags += "e";
  if (connection.noTouch) flags += "T";
  return flags === "" ? "N" : flags;
}
