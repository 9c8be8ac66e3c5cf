/**
 * The data directory of an engine: opened, replayed, and from then on written. It joins the log's writer to the engine's turns.
 */
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { type Keys, NO_KEYS } from "../base/key_ring.ts";
import { IMAGE_MEMORY_BYTES_DEFAULT } from "../base/limits.ts";
import { humanBytes } from "../base/memory_size.ts";
import type { Random } from "../base/random.ts";
import { type Disk, DiskError } from "../disk/disk.ts";
import { ENOENT, ENOSPC, errorText, misconf } from "../disk/errno.ts";
import { NodeDisk, nodeFiles } from "../disk/node_disk.ts";
import type { Crc32c } from "../log/format.ts";
import type { LogBuffers } from "../log/log_buffer.ts";
import type { LogWriter } from "../log/writer.ts";
import type { LogFailure } from "../log/writer_options.ts";
import type { Manifest } from "../manifest/format.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { type LogIo, NativeLogIo, PortableLogIo } from "../platform/log_io.ts";
import { nativeAddon } from "../platform/native.ts";
import { type ImageThread, InlineImageThread, WorkerImageThread } from "../snapshot/image_thread.ts";
import type { DataDirectory } from "./data_directory.ts";
import { DiskSpaceWatch, type Watermarks } from "./disk_space.ts";
import type { Engine } from "./engine.ts";
import { Fill } from "./fill.ts";
import { EngineMemory } from "./image_memory.ts";
import { type ImageSettings, Images } from "./images.ts";
import { openDataDirectory, openDataDirectoryToFill, refuseDirectoryWithData } from "./open_directory.ts";
import type { RecoveryReport } from "./recovery.ts";
import { reloadDataset, reloadFromMemory } from "./reload.ts";
import { Replay } from "./replay.ts";
import { Resumption } from "./resumption.ts";
import { StorageHealth } from "./storage_health.ts";
import { logTrouble, spaceTrouble, startRemedy, type Trouble } from "./trouble.ts";

export type FsyncPolicy = "always" | "everysec" | "no";

/** The directory is looked for this often, and its disk measured: more often while that is nearly full. */
const LOOK_US = 1_000_000;
const LOOK_CLOSER_US = 100_000;
/** To sleep on. */
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

export interface StorageOptions {
  readonly directory: string;
  readonly policy: FsyncPolicy;
  readonly segmentBytesMax: number;
  /** Without them the disk may be filled to its last byte. */
  readonly watermarks?: Watermarks;
  readonly clock: Clock;
  readonly random: Random;
  /** For encryption at rest; without them nothing is encrypted. */
  readonly keys?: Keys;
  /** Where the disk, the log's threads and its memory are not the machine's: the crash harness (fuzz/sim). */
  readonly backing?: {
    readonly disk: Disk;
    readonly logIo: LogIo;
    readonly crc32c: Crc32c;
    readonly buffers?: LogBuffers;
    /** Who writes images; without one they are written on this thread, a block a task. */
    readonly imageThread?: ImageThread;
  };
  readonly images?: ImageSettings;
  /** Done once while images are being loaded by other threads, or before the log is read. */
  readonly meanwhile?: () => void;
}

export interface EncryptionState {
  /** Of the key that new segments are encrypted with; undefined: they are not. */
  readonly keyId: string | undefined;
  /** Of all keys that there are, the newest first. */
  readonly given: readonly string[];
  /** Of the keys that segments are encrypted with. */
  readonly inUse: readonly string[];
  /** Segments of either kind. */
  readonly plain: number;
  readonly encrypted: number;
}
const IMAGES_DEFAULT: ImageSettings = {
  memoryBytesMax: IMAGE_MEMORY_BYTES_DEFAULT,
  retention: { ms: 0, bytes: 0 },
};

/** Opens and recovers a data directory and lets the engine write to it from here on. Throws an EmberlogError when the start is refused. */
export function openStorage(engine: Engine, options: StorageOptions): Storage {
  const logIo = openLogIo(options);
  const replay = new Replay(engine);
  const space = new DiskSpaceWatch(options.segmentBytesMax, options.watermarks);
  try {
    const given = directoryOptions(options, logIo, space);
    const { meanwhile, backing } = options;
    const memory = new EngineMemory(engine, { ...given, threads: backing === undefined, meanwhile });
    const directory = openDataDirectory(given, replay, memory);
    memory.runMeanwhile();
    replay.finish();
    const storage = new Storage(engine, directory, logIo, space, openImages(engine, directory, options), options.keys);
    storage.images.marksSince = memory.adoptedChain;
    return storage;
  } catch (error) {
    void logIo.close();
    if (error instanceof DiskError) error.message += `. To go on: ${startRemedy(error.errno)}`;
    throw error;
  }
}

/**
 * Begins a log for an engine that had none: what the engine holds is written to it by `fillStep`, while effects are logged already. Until that
 * is done a start discards this log.
 */
export function openStorageToFill(engine: Engine, options: StorageOptions): Storage {
  const logIo = openLogIo(options);
  const space = new DiskSpaceWatch(options.segmentBytesMax, options.watermarks);
  try {
    const directory = openDataDirectoryToFill(directoryOptions(options, logIo, space), engine.journal.sequence + 1);
    const storage = new Storage(engine, directory, logIo, space, openImages(engine, directory, options), options.keys);
    storage.beginFill();
    return storage;
  } catch (error) {
    void logIo.close();
    throw error;
  }
}

/**
 * Begins a log for what is imported from `source` into an engine that holds nothing. It counts when `completeImport` has resolved; until then a
 * start begins the import again, or refuses to serve a half of it. `discardImport` leaves the directory as it was.
 */
export function openStorageToImport(engine: Engine, options: StorageOptions, source: string): Storage {
  const logIo = openLogIo(options);
  const space = new DiskSpaceWatch(options.segmentBytesMax, options.watermarks);
  try {
    const directory = openDataDirectoryToFill(directoryOptions(options, logIo, space), 1, source);
    return new Storage(engine, directory, logIo, space, openImages(engine, directory, options), options.keys);
  } catch (error) {
    void logIo.close();
    throw error;
  }
}

/** `appendonly no`: throws DIRECTORY_HOLDS_DATA where a directory holds what would be hidden. */
export function refuseData(directory: string): void {
  refuseDirectoryWithData(new NodeDisk(nativeFileCalls()), directory);
}

function openImages(engine: Engine, directory: DataDirectory, options: StorageOptions): Images {
  const { backing } = options;
  const thread =
    backing === undefined
      ? new WorkerImageThread()
      : (backing.imageThread ?? new InlineImageThread(backing.disk, backing.crc32c, () => undefined, setImmediate));
  return new Images(engine, directory, thread, options.images ?? IMAGES_DEFAULT, options.keys ?? NO_KEYS);
}

function openLogIo({ backing, clock }: StorageOptions): LogIo {
  if (backing !== undefined) return backing.logIo;
  const addon = nativeAddon();
  return addon === undefined ? new PortableLogIo(nodeFiles, () => clock.monotonicUs()) : new NativeLogIo(addon);
}

function directoryOptions(options: StorageOptions, logIo: LogIo, space: DiskSpaceWatch) {
  const backing = options.backing ?? { disk: new NodeDisk(nativeFileCalls()), crc32c };
  const spareBytes = (): number => space.spareBytes(backing.disk.space(options.directory));
  return { ...options, ...backing, logIo, spareBytes };
}

export class Storage {
  readonly report: RecoveryReport;
  readonly logIo: LogIo;
  readonly space: DiskSpaceWatch;
  readonly health: StorageHealth;
  readonly images: Images;
  readonly resumption: Resumption;
  private progressed: () => void = () => {};
  private readonly engine: Engine;
  private readonly directory: DataDirectory;
  private readonly keys: Keys;
  private fill: Fill | undefined;
  private completion: Promise<void> | undefined;
  /** When to look next whether the directory is still there, and how full its disk is. */
  private lookUs = 0;
  private gone = false;
  /** Why somebody else wants writes refused, as a RESP error; heeded within a second. */
  heldBack: string | undefined;
  /** Space could not be set aside a moment ago. */
  private unreserved: LogFailure | undefined;
  private unreservedUs = 0;

  constructor(
    engine: Engine,
    directory: DataDirectory,
    logIo: LogIo,
    space: DiskSpaceWatch,
    images: Images,
    keys: Keys = NO_KEYS,
  ) {
    this.engine = engine;
    this.images = images;
    this.directory = directory;
    this.logIo = logIo;
    this.keys = keys;
    this.report = directory.report;
    this.resumption = new Resumption(engine, images);
    this.resumption.onResumed = () => this.resumed();
    this.space = space;
    this.health = new StorageHealth(engine.clock.wallMs());
    engine.attachLog(this.writer, directory.report.lastSequence);
  }

  /** After a failed sync it is another one, once the log has begun anew. */
  get writer(): LogWriter {
    return this.directory.writer;
  }

  get policy(): FsyncPolicy {
    return this.writer.policy;
  }

  set policy(policy: FsyncPolicy) {
    this.writer.policy = policy;
    this.engine.refreshReleased();
  }

  /** A sync has failed, and nothing can become durable in this log any more. // D9 */
  get syncFailed(): boolean {
    return this.writer.failed?.kind === "sync";
  }

  /** Encryption at rest as it is now. */
  get encryption(): EncryptionState {
    const { segmentKeys } = this.directory;
    const ofSegments = [...segmentKeys.keys()].filter((id) => id !== undefined);
    const inUse = [...new Set([...ofSegments, ...this.directory.imageKeys])];
    let encrypted = 0;
    for (const id of ofSegments) encrypted += segmentKeys.get(id)!;
    const { newest, ids } = this.keys;
    return { keyId: newest?.id, given: ids, inUse, plain: segmentKeys.get(undefined) ?? 0, encrypted };
  }

  /** The keys have changed: what is written from here on goes into a new segment, under the newest of them. */
  beginSegment(): void {
    this.writer.rotate();
  }

  /** Called when more is written or durable, or the log has failed. */
  set onProgress(progressed: () => void) {
    this.progressed = progressed;
    this.writer.onProgress = progressed;
  }

  /** D9: memory itself may still become durable. */
  private get resumes(): boolean {
    return this.syncFailed && !this.gone && this.policy !== "always";
  }

  /** Before an orderly end after a failed sync: what memory alone knows is stored, if the disk lets it. Resolves when that was tried. */
  async rescue(): Promise<void> {
    if (!this.resumes) return;
    // One under way, or an ordinary image that has not noticed yet.
    await this.images.idle();
    if (this.resumes && this.writer.idle) await this.resumption.now();
  }

  private resumed(): void {
    this.fill?.stop();
    this.fill = undefined;
    this.writer.onProgress = this.progressed;
    this.health.update(this.findTrouble(), this.engine.clock.wallMs());
    this.progressed();
  }

  /** What ends the process: a failed sync under `always` (D9). */
  get fatalFailure(): string | undefined {
    const { failed } = this.writer;
    if (failed === null || failed.kind !== "sync" || this.writer.policy !== "always") return undefined;
    const { path } = this.directory;
    if (this.gone) {
      return (
        `${path} is gone from under the server, and with it the log, so the server stops (appendfsync always). ` +
        "To go on: put it back or mount it again, then start the server"
      );
    }
    return (
      `A sync of the log in ${path} failed (${errorText(failed.errno)}): what was written since the last one may be lost, so the ` +
      "server stops (appendfsync always). To go on: look into the disk (dmesg), then start the server: it begins with what the disk has"
    );
  }

  /** When the disk counts as low, and when writes are refused. */
  set watermarks(watermarks: Watermarks) {
    this.space.watermarks = watermarks;
    this.lookUs = 0;
  }

  /** To be called at least every 100 ms. */
  tick(): void {
    const { clock } = this.engine;
    const nowUs = clock.monotonicUs();
    if (nowUs >= this.lookUs || this.writer.reserveErrno < 0) {
      this.look(nowUs);
      this.lookUs = nowUs + (this.space.isNear ? LOOK_CLOSER_US : LOOK_US);
    }
    this.writer.tick();
    this.images.tick();
    if (this.resumes && this.writer.idle) this.resumption.tick();
    this.watchReserve(nowUs);
    this.health.update(this.findTrouble(), clock.wallMs());
  }

  /** Space could not be set aside for two looks in a row, so it was no single large request that there was none for. */
  private watchReserve(nowUs: number): void {
    const { reserveErrno: errno } = this.writer;
    if (errno === 0) {
      if (nowUs - this.unreservedUs > LOOK_US) this.unreserved = undefined;
    } else if (nowUs - this.unreservedUs > LOOK_US) this.unreservedUs = nowUs;
    else {
      this.unreserved = { kind: "write", errno };
      this.unreservedUs = nowUs;
    }
  }

  private look(nowUs: number): void {
    const { directory, writer, space, engine } = this;
    // What is written to a file without a name is acknowledged and lost.
    if (!this.gone && directory.isGone) {
      this.gone = true;
      writer.giveUp(ENOENT);
    }
    space.look(directory.space, Math.max(0, writer.space.endBytes - writer.segmentBytes), nowUs);
    const reason = `${errorText(ENOSPC)} (${humanBytes(space.freeBytes)} free, disk-stop-watermark is ${humanBytes(space.stopBytes)})`;
    engine.withheld = space.state === "stop" ? misconf(reason) : this.heldBack;
    if (space.state === "stop") this.images.makeRoom();
  }

  private findTrouble(): Trouble | undefined {
    const { directory, gone } = this;
    const failed = this.writer.failed ?? undefined;
    if (failed !== undefined) return logTrouble(directory.path, failed, gone, this.resumes);
    const space = spaceTrouble(directory.path, this.space);
    if (space?.refusesWrites === true || this.unreserved === undefined) return space;
    return logTrouble(directory.path, this.unreserved, gone, false);
  }

  /** The files that make up the data now. */
  get listed(): Manifest {
    return this.directory.listed;
  }

  /** Bytes that a start would read now: the images that it begins with, and the log behind them. */
  get startBytes(): number {
    return this.directory.startBytes + this.writer.segmentBytes;
  }

  /** Why no image can be taken, as a RESP error; undefined while one can. */
  get imageRefusal(): string | undefined {
    const trouble = this.writer.refusal;
    return trouble === undefined ? undefined : `ERR an image needs a log that takes writes: ${trouble}`;
  }

  /** The dataset is still being written to the log. */
  get filling(): boolean {
    return this.fill !== undefined;
  }

  beginFill(): void {
    this.fill = new Fill(this.engine);
  }

  /** Goes on writing the dataset, inside of a turn, until `mayGoOn` says no. True while there is more. */
  fillStep(mayGoOn: () => boolean): boolean {
    if (this.fill === undefined || this.completion !== undefined) return false;
    if (this.writer.congested || this.health.trouble?.refusesWrites === true || !this.fill.step(mayGoOn)) return true;
    // Committed at the end of this turn: what completes the log must come behind it.
    setImmediate(() => void this.completeFill());
    return false;
  }

  /** States that the log holds the whole dataset, once. */
  private completeFill(): Promise<void> {
    this.completion ??= this.complete();
    return this.completion;
  }

  private async complete(): Promise<void> {
    try {
      await this.directory.complete();
      this.fill = undefined;
    } catch (error) {
      // The writer's own failure is what is reported; the log stays one that a start discards.
      if (!(error instanceof EmberlogError)) throw error;
    }
  }

  /** What was imported is durable, and what a start serves. Throws where it can't be. */
  async completeImport(): Promise<void> {
    this.engine.commit();
    await this.directory.complete();
  }

  /** Gives up an import: closes the log and removes it. */
  async discardImport(): Promise<void> {
    this.engine.detachLog();
    await this.directory.discard();
    await this.logIo.close();
  }

  /** Reads the whole log into the emptied dataset. False: something is still on its way into the file, and nothing was done. */
  reload(): boolean {
    this.engine.commit();
    if (this.filling || this.writer.writtenSequence < this.writer.sequence || !this.directory.listsAll) return false;
    // What images made unnecessary is not in the log any more: then memory itself is the source.
    if (this.directory.logIsWhole) reloadDataset(this.engine, (replay) => this.directory.replay(replay));
    else reloadFromMemory(this.engine);
    return true;
  }

  /**
   * Waits on this thread while more is on its way to the file than may be: for a caller that never goes back to the event loop. Without
   * native threads nothing would come of waiting, and it does not.
   */
  waitForRoom(): void {
    const { writer, logIo } = this;
    while (logIo.kind === "native" && writer.congested && writer.failed === null) {
      if (!logIo.deliver()) Atomics.wait(NEVER_WOKEN, 0, 0, 1);
    }
  }

  /** Resolves when everything committed is durable. */
  durable(): Promise<void> {
    return this.writer.durable();
  }

  /** Writes what a fill has left, syncs everything and gives the directory back. */
  async close(): Promise<void> {
    await this.images.cancel();
    this.fill?.finish();
    this.engine.commit();
    this.engine.detachLog();
    try {
      if (this.fill !== undefined) await this.completeFill();
      await this.directory.close();
      this.engine.forgetLog();
    } finally {
      await this.logIo.close();
    }
  }

  /** Gives the directory back as a crash would. */
  async abandon(): Promise<void> {
    this.images.abandon();
    this.engine.detachLog();
    this.fill?.stop();
    await this.directory.abandon();
    await this.logIo.close();
  }
}
