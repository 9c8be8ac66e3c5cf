/** Whether syncs overlap, decided by what writes have waited on disks of different kinds. */
import { describe, expect, test } from "vitest";
import { SyncOverlap } from "../../../src/log/sync_overlap.ts";

interface Disk {
  /** What a write waits, and what a sync takes, while one follows the other and while they overlap, µs. */
  readonly apart: number;
  readonly overlapping: number;
}

/** Lets syncs end for `seconds`; returns the share of the time in which they overlapped. */
function run(overlap: SyncOverlap, disk: Disk, fromUs: number, seconds: number): { nowUs: number; share: number } {
  let nowUs = fromUs;
  let active = 0;
  while (nowUs < fromUs + seconds * 1e6) {
    const us = overlap.active ? disk.overlapping : disk.apart;
    // Overlapping, one ends four times as often.
    const stepUs = overlap.active ? us / 4 : us;
    if (overlap.active) active += stepUs;
    nowUs += stepUs;
    overlap.counted(nowUs, us, us, 10);
  }
  return { nowUs, share: active / (nowUs - fromUs) };
}

describe("whether syncs overlap", () => {
  test("where waits pass at the same time, almost always", () => {
    const { share } = run(new SyncOverlap(), { apart: 2600, overlapping: 2200 }, 0, 60);
    expect(share).toBeGreaterThan(0.95);
  });

  test("where the disk takes one after the other, almost never, and tried ever more rarely", () => {
    const overlap = new SyncOverlap();
    const disk = { apart: 2600, overlapping: 4000 };
    const first = run(overlap, disk, 0, 10);
    expect(first.share).toBeGreaterThan(0);
    expect(first.share).toBeLessThan(0.1);
    const later = run(overlap, disk, first.nowUs, 300);
    expect(later.share).toBeLessThan(0.01);
  });

  test("never where syncs are short", () => {
    expect(run(new SyncOverlap(), { apart: 400, overlapping: 300 }, 0, 60).share).toBe(0);
  });

  test("a disk that changes is found out", () => {
    const overlap = new SyncOverlap();
    let { nowUs } = run(overlap, { apart: 2600, overlapping: 2200 }, 0, 20);
    ({ nowUs } = run(overlap, { apart: 2600, overlapping: 5000 }, nowUs, 40));
    expect(overlap.active).toBe(false);
    ({ nowUs } = run(overlap, { apart: 2600, overlapping: 2200 }, nowUs, 40));
    expect(overlap.active).toBe(true);
    ({ nowUs } = run(overlap, { apart: 300, overlapping: 300 }, nowUs, 1));
    expect(overlap.active).toBe(false);
    expect(run(overlap, { apart: 300, overlapping: 300 }, nowUs, 60).share).toBe(0);
  });

  test("a difference that means nothing changes nothing", () => {
    const { share } = run(new SyncOverlap(), { apart: 2200, overlapping: 2150 }, 0, 100);
    expect(share).toBeLessThan(0.05);
  });
});
