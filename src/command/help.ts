/** What `<CONTAINER> HELP` answers, laid out as Redis does. */
import type { Call } from "./call.ts";

/** `lines` names each subcommand in one line, and explains it in indented ones. */
export function replyHelp(call: Call, container: string, lines: readonly string[]): void {
  call.reply.array(lines.length + 3);
  call.reply.status(`${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
  for (const line of lines) call.reply.status(line);
  call.reply.status("HELP");
  call.reply.status("    Prints this help.");
}
