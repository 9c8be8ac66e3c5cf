/** The library: `open` for the engine in a process, `startServer` for a whole server. docs/library.md has examples. */
export { EmberlogError, type ErrorCode } from "./base/errors.ts";
export {
  type Argument,
  type Embedded,
  type ExportOptions,
  type OpenOptions,
  open,
  type SetOptions,
  type Snapshot,
} from "./engine/embedded.ts";
export type { Exported } from "./engine/export.ts";
export type { RecoveryReport } from "./engine/recovery.ts";
export { type Reply, ReplyError } from "./protocol/reply_reader.ts";
export { type RunningServer, type StartServerOptions, startServer } from "./server/start.ts";
