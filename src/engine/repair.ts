/**
 * What can be kept of a damaged data directory, and keeping it: `emberlog repair`.
 *
 * Kept is what a prefix can be made of: the whole units from the first segment on up to the first damage, gap or stranger. Everything
 * else is copied into the quarantine, durably, before anything changes; no byte is destroyed. Then a new manifest lists what is
 * kept, in a new epoch (D17), and what was copied goes (D3). A crash before the manifest is replaced leaves the directory as it was, one after it
 * leaves files that another repair takes away.
 *
 * With images the newest chain that is whole is the beginning, and the log is kept from there on: what lies before it is set aside.
 *
 * Where the manifest itself is gone or damaged, the segments are put in order by their own headers; then nobody can say whether the
 * last of them is really the last.
 */
import { EmberlogError } from "../base/errors.ts";
import { type Keys, NO_KEYS } from "../base/key_ring.ts";
import type { Disk } from "../disk/disk.ts";
import { isImageName, joinPath, MANIFEST_NAME, parseSegmentName } from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import { readSegment, type SegmentScan } from "../log/segment_reader.ts";
import type { Manifest, ManifestImage, ManifestSegment } from "../manifest/format.ts";
import { chainOf } from "../manifest/image_chain.ts";
import { readManifest } from "../manifest/store.ts";
import type { DataDirectoryOptions } from "./data_directory.ts";
import { examine } from "./examination.ts";
import { imageProblem, imagesFromFiles, verifyingMemory } from "./image_chain.ts";
import { openRepaired } from "./open_directory.ts";
import { copyAside, decide, type SetAside } from "./recovery.ts";
import type { Decision } from "./recovery_cases.ts";
import { copySegment } from "./segment_copy.ts";

/** A segment of which everything up to `scan.endOffset` is kept. */
interface Kept {
  readonly name: string;
  readonly scan: SegmentScan;
}

interface Aside {
  readonly file: string;
  /** What lies behind it goes; 0: the whole file. */
  readonly offset: number;
  readonly bytes: number;
  readonly reason: string;
}

export interface RepairPlan {
  /** What a start decides, and why. */
  readonly decision: Decision;
  readonly why: string;
  /** "nothing": a start does what is to be done by itself. "impossible": no repair can help. */
  readonly kind: "nothing" | "repair" | "impossible";
  readonly kept: readonly Kept[];
  /** The images that the state begins with, and those are all that are kept. */
  readonly images: readonly ManifestImage[];
  readonly origin: number;
  readonly aside: readonly Aside[];
  /** Of what is kept. */
  readonly lastSequence: number;
  /** The last command that is known to have existed. */
  readonly knownSequence: number;
  readonly notes: readonly string[];
}

/** Looks and plans; changes nothing. What is encrypted with none of `keys` is judged by its checksums alone. */
export function planRepair(disk: Disk, directory: string, crc32c: Crc32c, keys: Keys = NO_KEYS): RepairPlan {
  const memory = verifyingMemory(disk, crc32c);
  const examination = examine(disk, directory, crc32c, { unit: () => undefined }, memory, true, keys);
  const { decision, why } = decide(examination);
  const empty = { kept: [], images: [], origin: 0, aside: [], lastSequence: 0, knownSequence: 0, notes: [] };
  if (!decision.startsWith("refuse")) return { decision, why, kind: "nothing", ...empty };
  if (decision === "refuse redis" || decision === "refuse unknown")
    return { decision, why, kind: "impossible", ...empty };
  const read = readManifest(disk, directory, crc32c);
  const manifest = read.kind === "sound" ? read.manifest : null;
  return { decision, why, kind: "repair", ...new Planner(disk, directory, crc32c, keys).plan(manifest) };
}

class Planner {
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly crc32c: Crc32c;
  private readonly keys: Keys;
  private readonly kept: Kept[] = [];
  private readonly aside: Aside[] = [];
  private readonly notes: string[] = [];
  private base: ManifestImage[] = [];
  private baseSequence = 0;
  private lastSequence = 0;
  private knownSequence = 0;
  /** Nothing behind this point can be kept. */
  private ended = "";

  constructor(disk: Disk, directory: string, crc32c: Crc32c, keys: Keys) {
    this.keys = keys;
    this.disk = disk;
    this.directory = directory;
    this.crc32c = crc32c;
  }

  plan(manifest: Manifest | null): Omit<RepairPlan, "decision" | "why" | "kind"> {
    const names = this.disk.list(this.directory).filter((name) => parseSegmentName(name) !== undefined);
    if (manifest === null) {
      this.notes.push("without its manifest nobody can say whether the last segment found is really the last");
      if (this.disk.status(joinPath(this.directory, MANIFEST_NAME)) !== undefined)
        this.setAside(MANIFEST_NAME, 0, "it is damaged");
    }
    const listed = manifest?.segments ?? [];
    // By first sequence; of two with the same one the later made comes first.
    const unlisted = names.filter((name) => !listed.some((segment) => segment.name === name));
    const others = manifest === null ? this.sorted(unlisted) : unlisted;
    const firstLogged =
      listed[0]?.firstSequence ?? (others.length > 0 ? parseSegmentName(others[0]!)!.firstSequence : 1);
    this.chooseBase(manifest, firstLogged);
    const origin = manifest?.origin ?? 0;
    this.lastSequence = manifest === null && this.base.length === 0 ? 0 : firstLogged - 1;
    if (manifest !== null && this.base.length === 0 && firstLogged > origin + 1) {
      // Commands without what they were executed on are no prefix of anything.
      this.lastSequence = origin;
      this.end("what the log goes on from is damaged or gone");
    }
    for (const segment of listed) this.takeListed(segment, names);
    for (const name of others) this.takeUnlisted(name, manifest);
    if (this.lastSequence < this.baseSequence) {
      for (const { name } of this.kept.splice(0)) this.setAside(name, 0, "an image goes on beyond it");
      this.lastSequence = this.baseSequence;
    }
    const { kept, aside, lastSequence, knownSequence, notes, base } = this;
    if (base.length === 0 && !kept.some(({ scan }) => scan.commands > 0))
      notes.push("nothing can be kept: what a repair leaves is an empty database");
    const known = Math.max(lastSequence, knownSequence);
    return { kept, aside, images: base, origin, lastSequence, knownSequence: known, notes };
  }

  /** The newest chain of images that is whole and from whose end the log goes on; all others are set aside. */
  private chooseBase(manifest: Manifest | null, firstLogged: number): void {
    const { disk, directory, crc32c } = this;
    const images = manifest?.images ?? imagesFromFiles(disk, directory, crc32c);
    const problems = new Map(images.map((image) => [image.name, imageProblem(disk, directory, crc32c, image)]));
    for (const image of [...images].reverse()) {
      const chain = chainOf(images, image);
      if (chain[0]!.place !== 0 || firstLogged > image.sequence + 1) continue;
      if (chain.some(({ name }) => problems.get(name) !== undefined)) continue;
      this.base = chain;
      this.baseSequence = image.sequence;
      break;
    }
    const kept = new Set(this.base.map(({ name }) => name));
    for (const name of disk.list(directory).filter(isImageName)) {
      if (!kept.has(name)) this.setAside(name, 0, problems.get(name) ?? "another image is the beginning");
    }
    this.know(this.baseSequence);
  }

  /** Nothing of it is needed: it goes aside, and what follows is taken as if it were there. */
  private isCovered(name: string, lastSequence: number): boolean {
    if (lastSequence > this.baseSequence || this.baseSequence === 0) return false;
    if (this.disk.status(joinPath(this.directory, name)) !== undefined) this.setAside(name, 0, "an image contains it");
    this.lastSequence = lastSequence;
    return true;
  }

  private takeListed({ name, firstSequence, sealed }: ManifestSegment, names: readonly string[]): void {
    this.know(sealed === null ? firstSequence - 1 : sealed.lastSequence);
    if (sealed !== null && this.isCovered(name, sealed.lastSequence)) return;
    if (!names.includes(name)) {
      this.end(`${name} is gone`);
      return;
    }
    const { scan, wrong } = this.scan(name, sealed?.lengthBytes);
    const whole = scan !== null && (sealed === null || scan.lastSequence === sealed.lastSequence);
    this.take(name, scan, wrong !== "" ? wrong : whole ? "" : "it ends too early");
  }

  private takeUnlisted(name: string, manifest: Manifest | null): void {
    const { scan, wrong } = this.scan(name, undefined);
    // A manifest that is whole knows of every segment that counts but the one begun last.
    const follows = manifest === null || (scan !== null && isNext(scan, manifest, this.lastSequence));
    this.take(name, scan, follows ? wrong : "no manifest lists it");
  }

  /** Takes what is good of a segment that follows what is kept, and sets the rest aside. */
  private take(name: string, scan: SegmentScan | null, wrong: string): void {
    if (scan !== null) this.know(scan.lastSequence);
    const fits = scan !== null && this.ended === "" && scan.header.firstSequence === this.lastSequence + 1;
    if (!fits) {
      this.setAside(
        name,
        0,
        this.ended !== "" ? `${this.ended} before it` : wrong !== "" ? wrong : "it does not follow what is kept",
      );
      if (wrong !== "" && scan === null) this.end(`${name} is damaged`);
      return;
    }
    this.kept.push({ name, scan });
    this.lastSequence = scan.lastSequence;
    if (wrong === "") return;
    this.setAside(name, scan.endOffset, wrong);
    this.end(`${name} is damaged`);
  }

  private scan(name: string, lengthBytes: number | undefined): { scan: SegmentScan | null; wrong: string } {
    const read = readSegment(
      this.disk,
      joinPath(this.directory, name),
      this.crc32c,
      { unit: () => undefined },
      lengthBytes,
      this.keys,
    );
    if (read.kind === "scan") return { scan: read.scan, wrong: read.scan.damage?.reason ?? "" };
    return { scan: null, wrong: read.kind === "damaged" ? read.reason : `version ${read.version} is unknown` };
  }

  private sorted(names: readonly string[]): string[] {
    const key = (name: string): [number, number] => {
      const { scan } = this.scan(name, undefined);
      return [parseSegmentName(name)!.firstSequence, -(scan?.header.createdMs ?? 0)];
    };
    return names
      .map((name) => ({ name, key: key(name) }))
      .sort((a, b) => a.key[0] - b.key[0] || a.key[1] - b.key[1])
      .map(({ name }) => name);
  }

  private setAside(file: string, offset: number, reason: string): void {
    const bytes = this.disk.status(joinPath(this.directory, file))!.size - offset;
    if (bytes > 0 || offset === 0) this.aside.push({ file, offset, bytes, reason });
  }

  private end(reason: string): void {
    if (this.ended === "") this.ended = reason;
  }

  private know(sequence: number): void {
    this.knownSequence = Math.max(this.knownSequence, sequence);
  }
}

function isNext(scan: SegmentScan, manifest: Manifest, lastSequence: number): boolean {
  return (
    scan.header.firstSequence === lastSequence + 1 && scan.header.epoch.every((byte, i) => byte === manifest.epoch[i])
  );
}

/** Carries a plan out. Throws DIRECTORY_LOCKED while a server runs there, DATA_ROTTEN where the directory is not as planned any more. */
export async function applyRepair(options: DataDirectoryOptions, plan: RepairPlan): Promise<readonly SetAside[]> {
  const { disk, directory, crc32c, clock } = options;
  const setAside: SetAside[] = [];
  const data = openRepaired(options, () => {
    const now = planRepair(disk, directory, crc32c, options.keys);
    if (now.kind !== "repair" || now.lastSequence !== plan.lastSequence || now.aside.length !== plan.aside.length) {
      throw new EmberlogError("DATA_ROTTEN", `${directory} has changed since it was looked at. To go on: start again`);
    }
    for (const { file, offset, reason } of plan.aside) {
      setAside.push(copyAside(disk, directory, file, offset, clock.wallMs(), reason));
    }
    const sealed = plan.kept.map(({ name, scan }) => sealedAs(options, name, scan));
    disk.syncDirectory(directory);
    const commitMs = Math.max(0, ...plan.kept.map(({ scan }) => scan.commitMs));
    const { images, origin } = plan;
    return { sealed, images, origin, setAside, lastSequence: plan.lastSequence, commitMs };
  });
  await data.close();
  return setAside;
}

/** D9: what is kept certainly is on stable storage. */
function sealedAs(
  { disk, directory, crc32c, clock }: DataDirectoryOptions,
  name: string,
  scan: SegmentScan,
): ManifestSegment {
  copySegment(disk, directory, name, crc32c, scan);
  const { header, lastSequence, endOffset: lengthBytes, chain } = scan;
  return {
    name,
    epoch: header.epoch,
    firstSequence: header.firstSequence,
    sealed: { lastSequence, lengthBytes, chain, sealedMs: clock.wallMs() },
  };
}
