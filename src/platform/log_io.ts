/**
 * The threads behind the log: one that writes, and as many as there are lanes that sync, each with one task at a time, none
 * waiting for another. `NativeLogIo` has real threads (native/log_threads.cc) and eight lanes; `PortableLogIo` uses libuv's
 * pool, which others need too, through the three calls of `node:fs` that it is given, and has one lane.
 *
 * Invariants: completions are delivered outside of `write` and `sync`, one after the other: by themselves, or, while a
 * transport is attached, when it calls `deliver` at the start of a turn. The bytes of a write must not change until
 * `onWritten`. Results are bytes written (perhaps fewer than asked), zero for a sync, or a negative error number.
 * Nothing is tried again here: a short write is continued by the caller (D7), a failed sync is final (D9).
 */
import { constants } from "node:os";
import { check } from "../base/check.ts";
import type { NativeAddon, NativeLogThreads } from "./native.ts";
import type { TransportLog } from "./transport.ts";

export interface LogIo extends TransportLog {
  readonly kind: "native" | "portable";
  /** Begins writing on the write thread. */
  write(fd: number, bytes: Uint8Array, start: number, length: number, position: number): void;
  /** Writes on the calling thread: bytes written or a negative error number. */
  writeNow(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number;
  /** Syncs that may be under way at the same time, one a lane. */
  readonly lanes: number;
  /** Begins an fdatasync on a lane of which `onSynced` has told: it covers the writes that were complete before. */
  sync(fd: number, lane: number): void;
  onWritten: (result: number) => void;
  onSynced: (result: number, lane: number) => void;
  /** Microseconds that the last write and the last sync took on their threads. */
  lastWriteUs(): number;
  lastSyncUs(): number;
  /** Lets what is under way finish and be delivered, then ends the threads. */
  close(): Promise<void>;
}

/** The layout of the threads' state; native/log_binding.cc has the same. */
const LANES = 8;
const WRITTEN_TICKET = 0;
const WRITE_ERROR = 1;
const WRITE_SETTLED = 2;
const FAILED_BYTES = 4;
const LAST_WRITE_US = 5;
const LANE_STATE = 8;
const LANE_LENGTH = 4;
const SYNCED_TICKET = LANE_STATE;
const SYNC_ERROR = LANE_STATE + 1;
const SYNC_SETTLED = LANE_STATE + 2;
const LAST_SYNC_US = LANE_STATE + 3;
const STATE_LENGTH = LANE_STATE + LANE_LENGTH * LANES;

const ignore = (): void => {};

export class NativeLogIo implements LogIo {
  readonly kind = "native";
  readonly lanes = LANES;
  readonly native: NativeLogThreads;
  onWritten: (result: number) => void = ignore;
  onSynced: (result: number, lane: number) => void = ignore;
  onComplete: (() => void) | undefined = undefined;
  private readonly state = new Float64Array(STATE_LENGTH);
  private writeTicket = 0;
  private syncTicket = 0;
  private writeLength = 0;
  private writing = false;
  /** Of each lane, the ticket of the sync that is under way; 0: none is. */
  private readonly syncing = new Float64Array(LANES);
  private syncs = 0;
  private syncUs = 0;
  private syncFailed = false;
  private whenIdle: (() => void) | undefined;

  constructor(addon: NativeAddon) {
    this.native = new addon.LogThreads(this.state, () => {
      if (this.onComplete !== undefined) this.onComplete();
      else this.deliver();
    });
  }

  write(fd: number, bytes: Uint8Array, start: number, length: number, position: number): void {
    check(!this.writing, "one write at a time");
    // The caller has seen the failure and decided to go on; the thread would discard everything until told so.
    if (this.state[WRITE_ERROR] !== 0) this.native.clearError(false);
    this.native.write(fd, bytes, start, length, position, this.writeTicket + 1);
    this.writeTicket++;
    this.writeLength = length;
    this.writing = true;
  }

  writeNow(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number {
    return this.native.writeNow(fd, bytes, start, length, position);
  }

  sync(fd: number, lane: number): void {
    check(this.syncing[lane] === 0, "one sync at a time on a lane");
    // The caller has seen the failure and decided to go on; the thread would discard everything until told so.
    if (this.syncFailed && this.syncs === 0) {
      this.native.clearError(true);
      this.syncFailed = false;
    }
    this.native.sync(lane, fd, this.syncTicket + 1);
    this.syncing[lane] = ++this.syncTicket;
    this.syncs++;
  }

  deliver(): boolean {
    this.native.poll();
    const { state } = this;
    const written = this.writing && state[WRITE_SETTLED] === this.writeTicket;
    // Of lanes whose sync has ended: what is begun from within `onSynced` is not among them.
    let ended = 0;
    for (let lane = 0; lane < LANES; lane++) {
      const ticket = this.syncing[lane]!;
      if (ticket !== 0 && state[lane * LANE_LENGTH + SYNC_SETTLED] === ticket) ended |= 1 << lane;
    }
    if (written) {
      this.writing = false;
      this.onWritten(this.writeResult());
    }
    for (let lane = 0; ended >> lane !== 0; lane++) {
      if ((ended & (1 << lane)) === 0) continue;
      const at = lane * LANE_LENGTH;
      const result = state[at + SYNCED_TICKET] === this.syncing[lane] ? 0 : -state[at + SYNC_ERROR]!;
      this.syncing[lane] = 0;
      this.syncs--;
      this.syncUs = state[at + LAST_SYNC_US]!;
      if (result < 0) this.syncFailed = true;
      this.onSynced(result, lane);
    }
    if (!this.writing && this.syncs === 0 && this.whenIdle !== undefined) this.whenIdle();
    return written || ended !== 0;
  }

  lastWriteUs(): number {
    return this.state[LAST_WRITE_US]!;
  }

  lastSyncUs(): number {
    return this.syncUs;
  }

  async close(): Promise<void> {
    if (this.writing || this.syncs > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
    this.native.close();
  }

  private writeResult(): number {
    const { state } = this;
    if (state[WRITTEN_TICKET] === this.writeTicket) return this.writeLength;
    return state[FAILED_BYTES]! > 0 ? state[FAILED_BYTES]! : -state[WRITE_ERROR]!;
  }
}

/** What `node:fs` offers; `disk/` passes it in, because nothing else may import it. */
export interface PortableFiles {
  write(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null, written: number) => void,
  ): void;
  writeSync(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  fdatasync(fd: number, done: (error: Error | null) => void): void;
}

/** The negative error number that Node's error carries. */
function errnoOf(error: unknown): number {
  if (error instanceof Error && "errno" in error && typeof error.errno === "number") return error.errno;
  throw error;
}

const NOTHING = Number.NaN;

export class PortableLogIo implements LogIo {
  readonly kind = "portable";
  readonly lanes = 1;
  readonly native = undefined;
  onWritten: (result: number) => void = ignore;
  onSynced: (result: number, lane: number) => void = ignore;
  onComplete: (() => void) | undefined = undefined;
  private readonly files: PortableFiles;
  /** Monotonic microseconds. */
  private readonly nowUs: () => number;
  private writing = false;
  private syncing = false;
  /** Results that wait for `deliver`. */
  private written = NOTHING;
  private synced = NOTHING;
  private writeUs = 0;
  private syncUs = 0;
  private whenIdle: (() => void) | undefined;

  constructor(files: PortableFiles, nowUs: () => number) {
    this.files = files;
    this.nowUs = nowUs;
  }

  write(fd: number, bytes: Uint8Array, start: number, length: number, position: number): void {
    check(!this.writing, "one write at a time");
    this.writing = true;
    const beganUs = this.nowUs();
    this.files.write(fd, bytes, start, length, position, (error, written) => {
      this.writeUs = this.nowUs() - beganUs;
      this.written =
        error === null || error === undefined ? (written > 0 ? written : -constants.errno.ENOSPC) : errnoOf(error);
      this.completed();
    });
  }

  writeNow(fd: number, bytes: Uint8Array, start: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      try {
        const written = this.files.writeSync(fd, bytes, start + done, length - done, position + done);
        if (written === 0) return done > 0 ? done : -constants.errno.ENOSPC;
        done += written;
      } catch (thrown) {
        const errno = errnoOf(thrown);
        if (errno === -constants.errno.EINTR) continue;
        return done > 0 ? done : errno;
      }
    }
    return done;
  }

  sync(fd: number, lane: number): void {
    check(lane === 0 && !this.syncing, "one sync at a time on a lane");
    this.syncing = true;
    const beganUs = this.nowUs();
    this.files.fdatasync(fd, (error) => {
      this.syncUs = this.nowUs() - beganUs;
      this.synced = error === null || error === undefined ? 0 : errnoOf(error);
      this.completed();
    });
  }

  deliver(): boolean {
    const { written, synced } = this;
    this.written = NOTHING;
    this.synced = NOTHING;
    if (!Number.isNaN(written)) {
      this.writing = false;
      this.onWritten(written);
    }
    if (!Number.isNaN(synced)) {
      this.syncing = false;
      this.onSynced(synced, 0);
    }
    if (!this.writing && !this.syncing && this.whenIdle !== undefined) this.whenIdle();
    return !Number.isNaN(written) || !Number.isNaN(synced);
  }

  lastWriteUs(): number {
    return this.writeUs;
  }

  lastSyncUs(): number {
    return this.syncUs;
  }

  async close(): Promise<void> {
    if (this.writing || this.syncing) await new Promise<void>((resolve) => (this.whenIdle = resolve));
  }

  private completed(): void {
    if (this.onComplete !== undefined) this.onComplete();
    else this.deliver();
  }
}
