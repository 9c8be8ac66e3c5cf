/**
 * What a store gives back, held against the oracle: every state that it says it can restore is one that was, in an unbroken row from the beginning on;
 * one of them is restored for real and must be the state that the oracle has after that command.
 */
import { decodeGeneration } from "../../src/backup/generation.ts";
import { gapsOf, joinedRanges, reaches, readHistory } from "../../src/backup/history.ts";
import type { MemoryStore } from "../../src/backup/memory_store.ts";
import { restore } from "../../src/backup/restore.ts";
import { planRestore } from "../../src/backup/restore_plan.ts";
import { verifyBackup } from "../../src/backup/verify.ts";
import type { Keys } from "../../src/base/key_ring.ts";
import { type Random, uniform } from "../../src/base/random.ts";
import { writeFully } from "../../src/disk/disk.ts";
import { MemoryDisk } from "../../src/disk/memory_disk.ts";
import { beginRestored } from "../../src/engine/restored_directory.ts";
import { crc32c } from "../../src/platform/checksum.ts";
import type { Crowd } from "./crowd.ts";
import { SIM_DIRECTORY } from "./directory.ts";
import type { FoundState } from "./history.ts";
import type { Model } from "./model.ts";
import type { Listener } from "./server.ts";
import { type Schedule, type SimClock, SimLogIo } from "./world.ts";

/** Numbers of writes by the command of the log that was the last of each. */
export class Milestones {
  private readonly writes = new Map<number, number>([[0, 0]]);
  /** When each was executed, wall clock, ms; of those that no client has asked for, or had to wait, nobody knows. */
  private readonly times = new Map<number, number>();

  /** After command `sequence` so many writes had been executed. */
  note(sequence: number, writes: number): void {
    this.writes.set(sequence, writes);
  }

  /** The commands behind `before`, up to `last`, were executed at `ms`. */
  executed(before: number, last: number, ms: number): void {
    for (let sequence = before + 1; sequence <= last; sequence++) this.times.set(sequence, ms);
  }

  /** What came after `sequence` has never been. */
  recovered(sequence: number, writes: number): void {
    for (const each of this.writes.keys()) if (each > sequence) this.writes.delete(each);
    for (const each of this.times.keys()) if (each > sequence) this.times.delete(each);
    this.writes.set(sequence, writes);
  }

  /** The last command before the first one that was executed behind `ms`; the last of all where none was. */
  lastBefore(ms: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const [sequence, executedMs] of this.times) if (executedMs > ms && sequence < first) first = sequence;
    return first === Number.POSITIVE_INFINITY ? Math.max(...this.writes.keys()) : first - 1;
  }

  /** What `found`, the state after command `sequence`, which was noted, has that the oracle has not; "": nothing. */
  difference(model: Model, sequence: number, found: FoundState, nowMs: number): string {
    const writes = this.writes.get(sequence)!;
    return model.fits(found, writes, nowMs) ? "" : `${writes} writes: ${model.difference(found, writes, nowMs)}`;
  }

  /** The commands noted. */
  get sequences(): number[] {
    return [...this.writes.keys()];
  }
}

/** What the clients hear, and which command of the log was the last of each request. */
export function noting(crowd: Crowd, milestones: Milestones, model: Model, sequence: () => number): Listener {
  return {
    received: (slot, bytes) => crowd.received(slot, bytes),
    published: (channel, message) => crowd.published(channel, message),
    executed: (event) => {
      crowd.executed(event);
      milestones.note(sequence(), model.writes);
    },
  };
}

export interface StoreWorld {
  readonly store: MemoryStore;
  readonly clock: SimClock;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly keys: Keys;
}

/**
 * What is wrong with the store by itself; "": nothing. `keptFrom`: no pruning may take the state after this command, or a later one. `whole`: the log
 * has never begun anew, so nothing of it is missing.
 */
export async function storeProblem(
  store: MemoryStore,
  reported: number,
  keptFrom: number,
  whole: boolean,
): Promise<string> {
  const history = await readHistory(store);
  const covered = reaches(history);
  const last = covered.reduce((end, reach) => Math.max(end, reach.last), 0);
  if (last < reported) return `the store restores ${last} commands, and ${reported} were said to be in it`;
  // Nobody has come so far as to claim it.
  if (history.claims.length === 0) return "";
  const { wrong } = await verifyBackup({ store, identities: null }, crc32c);
  if (wrong.length > 0) return `the store is damaged: ${wrong[0]}`;
  if (!whole) return "";
  const gap = gapsOf(history).find(({ before }) => before > keptFrom);
  if (gap !== undefined) return `the backup has a hole between ${gap.after} and ${gap.before}`;
  if (covered.length === 0) return "";
  const ranges = joinedRanges(covered);
  const from = Math.min(keptFrom, last);
  if (ranges.some(({ first, last: end }) => first <= from && end === last)) return "";
  return `the backup restores ${ranges.map((each) => `${each.first} to ${each.last}`).join(", ")}, and not all from ${from} on`;
}

/** The command after which a state is restored: the last one, or any that is restorable and of which the oracle knows the state; undefined: there is none. */
export async function chooseSequence(
  { store, random }: StoreWorld,
  milestones: Milestones,
  latest: boolean,
): Promise<number | undefined> {
  const covered = reaches(await readHistory(store));
  const known = milestones.sequences.filter((each) => covered.some(({ first, last }) => first <= each && each <= last));
  if (known.length === 0) return undefined;
  return latest ? Math.max(...known) : known[uniform(random, known.length)]!;
}

/** A disk with the state after command `sequence`, restored from the store. */
export async function restoreTo(world: StoreWorld, sequence: number): Promise<MemoryDisk> {
  const { store, clock, schedule, random, keys } = world;
  const disk = new MemoryDisk(schedule.later);
  const plan = planRestore(await readHistory(store), { kind: "sequence", sequence }, store.place);
  const { generation } = plan;
  const options = {
    disk,
    directory: SIM_DIRECTORY,
    logIo: new SimLogIo(disk, schedule, 1),
    clock,
    random,
    crc32c,
    policy: "always",
    segmentBytesMax: 64 * 1024,
  } as const;
  let ended = false;
  const work = restore(
    {
      disk,
      directory: SIM_DIRECTORY,
      crc32c,
      keys,
      begin: (kept) => beginRestored(options, kept),
      createFile: (file, body) => createFile(disk, file, body),
    },
    { store, identities: null },
    plan,
    generation === null ? null : decodeGeneration(generation.name, await store.read(generation.name), crc32c),
  ).finally(() => {
    ended = true;
  });
  work.catch(() => undefined);
  while (!ended) {
    for (let i = 0; i < 4; i++) await Promise.resolve();
    if (!ended && schedule.length > 0) schedule.runFirst();
  }
  await work;
  return disk;
}

async function createFile(
  disk: MemoryDisk,
  file: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const fd = disk.open(file, "create");
  let at = 0;
  for await (const piece of body instanceof Uint8Array ? [body] : body) {
    writeFully(disk, fd, piece, 0, piece.length, at, file);
    at += piece.length;
  }
  disk.close(fd);
  return true;
}
