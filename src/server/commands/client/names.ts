/** Names that a client gives itself and its library: words of visible ASCII, since CLIENT LIST separates fields by spaces. */
import type { Call } from "../../../command/call.ts";

export const BAD_NAME = "ERR Client names cannot contain spaces, newlines or special characters.";

/** Is argument i made of visible ASCII characters only, no space? */
export function isName(call: Call, i: number): boolean {
  const start = call.start(i);
  const end = start + call.length(i);
  for (let at = start; at < end; at++) if (call.input[at]! < 33 || call.input[at]! > 126) return false;
  return true;
}

export function clientGetName(call: Call): void {
  const { name } = call.session;
  if (name === "") call.reply.nil();
  else call.reply.text(name);
}

export function clientSetName(call: Call): void {
  if (!isName(call, 2)) return call.reply.error(BAD_NAME);
  call.session.name = call.text(2);
  call.reply.ok();
}

export function clientSetInfo(call: Call): void {
  const { reply, session } = call;
  const option = call.text(2);
  const ofName = call.is(2, "LIB-NAME");
  if (!ofName && !call.is(2, "LIB-VER")) return reply.error(`ERR Unrecognized option '${option}'`);
  if (!isName(call, 3)) return reply.error(`ERR ${option} cannot contain spaces, newlines or special characters.`);
  if (ofName) session.libraryName = call.text(3);
  else session.libraryVersion = call.text(3);
  reply.ok();
}
