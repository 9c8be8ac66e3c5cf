/**
 * The commit pipeline: effects in, positions out.
 *
 * Problem: a turn must cost the engine's thread almost nothing, yet nothing may be acknowledged that is not in the file
 * (`everysec`, `no`) or not on stable storage (`always`); and a sync may take 300 ms at any time.
 *
 * Outline: `commit` puts a header in front of the turn's effects (log_buffer.ts). When nothing else is going on the bytes are
 * written on the spot, about 15 µs for 50 KB, and `writtenSequence` advances before `commit` returns. Large writes, and those beside a sync that may
 * last, are the write thread's. Syncs run on threads of their own: one at a time, or overlapping under `always` (sync_pipeline.ts).
 *
 * Invariants
 *  1. sequence >= writtenSequence >= durableSequence; each only grows.
 *  2. One write in flight at most. Bytes are written in order, so what is in the file is a prefix.
 *  3. durableSequence covers only what was written before a completed sync began, all those before it having completed as
 *     well (D12), in a segment that the manifest lists: what no manifest lists holds nothing that was acknowledged under `always` (D13).
 *  4. A unit lies whole in one segment (D18). A segment is followed by the next one only after it was cut to its last whole
 *     unit and synced (D11), and never written again (D7, D17).
 *  5. After a failed write nothing is dropped: the bytes stay here and go into a new segment as soon as there is space. Until
 *     then `reserve` refuses. After a failed sync nothing advances any more (D9).
 *
 * `onProgress` is called from completions and `tick`, never from inside `commit`, `reserve` or `cohort`.
 */
import { check } from "../base/check.ts";
import * as limits from "../base/limits.ts";
import { DiskError } from "../disk/disk.ts";
import { EIO, errorText, misconf } from "../disk/errno.ts";
import { DATABASE_NONE, FLAG_MARK, frameFlagsAt, SEGMENT_HEADER_BYTES } from "./format.ts";
import { LogBufferPool, unitHeaderBytes } from "./log_buffer.ts";
import { LogQueue } from "./log_queue.ts";
import { NextSegment } from "./next_segment.ts";
import type { ReservedSpace, SegmentFile, SegmentSummary } from "./segment_file.ts";
import { countSync, emptyLogStatistics, forgetExposure, type LogObserver, type LogStatistics } from "./statistics.ts";
import { type Sync, SyncPipeline } from "./sync_pipeline.ts";
import { type FsyncPolicy, SyncSchedule } from "./sync_schedule.ts";
import { WriteBatch } from "./write_batch.ts";
import type { LogFailure, LogWriterOptions } from "./writer_options.ts";

type State = "open" | "rotating" | "failed" | "closed";

export class LogWriter {
  /** Sequence of the last command committed. */
  sequence: number;
  /** Everything up to here is in the file. */
  writtenSequence: number;
  /** Everything up to here is covered by a completed sync. */
  durableSequence: number;
  failed: LogFailure | null = null;
  /** What the last attempt to set space aside came to: zero or a negative error number. */
  reserveErrno = 0;
  onProgress: () => void = () => {};
  observer: LogObserver | undefined;
  readonly statistics: LogStatistics = emptyLogStatistics();

  private readonly options: LogWriterOptions;
  private readonly schedule: SyncSchedule;
  private readonly queue: LogQueue;
  private segment: SegmentFile;
  private readonly next: NextSegment;
  private state: State = "open";
  commitMs: number;

  private writeInFlight = false;
  private writeBeganUs = 0;
  private lastWriteBytes = 0;
  private readonly batch = new WriteBatch();

  private readonly syncs: SyncPipeline;
  private syncSealsSegment = false;

  /** Of the current segment: how far syncs have got, and whether the manifest lists it. */
  private syncedPosition: number;
  private wantedSequence = 0;
  private listed = true;
  private closing = false;
  private rotationWanted = false;

  /** When the oldest write that no sync has begun to cover was made. */
  private oldestUnsyncedUs = 0;
  private lastCommitUs = 0;
  private markedDurable: number;
  private retryUs = 0;
  private readonly waiters: (() => void)[] = [];

  /** Continues in `segment`, which is empty, durable and listed in the manifest. */
  constructor(options: LogWriterOptions, segment: SegmentFile) {
    this.options = options;
    this.queue = new LogQueue(options.buffers ?? new LogBufferPool());
    this.segment = segment;
    this.schedule = new SyncSchedule(options.policy, options.logIo.lanes);
    this.syncs = new SyncPipeline(options.logIo.lanes, segment.goodPosition);
    this.next = new NextSegment(options);
    this.commitMs = options.commitMs;
    const last = segment.header.firstSequence - 1;
    this.sequence = last;
    this.writtenSequence = last;
    this.durableSequence = last;
    this.markedDurable = last;
    this.syncedPosition = segment.goodPosition;
    this.statistics.segments = 1;
    options.logIo.onWritten = (result) => this.written(result);
    options.logIo.onSynced = (result, lane) => this.synced(result, lane);
  }

  /** Committed bytes that are not in the file yet. */
  get pendingBytes(): number {
    return this.queue.pendingBytes;
  }

  get policy(): FsyncPolicy {
    return this.schedule.policy;
  }

  set policy(policy: FsyncPolicy) {
    if (policy !== this.policy) forgetExposure(this.statistics, this.options.clock.monotonicUs());
    this.schedule.policy = policy;
    this.syncIfDue();
  }

  /** Set aside in the current segment. Where the platform can't do that, a full disk shows when a write fails. */
  get space(): ReservedSpace {
    return this.segment.space;
  }

  /** The engine takes no further turns while this is true; `onProgress` tells when to look again. */
  get congested(): boolean {
    return this.pendingBytes > limits.LOG_PENDING_BYTES_MAX;
  }

  /** A sync is under way. */
  get syncing(): boolean {
    return this.syncs.count > 0;
  }

  /** When the oldest write that is not durable was made, as the clock's monotonic ms, or -1. */
  get oldestUnsyncedMs(): number {
    if (this.writtenSequence === this.durableSequence) return -1;
    return (this.syncs.first ?? { oldestUs: this.oldestUnsyncedUs }).oldestUs / 1000;
  }

  /** Nothing is on its way to the disk. */
  get idle(): boolean {
    return !this.writeInFlight && !this.syncing;
  }

  get segmentName(): string {
    return this.segment.name;
  }

  get segmentBytes(): number {
    return this.segment.position;
  }

  /**
   * The buffer in which the next effects go, from `payloadStart` on. It stays the same, and nothing else writes to it, until
   * `commit`. Who needs more room goes on in a larger buffer of his own, at the same offset, and commits that one.
   */
  payloadBytes(): Uint8Array {
    return this.queue.payloadBytes();
  }

  payloadStart(): number {
    return this.queue.payloadStart();
  }

  /** Under the policy in force, replies that show writes up to here may leave. */
  get releasedSequence(): number {
    return this.schedule.policy === "always" ? this.durableSequence : this.writtenSequence;
  }

  /** Why writes are refused, as clients see it; undefined while they are not. */
  get refusal(): string | undefined {
    return this.failed === null ? undefined : misconf(errorText(this.failed.errno));
  }

  /** Is there space for `bytes` of effects, an upper bound for the turn to come (D15)? False: refuse its writes. */
  reserve(bytes: number): boolean {
    if (this.failed !== null || this.state === "closed") return false;
    const needed = this.queue.bytesOnDiskMax + bytes + unitHeaderBytes(bytes) + limits.LOG_RESERVE_SLACK_BYTES;
    // Between two syncs the file system has its hands free: space for later turns is set aside then.
    const ahead = this.syncing || !this.listed ? 0 : limits.LOG_RESERVE_AHEAD_BYTES;
    let result = this.state === "open" ? this.segment.reserve(needed - this.inFlight(), ahead) : 0;
    if (result === 0) result = this.next.extendTo(SEGMENT_HEADER_BYTES + needed);
    this.reserveErrno = result;
    return result === 0;
  }

  /**
   * Commits the effects at [payloadStart, end) of `payloadBytes()`, or of the larger buffer that took its place: `commands`
   * requests that form one unit. `database` is the one selected at the start of the payload, -1 for none. Afterwards
   * `writtenSequence` may have advanced, or `failed` be set.
   */
  commit(payload: Uint8Array, end: number, commands: number, database: number): void {
    check(this.state !== "closed" && !this.closing, "the log is open");
    const raw = this.options.clock.wallMs();
    if (raw > this.commitMs) this.commitMs = raw;
    const selected = database < 0 ? DATABASE_NONE : database;
    this.queue.commit(payload, end, commands, selected, this.sequence + 1, this.commitMs, raw);
    this.sequence += commands;
    this.lastCommitUs = this.options.clock.monotonicUs();
    this.pump();
    this.syncIfDue();
  }

  /** Architecture, section 4: tells how many of the clients that the last sync released have come back. */
  cohort(returned: number, expected: number): void {
    this.schedule.cohort(returned, expected);
    this.syncIfDue();
  }

  /** Somebody waits for everything up to `sequence` to be durable: a sync begins when that is written, but with `no`. */
  want(sequence: number): void {
    if (sequence > this.wantedSequence) this.wantedSequence = sequence;
    this.syncIfDue();
  }

  /** Microseconds until a sync that is being held back is due; -1: none is. The engine calls `tick` then. */
  syncDueUs(): number {
    if (this.policy !== "always" || !this.mayBegin() || !this.hasUnsynced() || this.state !== "open") return -1;
    return Math.max(0, this.schedule.dueInUs(this.options.clock.monotonicUs(), this.oldestUnsyncedUs));
  }

  /** To be called at least every 100 ms: syncs that are due, marks, attempts to go on after a failure. */
  tick(): void {
    const nowUs = this.options.clock.monotonicUs();
    if (this.state === "failed" && this.failed?.kind === "write" && nowUs >= this.retryUs) this.resume(nowUs);
    if (this.pendingBytes === 0 && nowUs - this.lastCommitUs >= limits.LOG_MARK_IDLE_US) this.markIfNews();
    this.pump();
    this.syncIfDue();
  }

  /** The next segment begins as soon as that can be done without anybody waiting: under another key, say. */
  rotate(): void {
    this.rotationWanted = true;
    this.syncIfDue();
  }

  /** Something from outside has made the log worthless: as after a failed sync nothing advances any more. // D9 */
  giveUp(errno: number): void {
    if (this.failed?.kind === "sync" || this.state === "closed") return;
    this.failSync(errno);
    this.report();
  }

  /** Resolves when everything committed so far is durable, whatever the policy; rejects when the log fails. */
  async durable(): Promise<void> {
    const target = this.sequence;
    while (this.durableSequence < target) {
      this.refuseIfFailed();
      this.startSync();
      await this.progress();
    }
  }

  /** Writes, syncs and marks everything, and closes the file. Returns what the manifest shall say about the last segment. */
  async close(): Promise<SegmentSummary> {
    check(!this.closing, "the log is closed once");
    this.closing = true;
    await this.durable();
    while (this.state === "rotating" || this.writeInFlight || this.syncing || !this.listed) {
      this.refuseIfFailed();
      await this.progress();
    }
    this.markIfNews();
    while (this.pendingBytes > 0) {
      this.refuseIfFailed();
      this.pump();
      if (this.pendingBytes > 0) await this.progress();
    }
    while (this.syncing) await this.progress();
    this.refuseIfFailed();
    this.segment.cutToGood();
    this.state = "closed";
    const result = this.options.disk.fdatasync(this.segment.fd);
    this.segment.closeQuietly();
    if (result < 0) throw new DiskError("sync", this.segment.name, result);
    return this.segment.summary();
  }

  /** Takes no more and gives the descriptors back as they are: after a failure, when `close` can't succeed. */
  abandon(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.options.logIo.onWritten = () => {};
    this.options.logIo.onSynced = () => {};
    // Who is still at work, a thread or `listSegment`, must not find another file behind the descriptor.
    if (!this.writeInFlight && !this.syncing && this.listed) this.segment.closeQuietly();
    this.next.close();
  }

  private progress(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  private report(): void {
    this.onProgress();
    for (const resolve of this.waiters.splice(0)) resolve();
  }

  private refuseIfFailed(): void {
    if (this.failed !== null) throw new DiskError(this.failed.kind, this.segment.name, this.failed.errno);
  }

  /** Bytes placed in the segment whose write has not ended: counted both in `pendingBytes` and in its position. */
  private inFlight(): number {
    return this.segment.position - this.segment.goodPosition;
  }

  /** Something was written that no sync has begun to cover. */
  private hasUnsynced(): boolean {
    return this.segment.goodPosition > this.syncs.coveredPosition;
  }

  /**
   * A sync may begin beside those that are under way; a change of segments waits until there are none. None begins before the manifest lists the
   * segment (D13): a failure is told to one of two syncs only, and whoever lists it must be the one (D9).
   */
  private mayBegin(): boolean {
    if (!this.listed) return false;
    if (this.syncs.first === undefined) return true;
    return this.schedule.overlaps && this.state === "open" && !this.isFull() && this.lane() >= 0;
  }

  /** A lane on which a sync can begin, or -1. */
  private lane(): number {
    const lane = this.syncs.freeLane();
    return lane >= 0 && this.segment.descriptor(lane) >= 0 ? lane : -1;
  }

  /** Writes what has gathered, here or on the thread, until there is nothing left or something must be waited for. */
  private pump(): void {
    while (this.state === "open" && !this.writeInFlight && this.pendingBytes > 0) {
      const buffer = this.queue.head();
      if (this.isFull() && (frameFlagsAt(buffer.bytes, buffer.taken) & FLAG_MARK) === 0 && this.beginRotation()) return;
      const { batch } = this;
      batch.take(buffer, this.segment, this.durableSequence, this.statistics);
      this.markedDurable = this.durableSequence;
      const { logIo, clock } = this.options;
      this.writeBeganUs = clock.monotonicUs();
      this.lastWriteBytes = batch.length;
      // Whoever syncs, a file or the manifest, may keep a write waiting: not on this thread, unless it is known to be short.
      const syncBeganUs = this.syncs.first?.beganUs ?? Number.POSITIVE_INFINITY;
      const apart = !this.schedule.writesBeside(this.writeBeganUs - syncBeganUs);
      if (apart || !this.listed || batch.length > limits.LOG_WRITE_NOW_BYTES_MAX) {
        this.statistics.writesOnThread++;
        this.writeInFlight = true;
        logIo.write(batch.fd, batch.bytes, batch.start, batch.length, batch.position);
        return;
      }
      this.statistics.writesOnCaller++;
      this.writeInFlight = true;
      while (this.writeInFlight) {
        this.absorb(logIo.writeNow(batch.fd, batch.bytes, batch.start, batch.length, batch.position));
      }
      this.observer?.wrote(clock.monotonicUs() - this.writeBeganUs, this.syncing);
    }
  }

  /** The segment is full, and what has been placed in it ends with a whole unit (D18). */
  private isFull(): boolean {
    return (
      (this.segment.position >= this.options.segmentBytesMax || this.rotationWanted) &&
      this.segment.position === this.segment.goodPosition &&
      !this.closing
    );
  }

  /** A write has ended. A short one is continued (D7) by leaving it in flight with less to do. */
  private absorb(result: number): void {
    if (result <= 0) {
      this.writeInFlight = false;
      this.failWrite(result === 0 ? EIO : result);
      return;
    }
    const { batch } = this;
    batch.advance(result);
    this.statistics.bytes += result;
    if (batch.length > 0) return;
    this.writeInFlight = false;
    if (!batch.endsUnit) return;
    if (!this.hasUnsynced()) this.oldestUnsyncedUs = this.options.clock.monotonicUs();
    this.queue.settle(this.segment.frames - this.segment.goodFrames);
    this.segment.settle(batch.lastSequence);
    this.writtenSequence = batch.lastSequence;
  }

  /** While a sync is under way and nothing waits, the space that comes next is written, so that later syncs are short. */
  private writeAhead(): void {
    if (this.policy !== "always" || this.state !== "open" || this.writeInFlight || this.pendingBytes > 0) return;
    if (!this.syncing || this.lastWriteBytes > limits.LOG_UNUSED_WRITE_BYTES_MAX) return;
    if (this.isFull() || this.closing || !this.segment.beginUnused(this.options.segmentBytesMax)) return;
    this.writeInFlight = true;
    const { fd, unused } = this.segment;
    this.options.logIo.write(fd, unused.bytes, unused.start, unused.length, unused.position);
  }

  private wroteAhead(result: number): void {
    this.segment.unused.ended(result);
    this.writeInFlight = false;
    this.writeEnded();
  }

  private written(result: number): void {
    if (this.segment.unused.under) return this.wroteAhead(result);
    this.absorb(result);
    if (this.writeInFlight) {
      const { batch } = this;
      this.options.logIo.write(batch.fd, batch.bytes, batch.start, batch.length, batch.position);
      return;
    }
    this.observer?.wrote(this.options.clock.monotonicUs() - this.writeBeganUs, true);
    this.writeEnded();
  }

  private writeEnded(): void {
    this.pump();
    this.syncIfDue();
    this.report();
  }

  private syncIfDue(): void {
    // After a failed write too: what got into the file before was acknowledged, and the disk may stay full for hours.
    if ((this.state !== "open" && this.state !== "failed") || !this.mayBegin()) return;
    if (this.state === "open" && this.isFull() && !this.writeInFlight && this.beginRotation()) return;
    if (!this.hasUnsynced()) return;
    const wanted = this.wantedSequence > this.durableSequence && this.writtenSequence >= this.wantedSequence;
    if (
      (wanted && this.policy !== "no") ||
      this.schedule.dueInUs(this.options.clock.monotonicUs(), this.oldestUnsyncedUs) <= 0
    )
      this.startSync();
  }

  private startSync(): void {
    if (this.state === "closed" || this.failed?.kind === "sync" || !this.mayBegin()) return;
    if (this.state === "rotating" && !this.syncSealsSegment) return;
    if (!this.hasUnsynced() && !this.syncSealsSegment) return;
    const lane = this.lane();
    const nowUs = this.options.clock.monotonicUs();
    this.syncs.begin(lane, this.writtenSequence, this.segment.goodPosition, this.oldestUnsyncedUs, nowUs);
    // D10: through a descriptor of the file that was written, not of whatever has its name now.
    this.options.logIo.sync(this.segment.descriptor(lane), lane);
    this.writeAhead();
  }

  private synced(result: number, lane: number): void {
    // D9: one that has failed makes those worthless that were under way beside it.
    if (result < 0 || this.failed?.kind === "sync") {
      this.syncs.drop(lane);
      if (this.failed?.kind !== "sync") this.failSync(result);
      this.report();
      return;
    }
    const nowUs = this.options.clock.monotonicUs();
    const { beganUs } = this.syncs.end(lane, nowUs);
    this.schedule.ended(nowUs, nowUs - beganUs);
    this.observer?.synced(nowUs - beganUs);
    for (let sync = this.syncs.next(); sync !== undefined; sync = this.syncs.next()) this.count(sync, nowUs);
    if (this.state === "rotating") this.continueRotation();
    this.pump();
    // Who is let go by it may be worth waiting for: said before the next sync is decided on.
    this.report();
    this.syncIfDue();
  }

  /** D12: a sync counts when it has ended, and so have all that began before it. */
  private count(sync: Sync, nowUs: number): void {
    const commands = sync.sequence - this.durableSequence;
    countSync(this.statistics, sync.endedUs - sync.beganUs, commands, sync.oldestUs, nowUs);
    this.schedule.counted(nowUs, sync.endedUs - sync.beganUs, nowUs - sync.oldestUs, commands);
    this.durableSequence = sync.sequence;
    this.syncedPosition = sync.position;
  }

  /** A mark, if the file does not say yet what is durable (D8). */
  private markIfNews(): void {
    if (this.markedDurable >= this.durableSequence || this.failed !== null || this.state !== "open") return;
    if (this.writeInFlight || this.pendingBytes > 0) return;
    const raw = this.options.clock.wallMs();
    if (raw > this.commitMs) this.commitMs = raw;
    this.queue.commitMark(this.sequence + 1, this.commitMs, raw);
    this.pump();
  }

  /**
   * Begins the change to a new segment; false while the old one goes on: until the manifest lists it, until there is space for
   * the next, and until earlier syncs have left so little to sync that nobody notices the wait for the last one (D11).
   */
  private beginRotation(): boolean {
    if (this.syncs.first !== undefined || !this.listed) return false;
    const nowUs = this.options.clock.monotonicUs();
    if (!this.next.prepared) {
      if (nowUs < this.retryUs) return false;
      if (this.prepareNext() < 0) {
        this.retryUs = nowUs + limits.LOG_RETRY_US;
        return false;
      }
    }
    if (
      this.segment.goodPosition - this.syncedPosition > limits.LOG_SEAL_BYTES_MAX &&
      this.next.earlySyncs < limits.LOG_EARLY_SYNCS_MAX
    ) {
      this.next.earlySyncs++;
      this.startSync();
      return false;
    }
    this.next.earlySyncs = 0;
    this.state = "rotating";
    this.continueRotation();
    return true;
  }

  /** The next file with space for what waits; zero or a negative error number. */
  private prepareNext(): number {
    return this.next.prepare(this.queue.bytesOnDiskMax + limits.LOG_RESERVE_SLACK_BYTES);
  }

  /** One step of the rotation; called again after each sync and when the manifest lists the segment. */
  private continueRotation(): void {
    if (this.syncs.first !== undefined || this.writeInFlight || !this.listed) return;
    try {
      if (!this.syncSealsSegment) {
        this.segment.cutToGood();
        this.syncSealsSegment = true;
        this.startSync();
        return;
      }
      this.openNext();
    } catch (thrown) {
      if (!(thrown instanceof DiskError)) throw thrown;
      this.failWrite(thrown.errno);
    }
  }

  /** The old segment is durable as it is (D11): the next one gets its header and name, and writing goes on. */
  private openNext(): void {
    const sealed = this.segment;
    const opened = this.next.open(sealed, this.writtenSequence);
    this.rotationWanted = false;
    this.segment = opened;
    this.statistics.segments++;
    this.syncSealsSegment = false;
    this.syncedPosition = opened.goodPosition;
    this.syncs.startAt(opened.goodPosition);
    this.listed = false;
    this.failed = null;
    this.state = "open";
    sealed.closeQuietly();
    this.options.listSegment(sealed.summary(), opened, (result) => {
      if (this.state === "closed") return;
      if (result < 0) this.failSync(result);
      else {
        this.listed = true;
        if (this.state === "rotating") this.continueRotation();
        this.pump();
        this.syncIfDue();
      }
      this.report();
    });
  }

  /** The segment has ended at its last whole unit (D7); what did not get in waits for the next one. */
  private failWrite(errno: number): void {
    this.statistics.failures++;
    // D9: what a failed sync has put in doubt no later write puts right.
    if (this.failed?.kind === "sync") return;
    this.failed = { kind: "write", errno };
    this.state = "failed";
    this.retryUs = this.options.clock.monotonicUs() + limits.LOG_RETRY_US;
    this.syncSealsSegment = false;
    this.queue.giveBack();
    this.next.drop();
  }

  // D9
  private failSync(errno: number): void {
    this.statistics.failures++;
    this.failed = { kind: "sync", errno };
    this.state = "failed";
    this.next.drop();
  }

  /** Tries to go on in a new segment after a failed write. `failed` is cleared when that one is open. */
  private resume(nowUs: number): void {
    this.retryUs = nowUs + limits.LOG_RETRY_US;
    const result = this.prepareNext();
    if (result < 0) {
      this.failed = { kind: "write", errno: result };
      return;
    }
    this.state = "rotating";
    this.continueRotation();
  }
}
