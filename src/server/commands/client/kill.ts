/** CLIENT KILL address, or CLIENT KILL with filters that must all fit. */
import type { Call } from "../../../command/call.ts";
import { SYNTAX_ERROR } from "../../../command/messages.ts";
import type { Connection } from "../../connection.ts";
import type { Server } from "../../server.ts";
import { type ClientType, readClientType, typeOf } from "./type.ts";

interface Filter {
  id?: bigint;
  type?: ClientType;
  address?: string;
  localAddress?: string;
  skipSelf: boolean;
  /** Seconds that a connection must have lived. */
  ageMin?: bigint;
}

export function clientKill(call: Call, server: Server): void {
  const { reply } = call;
  const oldForm = call.argc === 3;
  // The old form may kill the connection that it comes from.
  const filter = oldForm ? { address: call.text(2), skipSelf: false } : readFilter(call);
  if (typeof filter === "string") return reply.error(filter);
  let killed = 0;
  let self = false;
  for (const connection of [...server.clients]) {
    if (!fits(connection, filter, call)) continue;
    killed++;
    if (connection === call.session) {
      self = true;
      continue;
    }
    server.clients.killed++;
    server.clients.kill(connection);
  }
  if (!oldForm) reply.integer(killed);
  else if (killed === 0) reply.error("ERR No such client");
  else reply.ok();
  if (!self) return;
  // Answered first, closed behind the answer.
  server.clients.killed++;
  call.session.closing = true;
  call.session.refresh();
}

/** The filters, or the error that a client sees. */
function readFilter(call: Call): Filter | string {
  const filter: Filter = { skipSelf: true };
  for (let i = 2; i < call.argc; i += 2) {
    if (i + 1 === call.argc) return SYNTAX_ERROR;
    const error = readOption(call, i, filter);
    if (error !== undefined) return error;
  }
  return filter;
}

function readOption(call: Call, i: number, filter: Filter): string | undefined {
  const value = call.text(i + 1);
  if (call.is(i, "ID")) {
    const id = call.integer64(i + 1);
    if (id === undefined || id < 1n) return "ERR client-id should be greater than 0";
    filter.id = id;
  } else if (call.is(i, "MAXAGE")) {
    const age = call.integer64(i + 1);
    if (age === undefined) return "ERR maxage is not an integer or out of range";
    if (age <= 0n) return "ERR maxage should be greater than 0";
    filter.ageMin = age;
  } else if (call.is(i, "TYPE")) {
    const type = readClientType(value);
    if (type === undefined) return `ERR Unknown client type '${value}'`;
    filter.type = type;
  } else if (call.is(i, "ADDR")) filter.address = value;
  else if (call.is(i, "LADDR")) filter.localAddress = value;
  else if (call.is(i, "USER")) {
    // There is one user, and every connection is his.
    if (value !== "default") return `ERR No such user '${value}'`;
  } else if (!call.is(i, "SKIPME")) return SYNTAX_ERROR;
  else if (call.is(i + 1, "YES")) filter.skipSelf = true;
  else if (call.is(i + 1, "NO")) filter.skipSelf = false;
  else return SYNTAX_ERROR;
  return undefined;
}

function fits(connection: Connection, filter: Filter, call: Call): boolean {
  const { id, type, address, localAddress, skipSelf, ageMin } = filter;
  if (address !== undefined && connection.peerAddress !== address) return false;
  if (localAddress !== undefined && connection.localAddress !== localAddress) return false;
  if (type !== undefined && typeOf(connection) !== type) return false;
  if (id !== undefined && BigInt(connection.id) !== id) return false;
  if (ageMin !== undefined && BigInt(Math.floor((call.nowMs - connection.createdMs) / 1000)) < ageMin) return false;
  return !(skipSelf && connection === call.session);
}
