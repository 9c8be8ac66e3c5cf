/** Faults of the simulated disk while a server runs: armed by a step, ended by another one or by a crash. */
import { type Random, uniform } from "../../src/base/random.ts";
import { EIO, ENOSPC } from "../../src/disk/errno.ts";
import type { MemoryDisk } from "../../src/disk/memory_disk.ts";
import type { Counts } from "./counts.ts";

/** Thrown by every operation of a process that has died in the middle of one. */
export class ProcessDied extends Error {}
/** Of all processes: nobody asks where it came from. */
const PROCESS_DIED = new ProcessDied();

/** Operations that a fault may hit, each as often as its name stands here. */
const OPERATIONS = [
  "pwrite",
  "pwrite",
  "fdatasync",
  "fdatasync",
  "sync directory",
  "open",
  "rename",
  "unlink",
  "truncate",
  "reserve",
] as const;

export class Faults {
  private readonly disk: MemoryDisk;
  private readonly counts: Counts;
  private operation = "";
  private countdown = 0;
  private lasts = false;
  private errno = 0;
  /** Operations until the process dies; 0: it does not. */
  private dieIn = 0;
  private dead = false;
  /** Told instead of throwing ProcessDied. */
  private died: (() => void) | undefined;
  /** A sync has failed since the process began, and the kernel has dropped what it should have stored. */
  pagesLost = false;
  /** Sees every operation: the trace. */
  private readonly trace: (text: string) => void;

  constructor(disk: MemoryDisk, counts: Counts, trace: (text: string) => void) {
    this.disk = disk;
    this.counts = counts;
    this.trace = trace;
    disk.onOperation = (operation, path) => this.seen(operation, path);
  }

  /** A fault that the dice choose. */
  arm(random: Random): void {
    const dice = uniform(random, 10);
    if (dice === 0) {
      this.disk.shortWriteBytes = 1 + uniform(random, 300);
      this.counts.add("faults: short writes");
      return;
    }
    if (dice < 3) {
      this.disk.spaceBytes = uniform(random, 400_000);
      this.counts.add("faults: disk full");
      return;
    }
    this.operation = OPERATIONS[uniform(random, OPERATIONS.length)]!;
    this.countdown = 1 + uniform(random, 4);
    this.lasts = uniform(random, 3) === 0;
    this.errno = uniform(random, 3) === 0 ? ENOSPC : EIO;
    const lost = uniform(random, 2) === 0;
    this.disk.failedSyncLoses = () => lost;
  }

  /**
   * The process dies at the n-th operation from here, before it is done. A start is left by ProcessDied. A process that runs may be called back
   * from anywhere: `died` is told, keeps the disk as it is, and what the process does until it gets out of this never happened.
   */
  dieAt(operations: number, died?: () => void): void {
    this.dieIn = operations;
    this.died = died;
  }

  /** The n-th operation from here fails, once. */
  failAt(operation: string, n: number): void {
    this.operation = operation;
    this.countdown = n;
    this.lasts = false;
    this.errno = EIO;
  }

  end(): void {
    this.operation = "";
    this.dieIn = 0;
    this.dead = false;
    this.died = undefined;
    this.disk.shortWriteBytes = Number.POSITIVE_INFINITY;
    this.disk.spaceBytes = Number.POSITIVE_INFINITY;
    this.disk.failedSyncLoses = () => false;
    this.disk.afterRead = null;
  }

  private seen(operation: string, path: string): number {
    if (this.dead && this.died !== undefined) return 0;
    if (this.dead) throw PROCESS_DIED;
    if (this.dieIn > 0 && --this.dieIn === 0) {
      this.dead = true;
      this.trace(`the process dies before ${operation} ${path}`);
      if (this.died === undefined) throw PROCESS_DIED;
      this.died();
      return 0;
    }
    this.trace(`${operation} ${path}`);
    if (operation !== this.operation || (this.countdown > 0 && --this.countdown > 0)) return 0;
    if (!this.lasts) this.operation = "";
    const lost = operation === "fdatasync" && this.disk.failedSyncLoses();
    if (lost) this.pagesLost = true;
    const which = lost ? "fdatasync, pages lost" : operation;
    this.counts.add(`faults: failed ${which}`);
    this.trace(`fails with ${this.errno}`);
    return this.errno;
  }
}
