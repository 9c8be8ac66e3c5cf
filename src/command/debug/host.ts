/** What DEBUG needs of whoever runs the commands: permission, and what only a server can do. */
import type { Call } from "../call.ts";

export interface DebugHost {
  /** Why this client may not use DEBUG, as a RESP error; undefined when it may (`enable-debug-command`). */
  refusal(call: Call): string | undefined;
  /** DEBUG RELOAD with its options in upper case, and DEBUG LOADAOF: what is stored takes the place of what is in memory. An error, or undefined. */
  reload?(call: Call, options: readonly string[]): string | undefined;
  loadLog?(call: Call): string | undefined;
  /** DEBUG REPLYBUFFER: how long a peak is remembered (-1: for ever; undefined: the default), and whether buffers shrink. */
  setReplyBufferPeakReset?(ms: number | undefined): void;
  setReplyBufferResizing?(on: boolean): void;
  /** DEBUG CHANGE-REPL-ID: INFO shows another replication id from now on. */
  changeReplicationId?(): void;
  /** DEBUG PAUSE-CRON: the timer does nothing, or goes on. */
  pauseTimer?(paused: boolean): void;
  /** DEBUG LOG: writes a line to the server's log. */
  log?(message: string): void;
}
