/** Requests that are answered when some work of the server is done (SAVE): neither a time nor CLIENT UNBLOCK ends them before. */
import type { Call } from "../../command/call.ts";
import type { ReplyWriter } from "../../protocol/reply_writer.ts";
import type { Connection } from "../connection.ts";
import { answerWaiting, type BlockingHost, type Waiting } from "./waiting.ts";

export interface HeldRequest extends Waiting {
  readonly kind: "held";
}

/** The running request waits; what is returned answers it, unless its connection is gone by then. */
export function holdRequest(server: BlockingHost, call: Call): (write: (reply: ReplyWriter) => void) => void {
  const command = call.executor.table.lookup(call.input, call.start(0), call.length(0));
  call.executor.uncount(command);
  const connection = call.session as Connection;
  const held: HeldRequest = {
    kind: "held",
    connection,
    command,
    deadlineMs: Number.POSITIVE_INFINITY,
    silent: call.reply.muted,
    timer: undefined,
  };
  connection.blocked = held;
  return (write) => {
    if (connection.blocked !== held || server.isStopping()) return;
    connection.blocked = undefined;
    connection.lastActiveMs = server.clock.wallMs();
    answerWaiting(server, held, write);
    server.turns.resume(connection);
    server.turns.release();
    server.transport.wake();
  };
}
