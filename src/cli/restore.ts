/**
 * `emberlog restore --from URL --dir DIR [--to TIME | --to-sequence N | --before COMMAND | --before-command REGEX] [--ttl keep|shift]
 * [--identity FILE] [--dry-run] [--json]`: a data directory as it was, for a server to be started on.
 *
 * `--to T`: what was acknowledged before T is in, what was sent after T is not. `--before FLUSHALL`: the state right before the last
 * FLUSHALL; a regular expression is compared with whole commands, their words separated by spaces.
 *
 * `--ttl keep` leaves the times at which keys expire as they are, so that those which have passed expire when the server starts; `--ttl shift` moves all of them by
 * the time between the restored moment and now.
 *
 * Exit codes: 0 done; 2 it failed. What was fetched lies in the folder `restoring` then: no server starts on it, and the next restore begins anew.
 */
import type { FetchOptions } from "../backup/fetch.ts";
import { findLast } from "../backup/find_command.ts";
import type { Generation } from "../backup/generation.ts";
import type { History } from "../backup/history.ts";
import type { ObjectStore } from "../backup/object_store.ts";
import { bytesToFetch, requireEmpty } from "../backup/restore.ts";
import { planRestore, type RestorePlan, type RestoreTarget } from "../backup/restore_plan.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { withScratchFolder } from "../disk/object_files.ts";
import { clearUnfinishedRestore } from "../engine/unfinished_restore.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { generationOf, restoreInto } from "../server/restoring.ts";
import {
  historyFor,
  openBackupStore,
  parseTime,
  readIdentities,
  sizeText,
  timeText,
  withErrors,
} from "./backup_options.ts";
import { Progress, type Terminal } from "./progress.ts";

export interface RestoreOptions {
  readonly from: string;
  readonly dir: string;
  readonly to?: string;
  readonly toSequence?: string;
  readonly before?: string;
  readonly beforeCommand?: string;
  readonly identity?: string;
  readonly claim?: string;
  readonly ttl?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function runRestore(
  options: RestoreOptions,
  keys: Keys,
  out: (text: string) => void,
  terminal: Terminal,
): Promise<number> {
  const json = options.json === true;
  return withErrors(json, out, async () => {
    const goal = goalOf(options);
    const disk = new NodeDisk(nativeFileCalls());
    const { ttl = "keep" } = options;
    if (ttl !== "keep" && ttl !== "shift")
      throw new EmberlogError("CONFIG_INVALID", `--ttl is keep or shift, not ${ttl}`);
    if (options.dryRun !== true) {
      await clearUnfinishedRestore(disk, options.dir);
      requireEmpty(disk, options.dir);
    }
    const identities = await readIdentities(options.identity);
    const store = await openBackupStore(options.from);
    try {
      const fetching: FetchOptions = { store, identities };
      const history = await historyFor(store, options.claim);
      const { target, found } = await targetOf(goal, history, fetching, keys, store);
      const plan = planRestore(history, target, store.place);
      const generation = await generationOf(plan, store);
      const facts = {
        place: store.place,
        directory: options.dir,
        ...describe(plan, generation),
        found,
        note: noteOn(plan),
      };
      if (!json) out(planText(facts));
      if (options.dryRun === true) {
        if (json) out(`${JSON.stringify({ ...facts, dryRun: true })}\n`);
        return 0;
      }
      const progress = new Progress("restoring", json ? undefined : terminal);
      let fetched = 0;
      const show = (bytes: number): void => {
        fetched += bytes;
        progress.showBytes(fetched, facts.bytes);
      };
      const showing: FetchOptions = { ...fetching, progress: show };
      const restored = await restoreInto(options.dir, keys, showing, plan, generation, ttl).finally(() =>
        progress.end(),
      );
      const nothing = target.kind === "time" && generation === null && restored.sequence === plan.origin;
      if (nothing) facts.note = "nothing was committed before that time: the database is empty";
      if (json) out(`${JSON.stringify({ ...facts, ...restored })}\n`);
      else {
        if (nothing) out(noteText(facts.note));
        const when = restored.commitMs === 0 ? "" : ` of ${new Date(restored.commitMs).toISOString()}`;
        out(`restored   ${options.dir}: the state after command ${restored.sequence}${when}\n`);
        if (ttl === "shift") out(`shifted    ${restored.shifted} expiries: each as far from now as it was then\n`);
        out(`next       emberlog --dir ${options.dir}\n`);
      }
      return 0;
    } finally {
      store.close();
    }
  });
}

type Goal =
  | RestoreTarget
  | { readonly kind: "before"; readonly what: string; readonly wanted: (name: string, command: string) => boolean };

function goalOf({ to, toSequence, before, beforeCommand }: RestoreOptions): Goal {
  const given = [to, toSequence, before, beforeCommand].filter((value) => value !== undefined);
  if (given.length > 1)
    throw new EmberlogError(
      "CONFIG_INVALID",
      "one of --to, --to-sequence, --before and --before-command says where to end",
    );
  if (to !== undefined) {
    return { kind: "time", ms: parseTime(to) };
  }
  if (toSequence !== undefined) {
    const sequence = /^\d+$/.test(toSequence) ? Number(toSequence) : -1;
    if (!Number.isSafeInteger(sequence) || sequence < 0)
      throw new EmberlogError("CONFIG_INVALID", `not a command's number: ${toSequence}`);
    return { kind: "sequence", sequence };
  }
  if (before !== undefined) {
    const name = before.toUpperCase();
    return { kind: "before", what: name, wanted: (each) => each === name };
  }
  if (beforeCommand === undefined) return { kind: "latest" };
  try {
    const pattern = new RegExp(beforeCommand, "i");
    return { kind: "before", what: beforeCommand, wanted: (_name, command) => pattern.test(command) };
  } catch (thrown) {
    throw new EmberlogError("CONFIG_INVALID", (thrown as Error).message);
  }
}

async function targetOf(
  goal: Goal,
  history: History,
  fetching: FetchOptions,
  keys: Keys,
  store: ObjectStore,
): Promise<{ target: RestoreTarget; found: string | null }> {
  if (goal.kind !== "before") return { target: goal, found: null };
  return withScratchFolder(async (scratch) => {
    const found = await findLast(
      { disk: new NodeDisk(), scratch, crc32c, keys, fetching },
      history.segments,
      goal.wanted,
    );
    if (found === undefined) throw new EmberlogError("DATA_MISSING", `${store.place} has no command ${goal.what}`);
    const text = `${found.text} (command ${found.sequence}, ${new Date(found.commitMs).toISOString()})`;
    return { target: { kind: "sequence", sequence: found.sequence - 1 }, found: text };
  });
}

/** What the state of a time may lack for whoever has asked for it; null: nothing. */
function noteOn({ target, generation, segments }: RestorePlan): string | null {
  if (target.kind !== "time") return null;
  const newestMs = [...segments, ...(generation === null ? [] : [generation])].reduce(
    (ms, { object }) => Math.max(ms, object.lastMs),
    0,
  );
  if (newestMs > 0 && newestMs < target.ms)
    return `the newest command in the store is of ${timeText(newestMs)}: what came between it and the wanted time was not stored, if there was anything`;
  return null;
}

function noteText(note: string | null): string {
  return note === null ? "" : `note       ${note}\n`;
}

interface PlanFacts {
  readonly images: number;
  readonly segments: number;
  readonly bytes: number;
  readonly last: number;
}

function describe(plan: RestorePlan, generation: Generation | null): PlanFacts {
  return {
    images: generation?.images.length ?? 0,
    segments: plan.segments.length,
    bytes: bytesToFetch(plan, generation),
    last: plan.last,
  };
}

function planText({
  place,
  found,
  images,
  segments,
  bytes,
  last,
  note,
}: PlanFacts & { place: string; found: string | null; note: string | null }): string {
  return `${found === null ? "" : `before     ${found}\n`}from       ${place}: ${images} images, ${segments} segments, ${sizeText(bytes)}, up to command ${last}\n${noteText(note)}`;
}
