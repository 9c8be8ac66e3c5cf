/**
 * The data directory of an engine: opened, replayed, and from then on written. It joins the log's writer to the engine's turns.
 */
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import type { Random } from "../base/random.ts";
import type { Disk } from "../disk/disk.ts";
import { ENOENT, errorText } from "../disk/errno.ts";
import { NodeDisk, nodeFiles } from "../disk/node_disk.ts";
import type { Crc32c } from "../log/format.ts";
import type { LogWriter } from "../log/writer.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { type LogIo, NativeLogIo, PortableLogIo } from "../platform/log_io.ts";
import { nativeAddon } from "../platform/native.ts";
import {
  type DataDirectory,
  openDataDirectory,
  openDataDirectoryToFill,
  refuseDirectoryWithData,
} from "./data_directory.ts";
import type { Engine } from "./engine.ts";
import { Fill } from "./fill.ts";
import type { RecoveryReport } from "./recovery.ts";
import { reloadDataset } from "./reload.ts";
import { Replay } from "./replay.ts";

export type FsyncPolicy = "always" | "everysec" | "no";

/** The directory is looked for this often. */
const LOOK_US = 1_000_000;
/** To sleep on. */
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

export interface StorageOptions {
  readonly directory: string;
  readonly policy: FsyncPolicy;
  readonly segmentBytesMax: number;
  readonly clock: Clock;
  readonly random: Random;
  /** For encryption at rest; without them nothing is encrypted. */
  readonly keys?: Keys;
  /** Where the disk and the log's threads are not the machine's: the crash harness (fuzz/sim). */
  readonly backing?: { readonly disk: Disk; readonly logIo: LogIo; readonly crc32c: Crc32c };
}

/** Opens and recovers a data directory and lets the engine write to it from here on. Throws an EmberlogError when the start is refused. */
export function openStorage(engine: Engine, options: StorageOptions): Storage {
  const logIo = openLogIo(options);
  const replay = new Replay(engine);
  try {
    const directory = openDataDirectory(directoryOptions(options, logIo), replay);
    replay.finish();
    return new Storage(engine, directory, logIo);
  } catch (error) {
    void logIo.close();
    throw error;
  }
}

/**
 * Begins a log for an engine that had none: what the engine holds is written to it by `fillStep`, while effects are logged already. Until that
 * is done a start discards this log.
 */
export function openStorageToFill(engine: Engine, options: StorageOptions): Storage {
  const logIo = openLogIo(options);
  try {
    const directory = openDataDirectoryToFill(directoryOptions(options, logIo), engine.journal.sequence + 1);
    const storage = new Storage(engine, directory, logIo);
    storage.beginFill();
    return storage;
  } catch (error) {
    void logIo.close();
    throw error;
  }
}

/** `appendonly no`: throws DIRECTORY_HOLDS_DATA where a directory holds what would be hidden. */
export function refuseData(directory: string): void {
  refuseDirectoryWithData(new NodeDisk(nativeFileCalls()), directory);
}

function openLogIo({ backing, clock }: StorageOptions): LogIo {
  if (backing !== undefined) return backing.logIo;
  const addon = nativeAddon();
  return addon === undefined ? new PortableLogIo(nodeFiles, () => clock.monotonicUs()) : new NativeLogIo(addon);
}

function directoryOptions(options: StorageOptions, logIo: LogIo) {
  const { disk, crc32c: sum } = options.backing ?? { disk: new NodeDisk(nativeFileCalls()), crc32c };
  return { ...options, disk, logIo, crc32c: sum };
}

export class Storage {
  readonly report: RecoveryReport;
  readonly writer: LogWriter;
  readonly logIo: LogIo;
  private readonly engine: Engine;
  private readonly directory: DataDirectory;
  private fill: Fill | undefined;
  private completion: Promise<void> | undefined;
  /** When to look next whether the directory is still there. */
  private lookUs = 0;
  private gone = false;

  constructor(engine: Engine, directory: DataDirectory, logIo: LogIo) {
    this.engine = engine;
    this.directory = directory;
    this.logIo = logIo;
    this.report = directory.report;
    this.writer = directory.writer;
    engine.attachLog(this.writer, directory.report.lastSequence);
  }

  get policy(): FsyncPolicy {
    return this.writer.policy;
  }

  set policy(policy: FsyncPolicy) {
    this.writer.policy = policy;
    this.engine.refreshReleased();
  }

  /** A sync has failed, and nothing can become durable any more. // D9 */
  get syncFailed(): boolean {
    return this.writer.failed?.kind === "sync";
  }

  /** Called when more is written or durable, or the log has failed. */
  set onProgress(progressed: () => void) {
    this.writer.onProgress = progressed;
  }

  /** Why the log takes no writes, in words for an operator; undefined while it does. */
  get trouble(): string | undefined {
    const { failed } = this.writer;
    if (failed === null) return undefined;
    if (this.gone)
      return `${this.directory.path} is gone from under the server: writes are refused until it is started again`;
    const text = errorText(failed.errno);
    if (failed.kind === "write") return `The log can't be written (${text}): writes are refused until it can`;
    return `A sync of the log failed (${text}): writes are refused until the server is started again`;
  }

  /** What ends the process: a failed sync under `always` (D9). */
  get fatalFailure(): string | undefined {
    const { failed } = this.writer;
    if (failed === null || failed.kind !== "sync" || this.writer.policy !== "always") return undefined;
    if (this.gone)
      return `${this.directory.path} is gone from under the server, and with it the log, so the server stops`;
    return `A sync of the log failed (${errorText(failed.errno)}): what was written since the last one may be lost, so the server stops`;
  }

  /** To be called at least every 100 ms. */
  tick(): void {
    const nowUs = this.engine.clock.monotonicUs();
    if (nowUs >= this.lookUs) {
      this.lookUs = nowUs + LOOK_US;
      // What is written to a file without a name is acknowledged and lost.
      if (!this.gone && this.directory.isGone) {
        this.gone = true;
        this.writer.giveUp(ENOENT);
      }
    }
    this.writer.tick();
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
    if (this.writer.congested || !this.fill.step(mayGoOn)) return true;
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

  /** Reads the whole log into the emptied dataset. False: something is still on its way into the file, and nothing was done. */
  reload(): boolean {
    this.engine.commit();
    if (this.filling || this.writer.writtenSequence < this.writer.sequence || !this.directory.listsAll) return false;
    reloadDataset(this.engine, (replay) => this.directory.replay(replay));
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
    this.engine.detachLog();
    this.fill?.stop();
    await this.directory.abandon();
    await this.logIo.close();
  }
}
