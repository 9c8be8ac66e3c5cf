/**
 * One file of the disk in memory: its bytes as processes see them (the page cache), its bytes on the medium, and which writes
 * lie between the two.
 *
 * ```
 *  cache   ████████████████████░░░░▓▓▓▓          length
 *  stable  ████████████████                      stableLength
 *  dirty                       [..........)      writes that no sync has covered
 * ```
 * A sync covers what was written before it began. A failed one covers it as well, without storing it: the kernel marks the
 * pages clean, and no later sync touches them (D9). Of several that are under way the one that began first stores what was
 * dirty then; those that began later wait for it and store only the rest, so that, should it fail, their success does not
 * cover what it was to store. At a power cut each sector of each uncovered write is decided on its own.
 *
 * Invariant: bytes that no uncovered write has touched survive every power cut (SQLite calls that "powersafe overwrite").
 */
import { type Random, uniform } from "../base/random.ts";

interface DirtyRange {
  readonly start: number;
  readonly end: number;
  readonly stamp: number;
  /** The sync that began to store it; 0: none has. */
  writeback: number;
}

/** What one sync will have stored when it ends: a picture of what was dirty when it began. */
export interface Writeback {
  readonly number: number;
  readonly stamp: number;
  readonly length: number;
  readonly pieces: readonly { readonly start: number; readonly bytes: Uint8Array; readonly own: boolean }[];
}

/** What a power cut does to the sectors that were being written. */
export interface PowerCut {
  readonly random: Random;
  /** Sectors of 512 bytes are torn inside, pages of 4096 between sectors. */
  readonly sectorBytes: 512 | 4096;
  /** Bytes that lay elsewhere on the medium, for sectors that come back with something old in them. */
  readonly old: Uint8Array;
  /** Called with what became of each sector. */
  readonly count: (outcome: SectorOutcome) => void;
}

export const SECTOR_OUTCOMES = ["kept", "dropped", "torn", "zeros", "old bytes", "random bytes"] as const;
export type SectorOutcome = (typeof SECTOR_OUTCOMES)[number];

export class MemoryFile {
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  /** Space set aside beyond the length. */
  reservedEnd = 0;
  private stable: Uint8Array = new Uint8Array(0);
  private dirty: DirtyRange[] = [];
  private stamp = 0;
  /** The stamp of the latest sync that has stored something. */
  private storedStamp = 0;
  private writebacks = 0;
  /** Syncs that fail. */
  private failing: number[] = [];

  /** A file whose bytes are on the medium already. */
  static of(bytes: Uint8Array): MemoryFile {
    const file = new MemoryFile();
    file.bytes = bytes.slice();
    file.length = bytes.length;
    file.stable = bytes.slice();
    return file;
  }

  write(source: Uint8Array, start: number, count: number, position: number): void {
    const end = position + count;
    if (position > this.length) this.extend(position);
    this.grow(end);
    if (end > this.length) this.length = end;
    this.bytes.set(source.subarray(start, start + count), position);
    this.dirty.push({ start: position, end, stamp: ++this.stamp, writeback: 0 });
  }

  truncate(length: number): void {
    if (length > this.length) this.extend(length);
    this.length = length;
    this.reservedEnd = 0;
    this.stamp++;
  }

  /** What a sync that begins now, and fails or not, will cover. */
  beginWriteback(fails: boolean): Writeback {
    const number = ++this.writebacks;
    if (fails) this.failing.push(number);
    for (const range of this.dirty) if (range.writeback === 0) range.writeback = number;
    const pieces = this.dirty
      .filter(({ start, writeback }) => start < this.length && (fails || !this.failing.includes(writeback)))
      .map(({ start, end, writeback }) => ({
        start,
        bytes: this.bytes.slice(start, Math.min(end, this.length)),
        own: writeback === number,
      }));
    return { number, stamp: this.stamp, length: this.length, pieces };
  }

  /** The sync has succeeded. */
  endWriteback(writeback: Writeback): void {
    const { stamp, length, pieces } = writeback;
    // One that began later has ended already and has stored all of this.
    if (stamp < this.storedStamp) return;
    this.storedStamp = stamp;
    const stable = new Uint8Array(length);
    stable.set(this.stable.subarray(0, Math.min(length, this.stable.length)));
    for (const { start, bytes } of pieces) stable.set(bytes, start);
    this.stable = stable;
    // What another one fails to store stays undecided until that one has ended.
    this.dirty = this.dirty.filter((range) => range.stamp > stamp || this.failing.includes(range.writeback));
  }

  /** The sync has failed: what it should have stored counts as clean from here on, and may be dropped from the cache. */
  failWriteback(writeback: Writeback, lost: boolean): void {
    const { number } = writeback;
    this.failing = this.failing.filter((other) => other !== number);
    this.dirty = this.dirty.filter((range) => range.writeback !== number);
    if (!lost) return;
    for (const { start, bytes, own } of writeback.pieces) {
      if (!own) continue;
      for (let i = 0; i < bytes.length; i++) this.bytes[start + i] = this.stable[start + i] ?? 0;
    }
  }

  /** Everything is on the medium. */
  sync(): void {
    this.storedStamp = this.stamp;
    this.stable = this.bytes.slice(0, this.length);
    this.dirty = [];
  }

  /** A power cut that loses everything that no sync has covered. */
  revert(): void {
    this.bytes = this.stable.slice();
    this.length = this.bytes.length;
    this.reservedEnd = 0;
    this.dirty = [];
    this.failing = [];
  }

  /** Bytes on the medium; may be shown again elsewhere as the old bytes of a sector. */
  get stored(): Uint8Array {
    return this.stable;
  }

  /** A power cut that decides each uncovered sector, and the length, by itself. */
  cut(power: PowerCut): void {
    const { random } = power;
    const before = this.stable;
    const written = this.bytes.subarray(0, this.length);
    const result = new Uint8Array(chooseLength(random, before.length, written.length));
    result.set(before.subarray(0, Math.min(before.length, result.length)));
    for (const range of this.dirty) {
      for (let start = range.start; start < range.end; ) {
        const end = Math.min(range.end, (Math.floor(start / power.sectorBytes) + 1) * power.sectorBytes);
        cutSector(power, result, written, start, Math.min(end, result.length, written.length));
        start = end;
      }
    }
    this.stable = result;
    this.revert();
  }

  /** Changes bytes both in the cache and on the medium: decay. */
  damage(change: (bytes: Uint8Array) => void): void {
    change(this.bytes.subarray(0, this.length));
    change(this.stable);
  }

  clone(): MemoryFile {
    const copy = new MemoryFile();
    copy.bytes = this.bytes.slice(0, this.length);
    copy.length = this.length;
    copy.reservedEnd = this.reservedEnd;
    copy.stable = this.stable.slice();
    copy.dirty = this.dirty.map((range) => ({ ...range }));
    copy.writebacks = this.writebacks;
    copy.failing = [...this.failing];
    copy.stamp = this.stamp;
    copy.storedStamp = this.storedStamp;
    return copy;
  }

  private extend(length: number): void {
    this.grow(length);
    this.bytes.fill(0, this.length, length);
    this.length = length;
  }

  private grow(length: number): void {
    if (length <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(length, this.bytes.length * 2, 256));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

/** The old length, the new one, or, where the file was growing, one between. */
function chooseLength(random: Random, stable: number, written: number): number {
  const dice = uniform(random, 4);
  if (dice === 0) return stable;
  if (dice === 1 && written > stable) return stable + uniform(random, written - stable + 1);
  return written;
}

/** Decides the piece [start, end) of an uncovered write, which lies in one sector. */
function cutSector(power: PowerCut, result: Uint8Array, written: Uint8Array, start: number, end: number): void {
  if (end <= start) return;
  const { random, old } = power;
  const dice = uniform(random, 20);
  let outcome: SectorOutcome = "kept";
  if (dice < 8) result.set(written.subarray(start, end), start);
  else if (dice < 14) outcome = "dropped";
  else if (dice < 17) {
    outcome = "torn";
    const whole = power.sectorBytes === 512 ? 1 : 512;
    const kept = Math.floor(uniform(random, end - start + 1) / whole) * whole;
    result.set(written.subarray(start, start + kept), start);
  } else if (dice === 17) {
    outcome = "zeros";
    result.fill(0, start, end);
  } else if (dice === 18) {
    outcome = "old bytes";
    const from = uniform(random, Math.max(1, old.length - (end - start)));
    result.set(old.subarray(from, Math.min(old.length, from + end - start)), start);
  } else {
    outcome = "random bytes";
    for (let i = start; i < end; i++) result[i] = random.int32();
  }
  power.count(outcome);
}
