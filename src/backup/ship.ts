/**
 * Brings what a data directory holds into a store: the log as far as it is on stable storage, and images, files that never change. What the
 * store has already is left alone, so a pass that was interrupted is just made again.
 *
 * Order: the log in the order of its commands, a segment as a whole where it is sealed and nothing of it is there yet, else in parts, each
 * whole units (segment_tail.ts); of an image its whole chain, then the generation that names it, last, so that what a generation names is
 * there. Before each pass the claims are looked at: a server that is no longer the newest ships nothing.
 *
 * Each file is looked at first, and nothing of it is shipped unless it is what the log and the manifest say: of a segment every frame is
 * verified, of an image its index, whose payloads a start and `emberlog check` verify. An object carries the sum of its stored bytes in its
 * name: a large one is produced twice, once for the sum and once for the store, so memory stays small whatever the size.
 *
 * ```
 * … ├──── in the store ────┤ lineStart  ├── in the store, without a gap ──┤ position ├── of the log, not shipped yet ──┤
 *                            └ commands that are in no store and in no log any more (a hole)
 * ```
 * Invariant: what can be restored is the state at each command from a base (the log's origin, a generation) at or behind `lineStart` on, up to
 * `position`; where there is no such base an image is shipped first.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import type { Random } from "../base/random.ts";
import type { Disk } from "../disk/disk.ts";
import { hex, hex32, joinPath } from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import { readSegment } from "../log/segment_reader.ts";
import type { Manifest, ManifestImage, ManifestSegment } from "../manifest/format.ts";
import { chainOf } from "../manifest/image_chain.ts";
import { type ImageIndex, readImageIndex } from "../snapshot/image_reading.ts";
import { ageEncrypt, ageEncryptWhole, drawSealing } from "./age.ts";
import type { Recipients } from "./age_header.ts";
import { type Claim, newestClaim, takeClaim } from "./claims.ts";
import { encodeCounts, SegmentCounter, worthStoring } from "./counts.ts";
import { decodeGeneration, encodeGeneration, type GenerationImage } from "./generation.ts";
import { continuedBy, type History, reaches, readHistory, recentHistoryOf } from "./history.ts";
import { claimName, countsName, generationName, imageObjectName, ObjectSum, segmentObjectName } from "./layout.ts";
import type { ObjectStore } from "./object_store.ts";
import { SegmentTail, type Span } from "./segment_tail.ts";

/** Read from a file at a time, bytes. */
const PIECE_BYTES = 1024 * 1024;
/** Of a part, about: what a server that was away for long ships at a time. */
const PART_BYTES = 16 * 1024 * 1024;
/** Stretches of the log whose times are remembered. */
const COMMITTED_MAX = 1024;
/** Up to here an object is produced once, in memory. */
const HELD_BYTES_MAX = 24 * 1024 * 1024;

export interface ShipOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly crc32c: Crc32c;
  readonly keys: Keys;
  readonly store: ObjectStore;
  /** null: objects are stored as they are. */
  readonly recipients: Recipients | null;
  readonly random: Random;
  /** Of this process, 32 hex digits: by it an earlier attempt of its own at a claim is told from another server. Random where not given. */
  readonly writer?: string;
  /** Told of each object that has been stored. */
  readonly stored?: (progress: ShipReport) => void;
}

/** What a pass is to bring along. */
export interface ShipWish {
  /** Of the segment that is being written, up to this command; absent: nothing, because nobody knows what of it is durable. */
  readonly durableSequence?: number;
  /** `needed`: only where without one nothing could be restored. `all` when not given. */
  readonly images?: "all" | "newest" | "needed";
}

export interface ShipReport {
  /** Objects stored in this pass, and their bytes as stored. */
  readonly objects: number;
  readonly bytes: number;
  /** Every command up to this one can be restored; 0 where none can. */
  readonly shippedSequence: number;
  /** The log is in the store up to this command: segments up to there are needed here for no backup. */
  readonly position: number;
  /** Of the last commit there, ms; 0 where nobody knows. */
  readonly positionMs: number;
  /** The newest image there: its command, and when it was frozen, ms; 0 for none. */
  readonly imageSequence: number;
  readonly imageMs: number;
}

interface Common {
  /** The last command that both have; 0 where none is known. */
  readonly sequence: number;
  /** Both are of one origin, even where they share no whole piece. */
  readonly related: boolean;
}

/**
 * What a stored history and the data of `manifest` share. Within one epoch a command has one number, so what lies before the first segment
 * here is shared if it is of the same epoch, or if what follows is; and so is the state in an image that both have.
 */
function commonOf(history: History, manifest: Manifest): Common {
  const [first] = manifest.segments;
  const begin = first?.firstSequence ?? 1;
  const own = new Map(manifest.segments.map((segment) => [`${segment.firstSequence} ${hex(segment.epoch)}`, segment]));
  let common = 0;
  let before = 0;
  let related = false;
  for (const { pieces, object } of history.segments) {
    if (object.lastSequence < begin) {
      before = first !== undefined && hex(first.epoch) === object.epoch ? object.lastSequence : 0;
      continue;
    }
    const segment = own.get(`${object.firstSequence} ${object.epoch}`);
    if (segment === undefined) break;
    related = true;
    const last = segment.sealed?.lastSequence ?? Number.MAX_SAFE_INTEGER;
    const shared = pieces.filter((piece) => piece.object.lastSequence <= last);
    common = shared.at(-1)?.object.lastSequence ?? common;
    if (shared.length < pieces.length) break;
  }
  for (const { object } of history.generations) {
    if (object.sequence > common && isListed(manifest, object)) common = object.sequence;
  }
  const sequence = Math.max(common, before);
  return { sequence, related: related || sequence > 0 };
}

/**
 * What the newest server of these data has gone on from, and has brought: it knew what its log was the continuation of, when nothing else here or in the
 * store tells it any more (D9, or the segments of an earlier epoch have made room). Within one epoch, and before the first segment here, so it is shared.
 */
function claimedFrom(history: History, { epoch, segments }: Manifest): Common {
  const epochs = new Set([epoch, ...segments.map((segment) => segment.epoch)].map((each) => hex(each)));
  const own = history.claims.findLast((claim) => epochs.has(claim.epoch));
  if (own === undefined) return { sequence: 0, related: false };
  const before = (segments[0]?.firstSequence ?? 1) - 1;
  let sequence = Math.min(own.from?.sequence ?? 0, before);
  const bring = (claim: number, last: number): void => {
    if (claim === own.claim && last <= before && last > sequence) sequence = last;
  };
  for (const { pieces } of history.segments) for (const { object } of pieces) bring(object.claim, object.lastSequence);
  for (const { object } of history.generations) bring(object.claim, object.sequence);
  return { sequence, related: true };
}

function isListed({ images }: Manifest, object: { readonly sequence: number; readonly chain: string }): boolean {
  return images.some(({ sequence, chain }) => sequence === object.sequence && hex32(chain) === object.chain);
}

function fenced({ place }: ObjectStore, newest: number, own: Claim): EmberlogError {
  return new EmberlogError(
    "STORE_FENCED",
    `${place} was taken over by another server (claim ${newest}, this one has ${own.claim}): this server ships nothing more. ` +
      "If it is the right one, restart it; else stop it.",
  );
}

/** Nothing was ever written to it. */
function isNew({ images, segments }: Manifest): boolean {
  const [first] = segments;
  return images.length === 0 && segments.length === 1 && first!.sealed === null && first!.firstSequence === 1;
}

/** An empty server beside a full backup has lost its data, or has the wrong prefix. */
function refuseEmpty(place: string): EmberlogError {
  return new EmberlogError(
    "STORE_REFUSED",
    `${place} holds a backup, and this data directory is empty: to go on from it start with restore-on-empty, or use emberlog restore; to begin anew take another prefix`,
  );
}

export class Shipper {
  readonly claim: Claim;
  private readonly options: ShipOptions;
  private position: number;
  private positionMs = 0;
  /** The newest stretches of the log in the store: first command, latest commit time, ms. */
  private committed: { readonly first: number; readonly ms: number }[] = [];
  private lineStart: number;
  /** Sequences at which something restorable begins, of this line. */
  private readonly bases: number[] = [];
  /** What an earlier line gives. */
  private reachedBefore = 0;
  private imageSequence = 0;
  private imageMs = 0;
  /** Images in the store, by their chain, and the generations that are complete. */
  private readonly images = new Map<number, GenerationImage>();
  private readonly generations = new Set<string>();
  /** Of the segment that the position lies in. */
  private tail: SegmentTail | undefined;
  /** Has been read and is not in the store yet, as far as anybody knows. */
  private pending: { readonly segment: string; readonly span: Span; counter: SegmentCounter | undefined } | undefined;
  private objects = 0;
  private bytes = 0;
  /** The store holds other data, which nothing goes on from any more. */
  replaces = false;
  /** Commands that were gone from the log before they were shipped: how often that was found. */
  holes = 0;

  private constructor(options: ShipOptions, claim: Claim, position: number) {
    this.options = options;
    this.claim = claim;
    this.position = position;
    this.lineStart = position;
  }

  /**
   * Takes a claim for the data of `manifest`: it goes on from what the store has of the same history. `before` is who has shipped for this process
   * until its log began anew (D9). Throws STORE_FENCED where another server has claimed since then, STORE_REFUSED for an empty directory beside a backup.
   */
  static async begin(options: ShipOptions, manifest: Manifest, nowMs: number, before?: Shipper): Promise<Shipper> {
    const { store, random } = options;
    const writer = options.writer ?? hex(random.bytes(16));
    const own = { epoch: hex(manifest.epoch), writer, madeMs: nowMs, origin: manifest.origin };
    let replaces = false;
    let history: History | undefined;
    const begin = manifest.segments[0]?.firstSequence ?? 1;
    const goOnFrom = async (claims: readonly Claim[]): Promise<Claim["from"]> => {
      const newest = claims.at(-1);
      if (newest === undefined) return null;
      // An attempt whose answer was lost may have come to a claim.
      const isOwn = newest.claim === before?.claim.claim || newest.writer === writer;
      if (before !== undefined && !isOwn) throw fenced(store, newest.claim, before.claim);
      history = await recentHistoryOf(store, claims, begin);
      const common = commonOf(history, manifest);
      const claimed = claimedFrom(history, manifest);
      const sequence = Math.max(common.sequence, claimed.sequence, before?.continuedBy(manifest) ?? 0);
      replaces =
        sequence === 0 &&
        !common.related &&
        !claimed.related &&
        history.segments.length + history.generations.length > 0;
      if (replaces && isNew(manifest)) throw refuseEmpty(store.place);
      return sequence === 0 ? null : { claim: newest.claim, sequence };
    };
    const claim = await takeClaim(store, own, goOnFrom, before !== undefined);
    const shipper = new Shipper(options, claim, claim.from?.sequence ?? begin - 1);
    shipper.replaces = replaces;
    await shipper.learn(
      manifest,
      history === undefined ? await readHistory(store, claim.claim) : continuedBy(history, claim),
    );
    return shipper;
  }

  /**
   * The log has begun anew from an image of the memory that it was the log of: up to where both can say. 0 where the new one is the whole by itself, since
   * what memory held had not been logged.
   */
  private continuedBy({ origin, segments, forkSequence }: Manifest): number {
    return segments[0]?.firstSequence === origin + 1 ? 0 : Math.min(this.position, forkSequence);
  }

  /** What this one goes on from, and images that an earlier claim has brought there, are not brought again. */
  private async learn(manifest: Manifest, history: History): Promise<void> {
    const { store, crc32c } = this.options;
    let end = history.origin;
    let start = history.origin;
    for (const { object } of history.segments) {
      if (object.firstSequence > end + 1) start = object.firstSequence - 1;
      end = object.lastSequence;
      this.noteCommits(object.firstSequence, object.lastMs);
    }
    if (end === this.position) this.lineStart = start;
    if (this.lineStart <= history.origin) this.bases.push(history.origin);
    for (const { name, object } of history.generations) {
      this.bases.push(object.sequence);
      this.noteImage(object.sequence, object.lastMs);
      if (!isListed(manifest, object)) continue;
      const generation = decodeGeneration(name, await store.read(name), crc32c);
      for (const image of generation.images) this.images.set(image.image.chain, image);
      this.generations.add(`${object.sequence} ${object.chain}`);
    }
    this.reachedBefore = reaches(history).reduce((last, reach) => Math.max(last, reach.last), 0);
  }

  get report(): ShipReport {
    const { objects, bytes, position, positionMs, imageSequence, imageMs } = this;
    return { objects, bytes, shippedSequence: this.reached, position, positionMs, imageSequence, imageMs };
  }

  /** Every command up to here can be restored. */
  private get reached(): number {
    let reached = this.reachedBefore;
    for (const base of this.bases) {
      if (base >= this.lineStart) reached = Math.max(reached, base, this.position);
    }
    return reached;
  }

  /** One pass. Throws STORE_FENCED where another server has taken the backup over, and what the store and the disk throw. */
  async ship(manifest: Manifest, wish: ShipWish = {}): Promise<ShipReport> {
    const { durableSequence, images = "all" } = wish;
    this.objects = 0;
    this.bytes = 0;
    await this.checkClaim();
    for (const segment of manifest.segments) {
      const last = segment.sealed?.lastSequence ?? durableSequence ?? segment.firstSequence - 1;
      if (last <= this.position) continue;
      await this.shipSegment(segment, last);
    }
    await this.shipImages(manifest, images);
    return this.report;
  }

  /**
   * What can be had of a log that an image has taken the place of: the last segment as far as it can be read, be it on stable storage or not, since all of it was
   * executed and is in that image. Where something is missing the rest is left out; whoever goes on behind it finds the hole.
   */
  async shipRest({ segments }: Manifest): Promise<void> {
    this.objects = 0;
    this.bytes = 0;
    await this.checkClaim();
    try {
      for (const segment of segments) {
        const last = segment.sealed?.lastSequence ?? this.readableEnd(segment);
        if (last > this.position) await this.shipSegment(segment, last);
      }
    } catch (thrown) {
      const { disk, directory } = this.options;
      const gone = segments.some(({ name }) => disk.status(joinPath(directory, name)) === undefined);
      if (!(thrown instanceof EmberlogError) || (thrown.code !== "DATA_ROTTEN" && !gone)) throw thrown;
    }
  }

  /** The last command of whole units from the beginning of a segment on. */
  private readableEnd({ name, firstSequence }: ManifestSegment): number {
    const { disk, directory, crc32c, keys } = this.options;
    const path = joinPath(directory, name);
    const read = readSegment(disk, path, crc32c, { unit: () => undefined }, undefined, keys);
    return read.kind === "scan" ? read.scan.lastSequence : firstSequence - 1;
  }

  private async shipImages({ images }: Manifest, wanted: "all" | "newest" | "needed"): Promise<void> {
    const { lineStart } = this;
    if (wanted === "needed" && this.bases.some((base) => base >= lineStart)) return;
    for (const image of wanted === "all" ? images : images.slice(-1)) await this.shipGeneration(chainOf(images, image));
  }

  /** A chain of images and the object that names them, last. */
  private async shipGeneration(chain: readonly ManifestImage[]): Promise<void> {
    const { crc32c, store } = this.options;
    const last = chain.at(-1)!;
    const key = `${last.sequence} ${hex32(last.chain)}`;
    if (this.generations.has(key)) return;
    const images: GenerationImage[] = [];
    const { frozenMs } = this.indexOf(last).header;
    const lastMs = Math.max(frozenMs, this.latestMs(last.sequence));
    for (const image of chain) images.push(this.images.get(image.chain) ?? (await this.shipImage(image)));
    const object = { claim: this.claim.claim, sequence: last.sequence, lastMs, chain: hex32(last.chain) };
    const bytes = encodeGeneration({ images }, crc32c);
    await store.create(generationName(object), bytes);
    this.generations.add(key);
    this.bases.push(last.sequence);
    this.noteImage(last.sequence, lastMs);
    this.count(bytes.length);
  }

  private noteImage(sequence: number, ms: number): void {
    if (sequence < this.imageSequence) return;
    this.imageSequence = sequence;
    this.imageMs = ms;
  }

  private count(bytes: number): void {
    this.objects++;
    this.bytes += bytes;
    this.options.stored?.(this.report);
  }

  private async shipImage(image: ManifestImage): Promise<GenerationImage> {
    const { directory, recipients } = this.options;
    const path = joinPath(directory, image.name);
    // Nothing is shipped of a file that is not the listed one.
    const { content } = this.indexOf(image).end;
    let object = "";
    const size = await this.store(path, 0, image.lengthBytes, (sum) => {
      object = imageObjectName({
        claim: this.claim.claim,
        sequence: image.sequence,
        chain: hex32(image.chain),
        delta: image.place > 0,
        sum,
        sealed: recipients !== null,
      });
      return object;
    });
    const stored = {
      object,
      size,
      image,
      content: content === undefined ? null : { digest: hex(content.digest), keys: content.keys },
    };
    this.images.set(image.chain, stored);
    this.count(size);
    return stored;
  }

  /**
   * What the file of a listed image says of itself. No command in it was committed after it was frozen, unless the clock stepped back. Throws
   * DATA_ROTTEN where it is not the listed one.
   */
  private indexOf(image: ManifestImage): ImageIndex {
    const { disk, directory, crc32c } = this.options;
    const path = joinPath(directory, image.name);
    const read = readImageIndex(disk, path, crc32c);
    if (read.kind === "index" && (read.index.end.chain ^ image.chain) === 0) return read.index;
    throw new EmberlogError(
      "DATA_ROTTEN",
      `${path} is not what the manifest says: it is not shipped. To go on: emberlog check ${directory}`,
      { file: path },
    );
  }

  private noteCommits(first: number, ms: number): void {
    this.positionMs = Math.max(this.positionMs, ms);
    this.committed.push({ first, ms: this.positionMs });
    if (this.committed.length >= 2 * COMMITTED_MAX) this.committed = this.committed.slice(-COMMITTED_MAX);
  }

  /** No command up to `sequence` was committed later, ms, as far as the log is in the store. */
  private latestMs(sequence: number): number {
    const latest = this.committed.findLast(({ first }) => first <= sequence) ?? this.committed[0];
    return latest?.ms ?? 0;
  }

  private async checkClaim(): Promise<void> {
    const { store } = this.options;
    const { claim } = this.claim;
    // Its own is among those listed, or what the history goes on from is not there any more.
    const newest = await newestClaim(store, claim - 1);
    if (newest === claim) return;
    if (newest > claim) throw fenced(store, newest, this.claim);
    throw new EmberlogError(
      "STORE_REFUSED",
      `${store.place} has lost ${claimName(claim)}, by which this server ships there: what it held may be gone. Look into the store; a restart begins the backup anew with what this server has`,
    );
  }

  /** What of a segment is not in the store yet, up to command `last`, which is on stable storage. */
  private async shipSegment(segment: ManifestSegment, last: number): Promise<void> {
    if (segment.firstSequence > this.position + 1) this.jump(segment.firstSequence - 1);
    const { name, firstSequence, sealed } = segment;
    const tail = this.tailOf(segment);
    while (this.position < last) {
      if (this.pending?.segment !== name) {
        const whole = sealed !== null && this.position === firstSequence - 1;
        const counter = new SegmentCounter();
        const bytesMax = whole ? Number.POSITIVE_INFINITY : PART_BYTES;
        const span = this.taken(() => tail.take(last, bytesMax, sealed, counter));
        if (span === undefined) return;
        this.pending = { segment: name, span, counter };
      }
      // A part is sent again as it was: whether the first attempt has come to something is not known.
      const { pending } = this;
      if (pending.counter !== undefined) await this.storeCounts(pending.span, pending.counter);
      pending.counter = undefined;
      await this.shipSpan(segment, tail, pending.span);
      this.pending = undefined;
    }
  }

  private tailOf({ name, firstSequence }: ManifestSegment): SegmentTail {
    const { disk, directory, crc32c, keys } = this.options;
    if (this.tail?.path === joinPath(directory, name) && this.position >= firstSequence) return this.tail;
    if (this.pending?.segment === name && this.tail?.path === joinPath(directory, name)) return this.tail;
    const tail = new SegmentTail(disk, directory, name, firstSequence, crc32c, keys);
    this.pending = undefined;
    if (this.position >= firstSequence) tail.skipTo(this.position + 1);
    this.tail = tail;
    return tail;
  }

  /** A read that fails leaves a tail in the middle: the next pass begins another one. */
  private taken<T>(read: () => T): T {
    try {
      return read();
    } catch (thrown) {
      this.tail = undefined;
      throw thrown;
    }
  }

  /** The log goes on behind a hole. */
  private jump(position: number): void {
    this.reachedBefore = this.reached;
    this.holes++;
    this.position = position;
    this.lineStart = position;
  }

  /** The counts of a segment or a part, before it: so that whoever finds it knows that they are there, if they are worth it. */
  private async storeCounts({ firstSequence, lastSequence }: Span, counter: SegmentCounter): Promise<void> {
    const counts = counter.counts();
    if (!worthStoring(counts)) return;
    const { store, crc32c } = this.options;
    const name = countsName({ claim: this.claim.claim, firstSequence, lastSequence });
    await store.create(name, encodeCounts(counts, crc32c));
  }

  private async shipSpan(segment: ManifestSegment, { path }: SegmentTail, span: Span): Promise<void> {
    const { recipients } = this.options;
    const { offset, end, firstSequence, lastSequence, commitMs } = span;
    const whole = offset === 0 && lastSequence === segment.sealed?.lastSequence;
    const until = whole ? segment.sealed!.lengthBytes : end;
    const size = await this.store(path, offset, until, (sum) =>
      segmentObjectName({
        claim: this.claim.claim,
        firstSequence,
        lastSequence,
        lastMs: commitMs,
        epoch: hex(segment.epoch),
        segmentFirst: segment.firstSequence,
        offset,
        part: !whole,
        sum,
        sealed: recipients !== null,
      }),
    );
    this.position = lastSequence;
    this.noteCommits(firstSequence, commitMs);
    this.count(size);
  }

  /** Stores the bytes [from, end) of a file under a name that holds the sum of what is stored; returns how much that is. */
  private async store(path: string, from: number, end: number, nameOf: (sum: string) => string): Promise<number> {
    const { disk, store, recipients, random } = this.options;
    const sealing = recipients === null ? null : await drawSealing(recipients, random);
    const sum = new ObjectSum();
    if (end - from <= HELD_BYTES_MAX) {
      const content = fileBytes(disk, path, from, end);
      const bytes = sealing === null ? content : ageEncryptWhole(content, sealing);
      sum.add(bytes);
      await store.create(nameOf(sum.digest()), bytes);
      return sum.size;
    }
    const stored = (): AsyncGenerator<Uint8Array> => {
      const body = fileBody(disk, path, from, end);
      return sealing === null ? body : ageEncrypt(body, sealing);
    };
    for await (const piece of stored()) sum.add(piece);
    await store.create(nameOf(sum.digest()), stored());
    return sum.size;
  }
}

function fileBytes(disk: Disk, path: string, from: number, end: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(end - from);
  const fd = disk.open(path, "read");
  try {
    for (let done = 0; done < bytes.length; ) {
      const read = disk.read(fd, bytes, done, bytes.length - done, from + done);
      if (read === 0) throw tooShort(path, from + done);
      done += read;
    }
    return bytes;
  } finally {
    disk.close(fd);
  }
}

function tooShort(path: string, offset: number): EmberlogError {
  return new EmberlogError("DATA_ROTTEN", `${path} ends at ${offset}, before its length`, { file: path, offset });
}

/** The bytes [from, end) of a file. */
async function* fileBody(disk: Disk, path: string, from: number, end: number): AsyncGenerator<Uint8Array> {
  const fd = disk.open(path, "read");
  try {
    for (let at = from; at < end; ) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
      const read = disk.read(fd, piece, 0, piece.length, at);
      if (read === 0) throw tooShort(path, at);
      yield piece.subarray(0, read);
      at += read;
    }
  } finally {
    disk.close(fd);
  }
}
