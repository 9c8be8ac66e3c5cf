/**
 * The threads behind the log, as the writer needs them: one that writes, and one a lane that syncs, each with one task at a
 * time. platform/log_io.ts has them; tests make them out of any `Disk`.
 *
 * Invariants: completions are delivered outside the writer's own calls, one after the other, never from inside `write` or
 * `sync`. A result is bytes written (at least one, perhaps fewer than asked), zero for a sync, or a negative error number.
 */
export interface LogIo {
  /** Begins writing on the write thread; the bytes must not change until `onWritten`. */
  write(fd: number, bytes: Uint8Array, start: number, length: number, position: number): void;
  /** Writes on the calling thread. */
  writeNow(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number;
  /** Syncs that may be under way at the same time; at least one. */
  readonly lanes: number;
  /** Begins an fdatasync on a lane (0 … lanes - 1) that has none under way. */
  sync(fd: number, lane: number): void;
  onWritten: (result: number) => void;
  onSynced: (result: number, lane: number) => void;
}
