/** FUNCTION's subcommands where there is no engine: requests are read as Redis reads them, down to the engine that is not there. */
import type { Call } from "../../../command/call.ts";
import { wrongSubcommand } from "../../../command/messages.ts";
import { splitArguments } from "../../config/syntax.ts";

/** FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE] */
export function functionList(call: Call): void {
  const { reply } = call;
  let withCode = false;
  let withName = false;
  for (let i = 2; i < call.argc; i++) {
    if (!withCode && call.is(i, "WITHCODE")) withCode = true;
    else if (!withName && call.is(i, "LIBRARYNAME")) {
      if (++i === call.argc) return reply.error("ERR library name argument was not given");
      withName = true;
    } else return reply.error(`ERR Unknown argument ${call.text(i)}`);
  }
  reply.array(0);
}

/** FUNCTION FLUSH [ASYNC | SYNC] */
export function functionFlush(call: Call): void {
  const { reply } = call;
  if (call.argc > 3) return reply.error(wrongSubcommand("FUNCTION", call.text(1)));
  if (call.argc === 3 && !call.is(2, "SYNC") && !call.is(2, "ASYNC")) {
    return reply.error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  }
  reply.ok();
}

/** FUNCTION STATS: nothing runs. Redis always names its engine, so clients look for it; here it has no libraries. */
export function functionStats(call: Call): void {
  const { reply } = call;
  reply.map(2);
  reply.text("running_script");
  reply.nil();
  reply.text("engines");
  reply.map(1);
  reply.text("LUA");
  reply.map(2);
  reply.text("libraries_count");
  reply.integer(0);
  reply.text("functions_count");
  reply.integer(0);
}

/** FUNCTION LOAD [REPLACE] code */
export function functionLoad(call: Call): void {
  for (let i = 2; i < call.argc - 1; i++) {
    if (!call.is(i, "REPLACE")) return call.reply.error(`ERR Unknown option given: ${call.text(i)}`);
  }
  call.reply.error(`ERR ${loadError(call.text(call.argc - 1))}`);
}

/** What is wrong with a library, in the order in which Redis looks; at the end it is that nothing can run it. */
function loadError(code: string): string {
  if (!code.startsWith("#!")) return "Missing library metadata";
  const lineEnd = code.indexOf("\n");
  const [shebang, ...parts] = (lineEnd < 0 ? undefined : splitArguments(code.slice(0, lineEnd))) ?? [];
  if (shebang === undefined) return "Invalid library metadata";
  let name: string | undefined;
  for (const part of parts) {
    if (!part.toLowerCase().startsWith("name=")) return `Invalid metadata value given: ${part}`;
    if (name !== undefined) return "Invalid metadata value, name argument was given multiple times";
    name = part.slice("name=".length);
  }
  if (name === undefined) return "Library name was not given";
  if (!/^[a-zA-Z0-9_]+$/.test(name)) {
    return "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";
  }
  return `Engine '${shebang.slice(2)}' not found`;
}
