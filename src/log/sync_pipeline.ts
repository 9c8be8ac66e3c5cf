/**
 * The syncs that are under way: what each one covers, and when it counts.
 *
 * Problem: a client waits for the whole of a sync and for what is left of the one before it. Where a disk works at several
 * syncs at a time, the next one need not wait for that: it begins as soon as there is something to sync, on a lane of its
 * own (log_io.ts). Then they end in any order, and some may fail.
 * ```
 *  written   ┌──────┬──────┬───────┬────────▶          covered: up to the end of what C covers
 *  sync A    └──────────────────┐  (lane 0)
 *  sync B           └────────┐ ended, counts after A   (lane 1)
 *  sync C                  └────────────────…          (lane 2)
 * ```
 * Invariants
 *  1. A sync covers what was written before it began, and nothing else (D12).
 *  2. Syncs count in the order in which they began. What B covers was partly being stored by A when it began; should that
 *     have failed, it is A that says so, and B's success is worth nothing then (D9).
 *  3. A lane has one sync at a time, and whoever has ended but does not count yet keeps his lane.
 *
 * Must not: start a sync, read a clock, decide when one is due (sync_schedule.ts).
 */
import { check } from "../base/check.ts";

export interface Sync {
  /** Last sequence and end of what it covers. */
  readonly sequence: number;
  readonly position: number;
  /** When the oldest write that only it covers was made, µs. */
  readonly oldestUs: number;
  readonly beganUs: number;
  readonly endedUs: number;
}

type Lane = { -readonly [Field in keyof Sync]: Sync[Field] };

const UNDER_WAY = -1;

export class SyncPipeline {
  /** Up to where the syncs that have begun cover the segment. */
  coveredPosition: number;
  private readonly lanes: readonly Lane[];
  /** Of the lanes in use, the one whose sync began first in front. */
  private readonly order: number[] = [];
  private underWay = 0;

  constructor(lanes: number, position: number) {
    this.lanes = Array.from({ length: lanes }, () => ({
      ...{ sequence: 0, position: 0, oldestUs: 0, beganUs: 0, endedUs: UNDER_WAY },
    }));
    this.coveredPosition = position;
  }

  /** Syncs that have begun and not ended. */
  get count(): number {
    return this.underWay;
  }

  /** The sync that will count next; undefined while there is none. */
  get first(): Sync | undefined {
    return this.order.length === 0 ? undefined : this.lanes[this.order[0]!];
  }

  /** A lane without a sync, the lowest; -1: each has one. */
  freeLane(): number {
    for (let lane = 0; lane < this.lanes.length; lane++) if (!this.order.includes(lane)) return lane;
    return -1;
  }

  /** A sync begins that covers everything up to here. */
  begin(lane: number, sequence: number, position: number, oldestUs: number, nowUs: number): void {
    check(!this.order.includes(lane), "one sync at a time on a lane");
    const sync = this.lanes[lane]!;
    sync.sequence = sequence;
    sync.position = position;
    sync.oldestUs = oldestUs;
    sync.beganUs = nowUs;
    sync.endedUs = UNDER_WAY;
    this.order.push(lane);
    this.underWay++;
    this.coveredPosition = position;
  }

  /** The sync on a lane has ended well; `next` says what counts by that. */
  end(lane: number, nowUs: number): Sync {
    const sync = this.lanes[lane]!;
    check(this.order.includes(lane) && sync.endedUs === UNDER_WAY, "a sync that began ends once");
    sync.endedUs = nowUs;
    this.underWay--;
    return sync;
  }

  /** The sync on a lane has ended and counts for nothing: it has failed, or one has before. // D9 */
  drop(lane: number): void {
    check(this.order.includes(lane), "a sync that began ends once");
    this.order.splice(this.order.indexOf(lane), 1);
    this.underWay--;
  }

  /** The next sync that counts from now on, once; undefined: the first one is under way, or there is none. */
  next(): Sync | undefined {
    const sync = this.first;
    if (sync === undefined || sync.endedUs === UNDER_WAY) return undefined;
    this.order.shift();
    return sync;
  }

  /** Another segment, in which everything up to `position` needs no sync of the writer's. */
  startAt(position: number): void {
    check(this.order.length === 0, "no sync reaches over two segments");
    this.coveredPosition = position;
  }
}
