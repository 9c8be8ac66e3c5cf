/**
 * Images of a running engine: when one is taken, how it becomes part of the data, what its taking has cost.
 *
 * ```
 * idle ──begin──> preparing (a thread starts) ──> writing (a freeze, between two turns) ──> listing ──> idle
 * ```
 * At the freeze everything executed is committed as sequence N. The image is listed when it is on stable storage and the log is
 * through N (D3); until then nothing has changed, and whatever goes wrong leaves nothing behind: the file goes, the dirty marks come back.
 *
 * A delta is taken on the newest image as long as its chain has less than DELTAS_MAX of them and they are together smaller than half of
 * the full image; otherwise the image is full.
 */
import { check } from "../base/check.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { IMAGE_DELTAS_MAX, IMAGE_MERGED_SEGMENTS } from "../base/limits.ts";
import { humanBytes } from "../base/memory_size.ts";
import { DiskError } from "../disk/disk.ts";
import { imageName, joinPath } from "../disk/file_names.ts";
import { EPOCH_BYTES, SEGMENT_HEADER_BYTES } from "../log/format.ts";
import type { Manifest, ManifestImage, ManifestSegment } from "../manifest/format.ts";
import { chainOf } from "../manifest/image_chain.ts";
import { beginFreeze, FreezePool, returnPool } from "../memory/begin_freeze.ts";
import type { Freeze } from "../memory/freeze.ts";
import { LAYOUT_VERSION, PAGE_BYTES } from "../memory/layout.ts";
import { IMAGE_VERSION, type ImageHeader } from "../snapshot/format.ts";
import type { ImageAnswer, ImageFailure, ImageThread } from "../snapshot/image_thread.ts";
import type { ImageSummary } from "../snapshot/image_writing.ts";
import { imageFileKey, imageKeyId, newestKeyId } from "../snapshot/sealing.ts";
import { fallbacksOf, type Retention, withImage } from "./compaction.ts";
import type { DataDirectory } from "./data_directory.ts";
import type { Engine } from "./engine.ts";

/** So much more than estimated may an image take, as a factor. */
const SPACE_MARGIN = 1.25;

export interface ImageSettings {
  /** Memory for pages copied aside, bytes. */
  readonly memoryBytesMax: number;
  readonly retention: Retention;
  /** rdb-key-save-delay: so many µs longer, for each key, is a thread to take for an image (negative: one µs for so many keys). For tests. */
  readonly keyDelayUs?: number;
}

/** What has been taken since start, and what the last one cost. */
export interface ImageStatistics {
  taken: number;
  full: number;
  deltas: number;
  failed: number;
  /** Listed ones that were found damaged when they were read back. */
  damaged: number;
  /** Of the last one that succeeded. */
  lastSequence: number;
  lastBytes: number;
  lastPlainBytes: number;
  lastPages: number;
  lastKind: "none" | "full" | "delta";
  /** From beginning to listed, ms. */
  lastMs: number;
  /** What the serving thread did between two turns to begin it, µs. */
  lastFreezeUs: number;
  freezeUsMax: number;
  /** Pages copied aside, the most memory they took at once, and waits for it: of the last one, whatever became of it. */
  lastCopiedPages: number;
  lastExtraBytes: number;
  extraBytesMax: number;
  waits: number;
  waitedUs: number;
  waitedUsMax: number;
}

export interface ImageResult {
  readonly image: ManifestImage;
  readonly summary: ImageSummary;
}

type Done = (error: EmberlogError | undefined, result: ImageResult | undefined) => void;

interface Taking {
  readonly full: boolean;
  /** It is to take the place of a log whose sync has failed, in an epoch of its own. // D9 */
  readonly insteadOfLog: boolean;
  readonly beganUs: number;
  readonly done: Done;
  path: string;
  freeze: Freeze | undefined;
  marks: readonly Uint8Array[];
  /** Why nothing is to come of it. */
  cancelled: EmberlogError | undefined;
}

export class Images {
  readonly statistics: ImageStatistics = {
    taken: 0,
    full: 0,
    deltas: 0,
    failed: 0,
    damaged: 0,
    lastSequence: 0,
    lastBytes: 0,
    lastPlainBytes: 0,
    lastPages: 0,
    lastKind: "none",
    lastMs: -1,
    lastFreezeUs: 0,
    freezeUsMax: 0,
    lastCopiedPages: 0,
    lastExtraBytes: 0,
    extraBytesMax: 0,
    waits: 0,
    waitedUs: 0,
    waitedUsMax: 0,
  };
  settings: ImageSettings;
  /** Says of a segment that nobody but this directory needs it: a backup that has not shipped it does. */
  isFree: (segment: ManifestSegment) => boolean = () => true;
  /** There is such a backup: what it has not shipped is kept for it where the log begins anew. */
  isBackedUp = false;

  private readonly engine: Engine;
  private readonly directory: DataDirectory;
  private readonly thread: ImageThread;
  private readonly keys: Keys;
  /** Is told of a listed image that was read back and found damaged. */
  onDamaged: (name: string, problem: string) => void = () => {};
  /** Chains of full images that were read back since start. */
  private readonly readBack = new Set<number>();
  private pool: FreezePool | undefined;
  private taking: Taking | undefined;
  /** Marks of an image that came to nothing, on their way back: from this segment on. */
  private merging: { marks: readonly Uint8Array[]; next: number } | undefined;
  private ended: Promise<void> = Promise.resolve();
  /** Goes on with an image that waits for the log. */
  private waiting: (() => void) | undefined;

  constructor(engine: Engine, directory: DataDirectory, thread: ImageThread, settings: ImageSettings, keys: Keys) {
    this.keys = keys;
    this.engine = engine;
    this.directory = directory;
    this.thread = thread;
    this.settings = settings;
  }

  /** An image is being taken. */
  get busy(): boolean {
    return this.taking !== undefined;
  }

  /** Resolves when none is being taken. */
  async idle(): Promise<void> {
    while (this.busy) await this.ended;
  }

  /** Since when, as the clock's monotonic µs; undefined while none is. */
  get beganUs(): number | undefined {
    return this.taking?.beganUs;
  }

  /** Memory taken by pages copied aside right now, bytes. */
  get extraBytes(): number {
    return (this.taking?.freeze?.slotsUsedMax ?? 0) * PAGE_BYTES;
  }

  /**
   * Begins an image. `done` is called once, later, when it is part of the data or has come to nothing. `full`: whatever the rule for deltas
   * says. Only while none is being taken.
   */
  begin(full: boolean, done: Done): void {
    check(this.taking === undefined, "one image at a time");
    const newest = this.unchanged(full);
    if (newest !== undefined) {
      const { chain, lengthBytes: fileBytes } = newest;
      queueMicrotask(() =>
        done(undefined, { image: newest, summary: { chain, fileBytes, pages: 0, blocks: 0, plainBytes: 0 } }),
      );
      return;
    }
    this.take(full, false, done);
  }

  /**
   * After a failed sync, while nothing is on its way to the log and writes are refused: a full image of all that was executed, which with an empty
   * segment takes the place of the log (`DataDirectory.restart`). `done` is called once, later. // D9
   */
  beginInsteadOfLog(done: Done): void {
    check(this.taking === undefined, "one image at a time");
    this.take(true, true, done);
  }

  private take(fullWanted: boolean, insteadOfLog: boolean, done: Done): void {
    const beganUs = this.engine.clock.monotonicUs();
    const taking: Taking = {
      full: fullWanted,
      insteadOfLog,
      beganUs,
      done,
      path: "",
      freeze: undefined,
      marks: [],
      cancelled: undefined,
    };
    this.taking = taking;
    let settle = (): void => {};
    this.ended = new Promise((resolve) => {
      settle = resolve;
    });
    const finished = (error: EmberlogError | undefined, result: ImageResult | undefined): void => {
      this.taking = undefined;
      if (error !== undefined) {
        this.statistics.failed++;
        this.undo(taking);
      }
      settle();
      done(error, result);
    };
    const full = insteadOfLog || this.parent(taking.full) === undefined;
    const lacking = this.lackOfSpace(full);
    if (lacking !== undefined) {
      queueMicrotask(() => this.taking === taking && finished(lacking, undefined));
      return;
    }
    this.thread.prepare((failure) => {
      if (this.taking !== taking) return;
      if (failure !== undefined) return finished(failureError(failure), undefined);
      if (taking.cancelled !== undefined) {
        this.thread.abandon();
        return finished(taking.cancelled, undefined);
      }
      try {
        this.freeze(taking, finished);
      } catch (thrown) {
        // The disk, before there was a freeze.
        if (!(thrown instanceof DiskError)) throw thrown;
        this.thread.abandon();
        finished(thrown, undefined);
      }
    });
  }

  /** Calls off what is under way; resolves when nothing of it is left. */
  async cancel(why: EmberlogError = calledOff()): Promise<void> {
    const { taking } = this;
    if (taking !== undefined) {
      taking.cancelled ??= why;
      taking.freeze?.end(false);
      this.waiting?.();
    }
    await this.ended;
  }

  /** The disk has come down to the watermark at which writes are refused: an image that is being written makes room. */
  makeRoom(): void {
    if (this.taking?.freeze === undefined) return;
    void this.cancel(
      new EmberlogError("DISK_FULL", "the image was called off, because the disk has come down to disk-stop-watermark"),
    );
  }

  /** As a crash would leave it: nothing is answered, and the file stays for the next start to remove. */
  abandon(): void {
    this.taking?.freeze?.end(false);
    this.taking = undefined;
    this.thread.abandon();
  }

  /** A bounded step of what is left of a failed image; to be called regularly. */
  tick(): void {
    this.waiting?.();
    const { merging } = this;
    if (merging === undefined) return;
    const { arena } = this.engine;
    const end = Math.min(merging.marks.length, merging.next + IMAGE_MERGED_SEGMENTS);
    for (let i = merging.next; i < end; i++) arena.mergeMarks(i, merging.marks[i]!);
    merging.next = end;
    if (end === merging.marks.length) this.merging = undefined;
  }

  /** The newest image, if it says already what another one would say, byte for byte or nearly so. */
  private unchanged(full: boolean): ManifestImage | undefined {
    const { images } = this.directory;
    const newest = images[images.length - 1];
    // The journal's, because what the running turn has executed is not in the log yet.
    const { sequence } = this.engine.journal;
    if (newest === undefined || newest.chain !== this.marksSince || newest.sequence !== sequence) return undefined;
    return full && newest.place > 0 ? undefined : newest;
  }

  /** D15: an image that would fill the disk is not begun. What it will take is estimated by how well the one before could be compressed. */
  private lackOfSpace(full: boolean): EmberlogError | undefined {
    const spareBytes = this.directory.spareBytes();
    const { arena, allocator } = this.engine.dataset;
    const { addressSpaceBytes, freePageBytes } = allocator.statistics();
    const usedBytes = addressSpaceBytes - freePageBytes;
    const { lastBytes, lastPlainBytes } = this.statistics;
    const loadedBytes = this.directory.images.filter(({ place }) => place === 0).at(-1)?.lengthBytes ?? usedBytes;
    const ratio = Math.min(
      1,
      SPACE_MARGIN * (lastPlainBytes > 0 ? lastBytes / lastPlainBytes : loadedBytes / usedBytes),
    );
    if (usedBytes * ratio <= spareBytes) return undefined;
    const bytes = Math.round((full ? usedBytes : arena.markedBytes()) * ratio);
    if (bytes <= spareBytes) return undefined;
    const spare = humanBytes(Math.max(0, spareBytes));
    return new EmberlogError(
      "DISK_FULL",
      `the image may take ${humanBytes(bytes)}, and the disk has only ${spare} more than disk-stop-watermark keeps free`,
    );
  }

  /** The image that a delta may be taken on; undefined: the next one is full. */
  private parent(full: boolean): ManifestImage | undefined {
    const { images } = this.directory;
    const newest = images[images.length - 1];
    // Only what memory is the continuation of: the newest image, taken or loaded by this process.
    if (full || newest === undefined || newest.chain !== this.marksSince) return undefined;
    const chain = chainOf(images, newest);
    const deltaBytes = chain.slice(1).reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    if (newest.place >= IMAGE_DELTAS_MAX || deltaBytes * 2 > chain[0]!.lengthBytes) return undefined;
    return newest;
  }

  /** Chain of the image that the dirty marks count from; undefined: of none. */
  marksSince: number | undefined;

  private freeze(taking: Taking, finished: Done): void {
    const { engine, directory, thread } = this;
    const { clock, arena } = engine;
    taking.path = directory.prepareImage();
    while (this.merging !== undefined) this.tick();
    const freezeBeganUs = clock.monotonicUs();
    // What was executed so far is in the image, and a unit of the log ends here.
    engine.commit();
    const { writer } = directory;
    const { sequence } = writer;
    arena.logPosition = sequence;
    const parent = this.parent(taking.full);
    const { memoryBytesMax } = this.settings;
    if (this.pool?.bytesMax !== memoryBytesMax) this.pool = new FreezePool(memoryBytesMax, arena.calls);
    const { allocator } = engine.dataset;
    const { freeze, marks } = beginFreeze(allocator, this.pool, () => clock.monotonicUs(), thread.drainHere);
    taking.freeze = freeze;
    taking.marks = marks;
    const { statistics } = this;
    statistics.lastFreezeUs = clock.monotonicUs() - freezeBeganUs;
    statistics.freezeUsMax = Math.max(statistics.freezeUsMax, statistics.lastFreezeUs);
    // The log goes on in a segment of its own soon, and everything before it may go one day.
    if (!taking.insteadOfLog && writer.segmentBytes > SEGMENT_HEADER_BYTES) writer.rotate();
    const header: ImageHeader = {
      version: IMAGE_VERSION,
      layoutVersion: LAYOUT_VERSION,
      firstSegment: arena.firstSegment,
      segmentCount: arena.segmentCount,
      place: parent === undefined ? 0 : parent.place + 1,
      epoch: taking.insteadOfLog ? engine.random.bytes(EPOCH_BYTES) : directory.epoch,
      sequence,
      frozenMs: Math.max(clock.wallMs(), writer.commitMs),
      parentSequence: parent?.sequence ?? 0,
      parentChain: parent?.chain ?? 0,
      salt: engine.random.bytes(32),
      keyId: newestKeyId(this.keys),
    };
    const fileKey = imageFileKey(header.keyId, header.salt, this.keys);
    const { keyDelayUs = 0 } = this.settings;
    const { keyCount } = engine.dataset;
    const { shared: frozen } = freeze;
    const delayMs = (keyDelayUs < 0 ? keyCount / -keyDelayUs : keyCount * keyDelayUs) / 1000;
    thread.write({ path: taking.path, header, frozen, keys: keyCount, fileKey, delayMs }, (answer) => {
      if (this.taking !== taking) return;
      this.endFreeze(taking, answer);
      if (taking.cancelled !== undefined) finished(taking.cancelled, undefined);
      else if (answer.kind === "failed") finished(failureError(answer), undefined);
      else if (taking.insteadOfLog) this.restartLog(taking, header, answer.summary, finished);
      else this.listWhenDurable(taking, header, answer.summary, finished);
    });
  }

  private endFreeze(taking: Taking, answer: ImageAnswer): void {
    const freeze = taking.freeze!;
    freeze.end(answer.kind === "written");
    if (this.pool !== undefined) returnPool(this.engine.dataset.allocator, this.pool);
    const { statistics } = this;
    statistics.lastCopiedPages = freeze.copiedPages;
    statistics.lastExtraBytes = freeze.slotsUsedMax * PAGE_BYTES;
    statistics.extraBytesMax = Math.max(statistics.extraBytesMax, statistics.lastExtraBytes);
    statistics.waits += freeze.waits;
    statistics.waitedUs += freeze.waitedUs;
    statistics.waitedUsMax = Math.max(statistics.waitedUsMax, freeze.waitedUsMax);
  }

  /** D3: the image, which is on stable storage now, never says more than the log does. Asked again at each tick. */
  private listWhenDurable(taking: Taking, header: ImageHeader, summary: ImageSummary, finished: Done): void {
    const { directory } = this;
    const { writer } = directory;
    const attempt = (): void => {
      this.waiting = undefined;
      if (taking.cancelled !== undefined) return finished(taking.cancelled, undefined);
      if (writer.failed !== null) {
        return finished(new DiskError(writer.failed.kind, "the log", writer.failed.errno), undefined);
      }
      if (writer.durableSequence < header.sequence) {
        this.waiting = attempt;
        const again = (): void => this.waiting?.();
        writer.durable().then(again, again);
        return;
      }
      this.findFallback(taking, listedAs(header, summary), (image, change) => {
        if (taking.cancelled !== undefined) return finished(taking.cancelled, undefined);
        directory.addImage(image, imageKeyId(header.keyId), change, (error) => {
          if (this.taking !== taking) return;
          if (error !== undefined) return finished(error, undefined);
          this.marksSince = image.chain;
          this.count(taking, image, summary);
          finished(undefined, { image, summary });
        });
      });
    };
    attempt();
  }

  /**
   * D16: what `image` makes unnecessary goes only when the full image before it, which then stands for it, has been read back and found whole. One that is
   * not is told, and what came before it is kept.
   */
  private findFallback(
    taking: Taking,
    image: ManifestImage,
    found: (image: ManifestImage, change: (manifest: Manifest) => Manifest) => void,
  ): void {
    const { directory, engine, settings } = this;
    const candidates = fallbacksOf(directory.listed, image);
    const next = (): void => {
      const fallback = candidates.shift();
      const changeBy =
        (isFree: (segment: ManifestSegment) => boolean) =>
        (manifest: Manifest): Manifest =>
          withImage(manifest, image, fallback, settings.retention, engine.clock.wallMs(), isFree);
      if (fallback === undefined || this.readBack.has(fallback.chain)) return found(image, changeBy(this.isFree));
      const before = directory.listed;
      const after = changeBy(this.isFree)(before);
      const keepsAll = after.segments.length === before.segments.length && after.images.length > before.images.length;
      if (keepsAll) return found(image, changeBy(NOTHING_IS_FREE));
      const { name, chain, lengthBytes: fileBytes } = fallback;
      this.waiting = () => {
        if (taking.cancelled === undefined) return;
        this.waiting = undefined;
        this.thread.abandon();
        found(image, changeBy(NOTHING_IS_FREE));
      };
      this.thread.verify({ path: joinPath(directory.path, name), chain, fileBytes }, (problem) => {
        if (this.taking !== taking || this.waiting === undefined) return;
        this.waiting = undefined;
        if (problem === undefined) {
          this.readBack.add(chain);
          return found(image, changeBy(this.isFree));
        }
        this.statistics.damaged++;
        this.onDamaged(name, problem);
        next();
      });
    };
    next();
  }

  /** D9: the image holds what the log can't be trusted with any more. Nothing was executed since the freeze, because writes are refused. */
  private restartLog(taking: Taking, header: ImageHeader, summary: ImageSummary, finished: Done): void {
    const { directory, engine } = this;
    const image = listedAs(header, summary);
    const isAll = (): boolean => taking.cancelled === undefined && engine.journal.sequence === image.sequence;
    const isFree = this.isBackedUp ? this.isFree : undefined;
    directory.restart(image, imageKeyId(header.keyId), isAll, isFree, (error) => {
      if (this.taking !== taking) return;
      if (error !== undefined) return finished(error, undefined);
      engine.attachLog(directory.writer, image.sequence);
      this.marksSince = image.chain;
      this.count(taking, image, summary);
      finished(undefined, { image, summary });
    });
  }

  private count(taking: Taking, image: ManifestImage, summary: ImageSummary): void {
    const { statistics } = this;
    statistics.taken++;
    if (image.place === 0) statistics.full++;
    else statistics.deltas++;
    statistics.lastKind = image.place === 0 ? "full" : "delta";
    statistics.lastSequence = image.sequence;
    statistics.lastBytes = summary.fileBytes;
    statistics.lastPlainBytes = summary.plainBytes;
    statistics.lastPages = summary.pages;
    statistics.lastMs = (this.engine.clock.monotonicUs() - taking.beganUs) / 1000;
  }

  /** Nothing is left of it: what was dirty is dirty again, and the file goes. */
  private undo(taking: Taking): void {
    if (taking.freeze === undefined) return;
    this.merging = { marks: taking.marks, next: 0 };
    this.directory.dropImage();
  }
}

const NOTHING_IS_FREE = (): boolean => false;

function listedAs(header: ImageHeader, summary: ImageSummary): ManifestImage {
  const { sequence, epoch, place, parentChain } = header;
  const name = imageName(sequence, epoch, place > 0);
  return { name, epoch, sequence, lengthBytes: summary.fileBytes, chain: summary.chain | 0, place, parentChain };
}

function failureError({ reason, errno }: ImageFailure): EmberlogError {
  if (errno !== 0) return new DiskError("write an image to", "the data directory", errno);
  return new EmberlogError("DISK_FAILED", `the image could not be written: ${reason}`);
}

function calledOff(): EmberlogError {
  return new EmberlogError("CLOSED", "the image was called off");
}
