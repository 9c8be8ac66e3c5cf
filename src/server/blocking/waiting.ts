/** What all requests that wait have in common, whatever they wait for: their time, and how they are answered without having run again. */
import { growingSink, ReplyWriter } from "../../protocol/reply_writer.ts";
import type { Connection } from "../connection.ts";
import type { Server } from "../server.ts";

/** The longest time that a timer takes, ms. */
const TIMER_MS_MAX = 0x7fffffff;

/** What waiting asks of the server. */
export type BlockingHost = Pick<Server, "clock" | "engine" | "isStopping" | "storage"> & {
  readonly turns: Pick<Server["turns"], "measure" | "positionOf" | "push" | "release" | "resume">;
  readonly transport: Pick<Server["transport"], "wake">;
};

export interface Waiting {
  readonly connection: Connection;
  readonly command: number;
  /** Wall clock when its time is up, ms; Infinity for never. */
  readonly deadlineMs: number;
  /** CLIENT REPLY was off, or skips this request. */
  readonly silent: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Has `timeUp` called when the request's time is up. Its `timer` is to be cleared when it waits no more. */
export function startTimer(server: BlockingHost, waiting: Waiting, timeUp: () => void): void {
  const leftMs = Math.max(1, waiting.deadlineMs - server.clock.wallMs());
  waiting.timer = setTimeout(
    () => {
      if (server.isStopping()) return;
      if (server.clock.wallMs() < waiting.deadlineMs) startTimer(server, waiting, timeUp);
      else server.turns.measure(timeUp);
    },
    Math.min(leftMs, TIMER_MS_MAX),
  );
}

/** Answers a request that waits no more with what `write` writes. */
export function answerWaiting(server: BlockingHost, waiting: Waiting, write: (reply: ReplyWriter) => void): void {
  const { connection } = waiting;
  const reply = new ReplyWriter(new Uint8Array(128), growingSink);
  reply.protocol = connection.protocol;
  write(reply);
  server.engine.executor.countWaited(waiting.command, reply.errors === 0 ? undefined : reply.lastErrorCode);
  if (!waiting.silent) server.turns.push(connection, reply.bytes.subarray(0, reply.position));
}

/** CLIENT UNBLOCK with ERROR. */
export function writeUnblocked(reply: ReplyWriter): void {
  reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
}
