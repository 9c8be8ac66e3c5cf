/**
 * Brings what a data directory holds into a store: sealed segments and images, files that never change. What the store has
 * already is left alone, so a pass that was interrupted is just made again.
 *
 * Order: segments in the order of their commands; of an image its whole chain, then the generation that names it, last, so that
 * what a generation names is there. Before each pass the claims are looked at: a server that is no longer the newest ships nothing.
 *
 * Each file is looked at first, and nothing of it is shipped unless its chain is what the manifest says: of a segment every frame is verified, of an
 * image its index, whose payloads a start and `emberlog check` verify. An object carries the sum of its
 * stored bytes in its name, so it is produced twice, once for the sum and once for the store: memory stays small whatever the size.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import type { Random } from "../base/random.ts";
import type { Disk } from "../disk/disk.ts";
import { hex, hex32, joinPath } from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import { readSegment } from "../log/segment_reader.ts";
import type { Manifest, ManifestImage, ManifestSegment, SealedSegment } from "../manifest/format.ts";
import { chainOf } from "../manifest/image_chain.ts";
import { readImageIndex } from "../snapshot/image_reading.ts";
import { ageEncrypt, drawSealing } from "./age.ts";
import type { Recipients } from "./age_header.ts";
import { type Claim, newestClaim, takeClaim } from "./claims.ts";
import { encodeCounts, SegmentCounter, worthStoring } from "./counts.ts";
import { decodeGeneration, encodeGeneration, type GenerationImage } from "./generation.ts";
import { historyOf, reaches, readHistory } from "./history.ts";
import { countsName, generationName, imageObjectName, ObjectSum, segmentObjectName } from "./layout.ts";
import type { ObjectStore } from "./object_store.ts";

/** Read from a file at a time, bytes. */
const PIECE_BYTES = 1024 * 1024;

export interface ShipOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly crc32c: Crc32c;
  readonly keys: Keys;
  readonly store: ObjectStore;
  /** null: objects are stored as they are. */
  readonly recipients: Recipients | null;
  readonly random: Random;
}

export interface ShipReport {
  /** Objects stored in this pass, and their bytes as stored. */
  readonly objects: number;
  readonly bytes: number;
  /** Every command up to this one can be restored; 0 where none can. */
  readonly shippedSequence: number;
}

type Sealed = ManifestSegment & { readonly sealed: SealedSegment };

function sealedSegments(manifest: Manifest): Sealed[] {
  return manifest.segments.filter((segment): segment is Sealed => segment.sealed !== null);
}

/**
 * The last command of the stored history that the data of `manifest` shares, 0 where it shares none. `shipped` gets the shared
 * segments that lie in the store, by first sequence. What lies before the first segment here is shared if what follows is.
 */
async function commonSequence(
  store: ObjectStore,
  claims: readonly Claim[],
  manifest: Manifest,
  shipped: Map<number, number>,
): Promise<number> {
  const ours = new Map(sealedSegments(manifest).map((segment) => [segment.firstSequence, segment]));
  const begin = manifest.segments[0]?.firstSequence ?? 1;
  let common = 0;
  for (const { object } of (await historyOf(store, claims)).segments) {
    if (object.lastSequence < begin) continue;
    const own = ours.get(object.firstSequence);
    if (own === undefined || hex(own.epoch) !== object.epoch || own.sealed.lastSequence !== object.lastSequence) break;
    shipped.set(object.firstSequence, object.lastSequence);
    common = object.lastSequence;
  }
  return common;
}

export class Shipper {
  readonly claim: Claim;
  private readonly options: ShipOptions;
  /** First sequences of segments that lie in the store. */
  private readonly shipped: Map<number, number>;
  /** Images in the store, by their chain, and the generations that are complete. */
  private readonly images = new Map<number, GenerationImage>();
  private readonly generations = new Set<string>();
  /** Every command up to here can be restored. */
  private reached = 0;
  /** Latest commit time, ms, of segments shipped here, by first sequence. */
  private readonly commitMs = new Map<number, number>();

  /** First sequence of the last segment whose counts were stored: where it itself was not, only it is sent again. */
  private countedFirst = -1;

  private constructor(options: ShipOptions, claim: Claim, shipped: Map<number, number>) {
    this.options = options;
    this.claim = claim;
    this.shipped = shipped;
  }

  /** Takes a claim for the data of `manifest`: it goes on from what the store has of the same history. */
  static async begin(options: ShipOptions, manifest: Manifest, nowMs: number): Promise<Shipper> {
    const { store, random } = options;
    const own = { epoch: hex(manifest.epoch), writer: hex(random.bytes(16)), madeMs: nowMs, origin: manifest.origin };
    let shipped = new Map<number, number>();
    const claim = await takeClaim(store, own, async (claims) => {
      const newest = claims.at(-1);
      shipped = new Map();
      if (newest === undefined) return null;
      const sequence = await commonSequence(store, claims, manifest, shipped);
      return sequence === 0 ? null : { claim: newest.claim, sequence };
    });
    const shipper = new Shipper(options, claim, shipped);
    await shipper.learn(manifest);
    return shipper;
  }

  /** Images that an earlier claim has brought there are not brought again. */
  private async learn(manifest: Manifest): Promise<void> {
    const { store, crc32c } = this.options;
    const history = await readHistory(store, this.claim.claim);
    for (const { name, object } of history.generations) {
      const known = manifest.images.some(
        ({ sequence, chain }) => sequence === object.sequence && hex32(chain) === object.chain,
      );
      if (!known) continue;
      const generation = decodeGeneration(name, await store.read(name), crc32c);
      for (const image of generation.images) this.images.set(image.image.chain, image);
      this.generations.add(`${object.sequence} ${object.chain}`);
    }
    this.reached = reaches(history).reduce((last, reach) => Math.max(last, reach.last), this.claim.origin);
  }

  /** One pass. Throws STORE_FENCED where another server has taken the backup over, and what the store and the disk throw. */
  async ship(manifest: Manifest): Promise<ShipReport> {
    await this.checkClaim();
    let objects = 0;
    let bytes = 0;
    for (const segment of sealedSegments(manifest)) {
      if ((this.shipped.get(segment.firstSequence) ?? 0) >= segment.sealed.lastSequence) continue;
      bytes += await this.shipSegment(segment);
      objects++;
      this.shipped.set(segment.firstSequence, segment.sealed.lastSequence);
      if (segment.firstSequence <= this.reached + 1) this.reached = Math.max(this.reached, segment.sealed.lastSequence);
    }
    for (const image of manifest.images) {
      const done = await this.shipGeneration(chainOf(manifest.images, image));
      objects += done.objects;
      bytes += done.bytes;
    }
    return { objects, bytes, shippedSequence: this.reached };
  }

  /** A chain of images and the object that names them, last. */
  private async shipGeneration(chain: readonly ManifestImage[]): Promise<{ objects: number; bytes: number }> {
    const { crc32c, store } = this.options;
    const last = chain.at(-1)!;
    const key = `${last.sequence} ${hex32(last.chain)}`;
    if (this.generations.has(key)) return { objects: 0, bytes: 0 };
    let objects = 0;
    let bytes = 0;
    const images: GenerationImage[] = [];
    const lastMs = this.frozenMs(last);
    for (const image of chain) {
      const known = this.images.get(image.chain);
      images.push(known ?? (await this.shipImage(image)));
      if (known !== undefined) continue;
      objects++;
      bytes += images.at(-1)!.size;
    }
    const object = { claim: this.claim.claim, sequence: last.sequence, lastMs, chain: hex32(last.chain) };
    await store.create(generationName(object), encodeGeneration({ images }, crc32c));
    this.generations.add(key);
    this.reached = Math.max(this.reached, last.sequence);
    return { objects: objects + 1, bytes };
  }

  private async shipImage(image: ManifestImage): Promise<GenerationImage> {
    const { disk, directory, recipients } = this.options;
    const path = joinPath(directory, image.name);
    // Nothing is shipped of a file that is not the listed one.
    this.frozenMs(image);
    let object = "";
    const size = await this.store(
      () => fileBody(disk, path, image.lengthBytes),
      (sum) => {
        object = imageObjectName({
          claim: this.claim.claim,
          sequence: image.sequence,
          chain: hex32(image.chain),
          delta: image.place > 0,
          sum,
          sealed: recipients !== null,
        });
        return object;
      },
    );
    const stored = { object, size, image };
    this.images.set(image.chain, stored);
    return stored;
  }

  /**
   * When the image was frozen, by the clock of then: no command in it was committed later, unless that clock stepped back. Throws DATA_ROTTEN
   * where the file is not the listed one.
   */
  private frozenMs(image: ManifestImage): number {
    const { disk, directory, crc32c } = this.options;
    const path = joinPath(directory, image.name);
    const read = readImageIndex(disk, path, crc32c);
    if (read.kind === "index" && (read.index.end.chain ^ image.chain) === 0) {
      return Math.max(read.index.header.frozenMs, this.latestMs(image.sequence));
    }
    throw new EmberlogError(
      "DATA_ROTTEN",
      `${path} is not what the manifest says: it is not shipped. To go on: emberlog check ${directory}`,
      { file: path },
    );
  }

  /** The latest commit time of the shipped segments that begin before `sequence`, as far as known. */
  private latestMs(sequence: number): number {
    let latest = 0;
    for (const [first, ms] of this.commitMs) if (first <= sequence && ms > latest) latest = ms;
    return latest;
  }

  private async checkClaim(): Promise<void> {
    const { store } = this.options;
    const newest = await newestClaim(store, this.claim.claim);
    if (newest === this.claim.claim) return;
    throw new EmberlogError(
      "STORE_FENCED",
      `${store.place} was taken over by another server (claim ${newest}, this one has ${this.claim.claim}): this server ships nothing more. ` +
        "If it is the right one, restart it; else stop it.",
    );
  }

  private async shipSegment(segment: Sealed): Promise<number> {
    const { disk, directory, crc32c, keys, recipients } = this.options;
    const path = joinPath(directory, segment.name);
    const { lengthBytes, lastSequence, chain } = segment.sealed;
    const counter = new SegmentCounter();
    const read = readSegment(disk, path, crc32c, counter, lengthBytes, keys);
    if (read.kind !== "scan" || read.scan.endOffset !== lengthBytes || (read.scan.chain ^ chain) !== 0) {
      throw new EmberlogError(
        "DATA_ROTTEN",
        `${path} is not what the manifest says: it is not shipped. To go on: emberlog check ${directory}`,
        { file: path },
      );
    }
    this.commitMs.set(segment.firstSequence, read.scan.commitMs);
    await this.storeCounts(segment.firstSequence, lastSequence, counter);
    const body = (): AsyncGenerator<Uint8Array> => fileBody(disk, path, lengthBytes);
    return this.store(body, (sum) =>
      segmentObjectName({
        claim: this.claim.claim,
        firstSequence: segment.firstSequence,
        lastSequence,
        lastMs: read.scan.commitMs,
        epoch: hex(segment.epoch),
        sum,
        sealed: recipients !== null,
      }),
    );
  }

  /** The counts of a segment, before it: so that whoever finds it knows that they are there, if they are worth it. */
  private async storeCounts(firstSequence: number, lastSequence: number, counter: SegmentCounter): Promise<void> {
    const counts = counter.counts();
    if (firstSequence === this.countedFirst || !worthStoring(counts)) return;
    const { store, crc32c } = this.options;
    await store.create(
      countsName({ claim: this.claim.claim, firstSequence, lastSequence }),
      encodeCounts(counts, crc32c),
    );
    this.countedFirst = firstSequence;
  }

  /** Stores a body that can be produced again, under a name that holds the sum of its stored bytes; returns their number. */
  private async store(body: () => AsyncGenerator<Uint8Array>, nameOf: (sum: string) => string): Promise<number> {
    const { store, recipients, random } = this.options;
    const sealing = recipients === null ? null : await drawSealing(recipients, random);
    const stored = (): AsyncGenerator<Uint8Array> => (sealing === null ? body() : ageEncrypt(body(), sealing));
    const sum = new ObjectSum();
    for await (const piece of stored()) sum.add(piece);
    await store.create(nameOf(sum.digest()), stored());
    return sum.size;
  }
}

async function* fileBody(disk: Disk, path: string, lengthBytes: number): AsyncGenerator<Uint8Array> {
  const fd = disk.open(path, "read");
  try {
    for (let at = 0; at < lengthBytes; ) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, lengthBytes - at));
      const read = disk.read(fd, piece, 0, piece.length, at);
      if (read === 0)
        throw new EmberlogError("DATA_ROTTEN", `${path} ends at ${at}, before its length`, { file: path, offset: at });
      yield piece.subarray(0, read);
      at += read;
    }
  } finally {
    disk.close(fd);
  }
}
