/**
 * What a start does with what it finds: every case, in one table. A test walks through all combinations and demands that
 * exactly one row answers for each.
 *
 * Two principles stand behind every row: never serve rot, never start empty when data was expected. What can be told to be
 * harmless (a torn tail, the leavings of a start that crashed) is cleared away and reported; everything else is refused with
 * words that say what is lost and how to go on.
 *
 * This module decides and does nothing; `examination.ts` finds out which case it is, `recovery.ts` carries the decision out.
 */

/** `ours`: a manifest, a segment or a quarantine is there. `redis`: files of redis-server and nothing of ours. */
export const DIRECTORY_STATES = ["missing", "empty", "foreign", "redis", "ours"] as const;
export type DirectoryState = (typeof DIRECTORY_STATES)[number];

/** `filling`: sound, and says that the log was not complete yet when the process ended. */
export const MANIFEST_STATES = ["sound", "filling", "torn", "rotten", "unknown", "missing"] as const;
export type ManifestState = (typeof MANIFEST_STATES)[number];

/**
 * The worst of all segments. `blank`: some, but no command in any; `torn`: the tail of the last one; `missing`: listed and not
 * there; `locked`: encrypted with a key that is needed and was not given; `unknown`: of a newer version; `stray`: with commands, and no manifest
 * explains it.
 */
export const SEGMENTS_STATES = [
  "none",
  "blank",
  "sound",
  "torn",
  "rotten",
  "missing",
  "locked",
  "unknown",
  "stray",
] as const;
export type SegmentsState = (typeof SEGMENTS_STATES)[number];

/**
 * `none`: none is listed, or none is needed and none can be used; `sound`: the newest chain is whole; `fallback`: it is not, but an older one
 * is, or the log alone is, and the log goes on from there; `rotten`, `missing`: nothing is left to begin with; `locked`: encrypted
 * with a key that was not given; `unknown`: of a newer version.
 */
export const IMAGES_STATES = ["none", "sound", "fallback", "rotten", "missing", "locked", "unknown"] as const;
export type ImagesState = (typeof IMAGES_STATES)[number];

/**
 * `create`: begin an empty log. `open`: replay and begin a new segment. `cut`: the same after cutting the tail, in a new
 * epoch. `discard`: set the incomplete log aside and begin an empty one.
 */
export type Decision =
  | "create"
  | "open"
  | "cut"
  | "discard"
  | "refuse redis"
  | "refuse missing"
  | "refuse rotten"
  | "refuse locked"
  | "refuse unknown"
  | "refuse stray";

export interface RecoveryCase {
  readonly directory: readonly DirectoryState[];
  readonly manifest: readonly ManifestState[];
  readonly segments: readonly SegmentsState[];
  readonly images: readonly ImagesState[];
  readonly decision: Decision;
  readonly why: string;
}

const ANY_MANIFEST = MANIFEST_STATES;
const ANY_SEGMENTS = SEGMENTS_STATES;
const ANY_IMAGES = IMAGES_STATES;
/** A start has something to begin with. */
const USABLE_IMAGES = ["none", "sound", "fallback"] as const;

export const RECOVERY_CASES: readonly RecoveryCase[] = [
  {
    directory: ["missing", "empty"],
    manifest: ANY_MANIFEST,
    segments: ANY_SEGMENTS,
    images: ANY_IMAGES,
    decision: "create",
    why: "a first start",
  },
  {
    directory: ["foreign"],
    manifest: ANY_MANIFEST,
    segments: ANY_SEGMENTS,
    images: ANY_IMAGES,
    decision: "create",
    why: "a first start; the other files in the directory are left alone",
  },
  {
    directory: ["redis"],
    manifest: ANY_MANIFEST,
    segments: ANY_SEGMENTS,
    images: ANY_IMAGES,
    decision: "refuse redis",
    why: "the directory holds data of redis-server, which starting empty would hide",
  },
  {
    directory: ["ours"],
    manifest: ["missing"],
    segments: ["blank"],
    images: ANY_IMAGES,
    decision: "create",
    why: "the first start ended before its manifest was written, so nothing was acknowledged",
  },
  {
    directory: ["ours"],
    manifest: ["missing"],
    segments: ["none", "sound", "torn", "rotten", "missing", "locked", "unknown", "stray"],
    images: ANY_IMAGES,
    decision: "refuse missing",
    why: "the manifest is gone, so nobody can tell which of the files are the whole",
  },
  {
    directory: ["ours"],
    manifest: ["torn", "rotten"],
    segments: ANY_SEGMENTS,
    images: ANY_IMAGES,
    decision: "refuse rotten",
    why: "the manifest is damaged, so nobody can tell which of the files are the whole",
  },
  {
    directory: ["ours"],
    manifest: ["unknown"],
    segments: ANY_SEGMENTS,
    images: ANY_IMAGES,
    decision: "refuse unknown",
    why: "the manifest was written by a newer version",
  },
  {
    directory: ["ours"],
    manifest: ["filling"],
    segments: ANY_SEGMENTS,
    images: ANY_IMAGES,
    decision: "discard",
    why: "persistence was being switched on and had not taken effect, so nothing was acknowledged as kept",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ["blank", "sound"],
    images: USABLE_IMAGES,
    decision: "open",
    why: "everything is there",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ["torn"],
    images: USABLE_IMAGES,
    decision: "cut",
    why: "the end of the log was being written when the server or the machine stopped; nothing proves that it was durable",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ["none", "missing"],
    images: USABLE_IMAGES,
    decision: "refuse missing",
    why: "a file that the manifest lists is gone",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ["rotten"],
    images: USABLE_IMAGES,
    decision: "refuse rotten",
    why: "data that had been on stable storage is damaged",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ["locked"],
    images: USABLE_IMAGES,
    decision: "refuse locked",
    why: "the data is encrypted and its key was not given",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ["unknown"],
    images: USABLE_IMAGES,
    decision: "refuse unknown",
    why: "a segment was written by a newer version",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ["stray"],
    images: USABLE_IMAGES,
    decision: "refuse stray",
    why: "a segment holds commands that the manifest knows nothing of",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ANY_SEGMENTS,
    images: ["unknown"],
    decision: "refuse unknown",
    why: "an image was written by a newer version",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ANY_SEGMENTS,
    images: ["locked"],
    decision: "refuse locked",
    why: "an image is encrypted with a key that was not given",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ANY_SEGMENTS,
    images: ["rotten"],
    decision: "refuse rotten",
    why: "the images are damaged, and the log kept does not reach back to where it could do without them",
  },
  {
    directory: ["ours"],
    manifest: ["sound"],
    segments: ANY_SEGMENTS,
    images: ["missing"],
    decision: "refuse missing",
    why: "the images are gone, and the log kept does not reach back to where it could do without them",
  },
];

export function casesFor(
  directory: DirectoryState,
  manifest: ManifestState,
  segments: SegmentsState,
  images: ImagesState,
): readonly RecoveryCase[] {
  return RECOVERY_CASES.filter(
    (row) =>
      row.directory.includes(directory) &&
      row.manifest.includes(manifest) &&
      row.segments.includes(segments) &&
      row.images.includes(images),
  );
}
