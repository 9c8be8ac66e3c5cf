/**
 * Seeds that found something, by what it was; each is run by every `npm test`. `keep` is what shrinking left of it. A change of
 * what a seed means (fuzz/sim/plan.ts) makes them random seeds among others: what they found has a test of its own as well, which is named.
 */
export interface Regression {
  readonly name: string;
  readonly seed: number;
  readonly keep?: readonly number[];
}

export const REGRESSIONS: readonly Regression[] = [
  {
    // test/recovery/recovery.test.ts: "D9: after a failed sync the page cache holds what the medium does not, and calls it clean"
    name: "D9: a start served what only the page cache had, and a power cut took it",
    seed: 60,
  },
  {
    // The same file: "D3: of a damaged segment without commands that an earlier start had cut"
    name: "D3: a segment without commands was forgotten before it was trimmed, and then refused as a stray",
    seed: 117,
  },
  {
    // test/recovery/images.test.ts: "a repair then keeps nothing but copies, and a start serves that"
    name: "D16: a repair kept a log that no image was left for, and the start after it was refused",
    seed: 2966,
    keep: [15, 22, 56, 57, 58, 61, 64, 66],
  },
  {
    // test/recovery/resumption.test.ts: "a power cut brings back the segment whose header could not be stored"
    name: "D9: a segment whose header was lost by the sync that failed was a stray to the log that had begun anew",
    seed: 2704,
    keep: [0, 1, 2, 3, 4, 5],
  },
  {
    // test/recovery/images.test.ts: "D3: a segment that was not trimmed yet keeps its place before those that are not read"
    name: "D3: a start listed its segments in another order, and the next one was refused",
    seed: 984639610,
    keep: [7, 9, 10, 15, 17, 18, 19, 20, 21, 25, 26, 29, 30],
  },
  {
    // test/recovery/resumption.test.ts: "a power cut brings back the segment whose header could not be stored"
    name: "D9: the same, and the log had begun anew with the number that the segment had",
    seed: 1058011668,
    keep: [0, 1, 2, 3, 4, 6, 9],
  },
  {
    // test/unit/command/keys.test.ts: "D12: MOVE that finds the key in its target shows that"
    name: "D12: a MOVE that did nothing told of a key in the target that was not on stable storage",
    seed: 515437355,
    keep: [0, 2, 4, 18],
  },
  {
    name: "D3: after a segment that was not trimmed yet those that are not read counted for nothing, and the start was refused",
    seed: 235472441,
    keep: [0, 1, 2, 4, 6, 12, 13, 25, 26, 29, 34, 35, 51, 54],
  },
  {
    // test/recovery/shipping_crashes.test.ts: "D17: the segments of the epoch before have made room, and the backup goes on from them all the same"
    name: "D17: a backup began anew because what was shipped was of the epoch before, and was not here any more",
    seed: 2000708,
  },
  {
    // test/recovery/stale_header.test.ts: "D5: the header of another segment in one that no manifest lists yet is cut, …"
    name: "D5: a power cut left the header of another segment in one that was just being begun, and the start was refused",
    seed: 3007383,
  },
  {
    name: "D13: with its manifest gone a database whose log was empty behind its image was begun anew, and the image removed",
    seed: 942744442,
    keep: [2, 3, 5, 6, 10, 12, 17, 24, 27, 28, 29, 30, 31, 33, 34, 35, 38],
  },
  {
    // test/recovery/images.test.ts: "where the log is not whole any more those that could not be read stay, …"
    name: "D16: one failed read took the image to fall back on, and the log behind it was not whole any more",
    seed: 1048004116,
    keep: [5, 8, 16, 19, 20, 21, 22, 26, 27, 28, 30, 31, 32, 35, 38, 39, 58, 59],
  },
  {
    // test/unit/log/writer.test.ts: "nothing in a segment is synced, or counts as durable, before the manifest lists it (D13, D9)"
    name: "D9: a sync of a segment that was being listed failed, the listing's own did not, and the header was lost",
    seed: 942738054,
    keep: [10, 53, 54, 55, 56, 57],
  },
  {
    // test/unit/log/unused_space.test.ts: "unused sectors from elsewhere in the place of the last frames are damage"
    name: "D8: a misdirected write put space that was written ahead over the last frames, and the file seemed to end before them",
    seed: 77004275,
    keep: [3, 8, 12, 13],
  },
  {
    // test/recovery/images.test.ts: "D3: what a manifest lists whose own sync failed keeps its bytes, …"
    name: "D3: an image took the name of another one, which a manifest listed that had been given up",
    seed: 689896273,
    keep: [37, 38, 48, 49, 50],
  },
  {
    // test/unit/backup/resumed_log.test.ts: "D9: a pass in the middle of the change, and then the end of the process: the backup goes on"
    name: "D9: what was kept of a log for the backup went before the log was replaced, and the backup began anew",
    seed: 651361124,
    keep: [2, 3, 6, 7, 8, 12, 17, 20, 22, 23, 35, 36, 37, 43, 44, 46],
  },
  {
    // test/unit/backup/prune.test.ts: "a claim of which everything was pruned is not missed, …"
    name: "D17: claims of which everything was pruned were missed where an older one of somebody else was there",
    seed: 3005478,
  },
];
