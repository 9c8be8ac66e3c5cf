/** CLIENT PAUSE and UNPAUSE. */
import type { Call } from "../../../command/call.ts";
import { wrongSubcommand } from "../../../command/messages.ts";
import type { Server } from "../../server.ts";

const INTEGER64_MAX = 9223372036854775807n;

/** CLIENT PAUSE timeout [WRITE | ALL]: until then no client's requests, or no writes, are executed. */
export function clientPause(call: Call, server: Server): void {
  const { reply } = call;
  if (call.argc > 4) return reply.error(wrongSubcommand("CLIENT", call.text(1)));
  let mode: "all" | "write" = "all";
  if (call.argc === 4) {
    if (call.is(3, "WRITE")) mode = "write";
    else if (!call.is(3, "ALL")) return reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  const timeoutMs = call.integer64(2);
  if (timeoutMs === undefined) return reply.error("ERR timeout is not an integer or out of range");
  if (timeoutMs < 0n) return reply.error("ERR timeout is negative");
  if (timeoutMs > INTEGER64_MAX - BigInt(call.nowMs)) return reply.error("ERR timeout is out of range");
  server.clients.pause(mode, call.nowMs + Number(timeoutMs));
  reply.ok();
}

export function clientUnpause(call: Call, server: Server): void {
  server.clients.unpause();
  call.reply.ok();
}
