/**
 * How full the disk of the data directory is: ok, low, or so low that writes are refused before it is really full.
 *
 * Why refuse early: a start needs space of its own (it copies the open segment where nothing vouches for its end, and begins a new
 * one), and so do a manifest, a quarantine and whoever cleans up. A log that takes the last byte can't be started any more.
 *
 * The log takes space piece by piece (log/segment_file.ts) and asks `spareBytes` for each, so the last watermark holds whatever happens between
 * two looks. Where space can't be set aside the looks alone must do.
 *
 * Invariants: it decides and does nothing. A state that was entered is left only some way above the line that was crossed, so that it
 * does not flap.
 */
import { LOG_RESERVE_BYTES_MIN } from "../base/limits.ts";
import type { DiskSpace } from "../disk/disk.ts";

/** A directive's text: bytes, a share of the disk ("5%"), or "auto". Zero turns a watermark off. */
export interface Watermarks {
  readonly low: string;
  readonly stop: string;
}

export type SpaceState = "ok" | "low" | "stop";

/** `auto`: what a start may need to copy, but no more than this share of the disk. */
const AUTO_SHARE_MAX = 0.02;
/** How far above a watermark its state ends. */
const HYSTERESIS = 1.1;
/** With less free space than so many times a watermark it is looked at more often. */
const NEAR = 4;
/** Less than this above the last watermark is no room for a turn any more. */
const TURN_BYTES = LOG_RESERVE_BYTES_MIN;
/** The rate is that of the last two minutes, by samples at least so far apart. */
const RATE_WINDOW_US_MAX = 120_000_000;
const RATE_WINDOW_US_MIN = 1_000_000;
const SAMPLE_US = 5_000_000;

export class DiskSpaceWatch {
  state: SpaceState = "ok";
  /** What others could still write, bytes; -1 where nobody can say. */
  freeBytes = -1;
  totalBytes = -1;
  lowBytes = 0;
  stopBytes = 0;
  /** Until writes are refused, at the rate of the last minutes; -1: it does not fill up, or nothing is known yet. */
  secondsLeft = -1;
  /** In force; the numbers above follow at the next look. */
  watermarks: Watermarks;
  private readonly segmentBytesMax: number;
  /** When, and how much there was then; oldest first. */
  private samples: { readonly us: number; readonly bytes: number }[] = [];

  constructor(segmentBytesMax: number, watermarks: Watermarks = { low: "0", stop: "0" }) {
    this.watermarks = watermarks;
    this.segmentBytesMax = segmentBytesMax;
  }

  /** A watermark is so near that a second is long. */
  get isNear(): boolean {
    return this.freeBytes >= 0 && this.freeBytes < NEAR * Math.max(this.lowBytes, this.stopBytes);
  }

  /** What may be taken of the disk, as it is now. */
  spareBytes(space: DiskSpace | undefined): number {
    return space === undefined || this.stopBytes === 0 ? Number.POSITIVE_INFINITY : space.freeBytes - this.stopBytes;
  }

  /** `reservedBytes`: set aside by the log and not used yet. */
  look(space: DiskSpace | undefined, reservedBytes: number, nowUs: number): void {
    if (space === undefined) {
      this.freeBytes = -1;
      this.totalBytes = -1;
      this.state = "ok";
      this.secondsLeft = -1;
      this.samples = [];
      return;
    }
    const { watermarks, segmentBytesMax } = this;
    this.freeBytes = space.freeBytes;
    this.totalBytes = space.totalBytes;
    this.lowBytes = watermarkBytes(watermarks.low, space.totalBytes, segmentBytesMax);
    this.stopBytes = watermarkBytes(watermarks.stop, space.totalBytes, segmentBytesMax);
    this.state = this.judge(space.freeBytes);
    this.estimate(space.freeBytes + reservedBytes, nowUs);
  }

  private judge(bytes: number): SpaceState {
    const stopUntil = (this.state === "stop" ? this.stopBytes * HYSTERESIS : this.stopBytes) + TURN_BYTES;
    if (this.stopBytes > 0 && bytes < stopUntil) return "stop";
    const lowUntil = this.state === "ok" ? this.lowBytes : this.lowBytes * HYSTERESIS;
    return bytes < lowUntil ? "low" : "ok";
  }

  private estimate(bytes: number, nowUs: number): void {
    const { samples } = this;
    while (samples.length > 0 && nowUs - samples[0]!.us > RATE_WINDOW_US_MAX) samples.shift();
    const [oldest] = samples;
    const newest = samples[samples.length - 1];
    if (newest === undefined || nowUs - newest.us >= SAMPLE_US) samples.push({ us: nowUs, bytes });
    this.secondsLeft = -1;
    if (oldest === undefined || nowUs - oldest.us < RATE_WINDOW_US_MIN || bytes >= oldest.bytes) return;
    const bytesPerUs = (oldest.bytes - bytes) / (nowUs - oldest.us);
    this.secondsLeft = Math.round(Math.max(0, bytes - this.stopBytes) / bytesPerUs / 1e6);
  }
}

/** What a watermark says about a disk of this size. */
export function watermarkBytes(text: string, totalBytes: number, segmentBytesMax: number): number {
  if (text === "auto") return Math.min(segmentBytesMax, Math.floor(totalBytes * AUTO_SHARE_MAX));
  if (text.endsWith("%")) return Math.floor((totalBytes * Number(text.slice(0, -1))) / 100);
  return Number(text);
}
