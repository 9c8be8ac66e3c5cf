/** WAIT and WAITAOF: until the writes of this connection are acknowledged. See blocking/acknowledgements.ts. */
import type { Call } from "../../command/call.ts";
import { argument, type CommandDefinition } from "../../command/definition.ts";
import { readPositive } from "../../command/keyspace/numbers.ts";
import { NOT_AN_INTEGER } from "../../command/messages.ts";
import { NO_LOG } from "../blocking/acknowledgements.ts";
import type { Server } from "../server.ts";

const INTEGER64_MAX = 9223372036854775807n;
const TIPS = ["request_policy:all_shards", "response_policy:agg_min"];

/** WAIT numreplicas timeout */
export function wait(server: Server): CommandDefinition {
  return {
    name: "WAIT",
    group: "generic",
    since: "3.0.0",
    summary:
      "Blocks until the asynchronous replication of all preceding write commands sent by the connection is completed.",
    complexity: "O(1)",
    arity: 3,
    flags: ["blocking"],
    categories: ["connection"],
    tips: TIPS,
    args: [argument("numreplicas", "integer"), argument("timeout", "integer")],
    run(call) {
      const replicas = call.integer64(1);
      if (replicas === undefined) return call.reply.error(NOT_AN_INTEGER);
      const timeoutMs = readTimeoutMs(call, 2);
      if (timeoutMs >= 0) server.blocked.acknowledgements.wait(call, false, 0, Number(replicas), timeoutMs);
    },
  };
}

/** WAITAOF numlocal numreplicas timeout */
export function waitaof(server: Server): CommandDefinition {
  return {
    name: "WAITAOF",
    group: "generic",
    since: "7.2.0",
    summary:
      "Blocks until all of the preceding write commands sent by the connection are written to the append-only file of the primary and/or replicas.",
    complexity: "O(1)",
    arity: 4,
    flags: ["blocking"],
    categories: ["connection"],
    tips: TIPS,
    args: [argument("numlocal", "integer"), argument("numreplicas", "integer"), argument("timeout", "integer")],
    run(call) {
      const { reply } = call;
      const local = call.integer64(1);
      if (local === undefined) return reply.error(NOT_AN_INTEGER);
      if (local < 0n || local > 1n) return reply.error("ERR value is out of range, value must between 0 and 1");
      const replicas = readPositive(call, 2);
      if (replicas === undefined) return;
      const timeoutMs = readTimeoutMs(call, 3);
      if (timeoutMs < 0) return;
      if (local === 1n && server.storage === undefined) return reply.error(NO_LOG);
      server.blocked.acknowledgements.wait(call, true, Number(local), replicas, timeoutMs);
    },
  };
}

/** Argument i as a time-out in ms; -1 when it is none and the error has been replied. */
function readTimeoutMs(call: Call, i: number): number {
  const timeoutMs = call.integer64(i);
  let error: string;
  if (timeoutMs === undefined) error = "ERR timeout is not an integer or out of range";
  else if (timeoutMs < 0n) error = "ERR timeout is negative";
  else if (timeoutMs > INTEGER64_MAX - BigInt(call.nowMs)) error = "ERR timeout is out of range";
  else return Number(timeoutMs);
  call.reply.error(error);
  return -1;
}
