/** Which objects give the state that is wanted: an image (or nothing) to begin with, and the segments behind it. */
import { EmberlogError } from "../base/errors.ts";
import { type History, joined, type Reach, reaches, type Stored, type StoredSegment } from "./history.ts";
import type { GenerationObject, SegmentObject } from "./layout.ts";

/** The state that is wanted: as late as there is one, as of a time (ms since 1970), or after command number `sequence`. */
export type RestoreTarget =
  | { readonly kind: "latest" }
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "sequence"; readonly sequence: number };

export interface RestorePlan {
  /** null: the log from its beginning. */
  readonly generation: Stored<GenerationObject> | null;
  /** The state of the generation, and each command after it up to `last`, lies in these. */
  readonly segments: readonly StoredSegment[];
  /** The sequence before the log's first, when there is no generation to begin with. */
  readonly origin: number;
  readonly first: number;
  /** The state after this command is certain; with a time as the target some of the last segment may come on top. */
  readonly last: number;
  readonly target: RestoreTarget;
}

function unreachable(message: string): EmberlogError {
  return new EmberlogError("DATA_MISSING", message);
}

/** Throws DATA_MISSING, saying what there is instead. */
export function planRestore(history: History, target: RestoreTarget, place: string): RestorePlan {
  const all = reaches(history);
  const { origin } = history;
  if (all.length === 0) throw unreachable(`${place} holds nothing that can be restored`);
  const end = newestOf(history);
  const fits = all.map((reach) => upTo(reach, target, origin, end)).filter((plan) => plan !== undefined);
  // The latest state first; of equal ones that with the least to replay.
  fits.sort((a, b) => b.last - a.last || b.first - a.first);
  const [best] = fits;
  if (best !== undefined) return best;
  const known = all.map(wordsOf).join(", ");
  const wanted =
    target.kind === "time"
      ? `at ${new Date(target.ms).toISOString()}`
      : target.kind === "sequence"
        ? `after command ${target.sequence}`
        : "";
  throw unreachable(`${place} can't give the state ${wanted}: it has the commands ${known}`);
}

function wordsOf({ first, last, generation }: Reach): string {
  if (first !== last) return `${first} to ${last}`;
  return generation === null ? String(first) : `${first} (${new Date(generation.object.lastMs).toISOString()})`;
}

/** The last command of which anything is known. */
function newestOf({ segments, generations }: History): number {
  return Math.max(0, segments.at(-1)?.object.lastSequence ?? 0, generations.at(-1)?.object.sequence ?? 0);
}

/** `end`: the newest command known, behind which a state stays what it is. */
function upTo(reach: Reach, target: RestoreTarget, origin: number, end: number): RestorePlan | undefined {
  const { generation, first } = reach;
  if (target.kind === "latest")
    return { generation, segments: reach.segments, origin, first, last: reach.last, target };
  if (target.kind === "sequence") {
    const { sequence } = target;
    if (sequence < first || sequence > reach.last) return undefined;
    const segments = piecesOf(reach, ({ firstSequence }) => firstSequence <= sequence);
    return { generation, segments, origin, first, last: sequence, target };
  }
  if (generation !== null && generation.object.lastMs > target.ms) return undefined;
  // Commit times never go back. The first piece that ends later than the wanted time is the one to be cut.
  let later: SegmentObject | undefined;
  const segments = piecesOf(reach, (piece) => {
    if (later !== undefined) return false;
    if (piece.lastMs > target.ms) later = piece;
    return true;
  });
  // Behind a hole nobody knows when the first command in it was committed.
  if (later === undefined && reach.last < end) return undefined;
  const last = later === undefined ? reach.last : Math.max(first, later.firstSequence - 1);
  return { generation, segments, origin, first, last, target };
}

/** The segments of a reach with those pieces that are wanted, asked of each in order: once one is not, none behind it is. */
function piecesOf({ segments }: Reach, wanted: (piece: SegmentObject) => boolean): StoredSegment[] {
  const kept: StoredSegment[] = [];
  for (const segment of segments) {
    const pieces = segment.pieces.filter(({ object }) => wanted(object));
    if (pieces.length > 0) kept.push(joined(pieces));
    if (pieces.length < segment.pieces.length) break;
  }
  return kept;
}
