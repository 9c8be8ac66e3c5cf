/** Subcommands of CLIENT that change or tell one connection's own state. */
import type { Call } from "../../../command/call.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR, wrongSubcommand } from "../../../command/messages.ts";
import type { Server } from "../../server.ts";

/** CLIENT REPLY ON | OFF | SKIP: what is silenced is executed all the same. */
export function clientReply(call: Call): void {
  const { reply, session } = call;
  if (call.is(2, "ON")) {
    session.replyMode = "on";
    session.refresh();
    // This very reply is the first to be seen again.
    reply.unmute();
    reply.ok();
    return;
  }
  if (call.is(2, "OFF")) session.replyMode = "off";
  else if (!call.is(2, "SKIP")) return reply.error(SYNTAX_ERROR);
  else if (session.replyMode !== "off") session.replyMode = "skip";
  session.refresh();
}

/** "on" or "off" in argument 2, undefined for anything else. */
function readSwitch(call: Call): boolean | undefined {
  if (call.is(2, "ON")) return true;
  return call.is(2, "OFF") ? false : undefined;
}

export function clientNoEvict(call: Call): void {
  const on = readSwitch(call);
  if (on === undefined) return call.reply.error(SYNTAX_ERROR);
  call.session.noEvict = on;
  call.reply.ok();
}

export function clientNoTouch(call: Call): void {
  const on = readSwitch(call);
  if (on === undefined) return call.reply.error(SYNTAX_ERROR);
  call.session.noTouch = on;
  call.reply.ok();
}

/** CLIENT UNBLOCK id [TIMEOUT | ERROR]: a blocking command of another connection ends as if its time were up, or with an error. */
export function clientUnblock(call: Call, server: Server): void {
  const { reply } = call;
  if (call.argc > 4) return reply.error(wrongSubcommand("CLIENT", call.text(1)));
  if (call.argc === 4 && !call.is(3, "TIMEOUT") && !call.is(3, "ERROR")) {
    return reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const id = call.integer64(2);
  if (id === undefined) return reply.error(NOT_AN_INTEGER);
  const connection = server.clients.byId(Number(id));
  const unblocked =
    connection !== undefined && server.blocked.unblock(connection, call.argc === 4 && call.is(3, "ERROR"));
  reply.integer(unblocked ? 1 : 0);
}

/** CLIENT TRACKINGINFO: tracking is always off. */
export function clientTrackingInfo(call: Call): void {
  const { reply } = call;
  reply.map(3);
  reply.text("flags");
  reply.set(1);
  reply.text("off");
  reply.text("redirect");
  reply.integer(-1);
  reply.text("prefixes");
  reply.array(0);
}
