/**
 * The data directory of an engine: opened, replayed, and from then on written. It joins the log's writer to the engine's turns.
 */
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { errorText } from "../disk/errno.ts";
import { NodeDisk, nodeFiles } from "../disk/node_disk.ts";
import type { LogWriter } from "../log/writer.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { type LogIo, NativeLogIo, PortableLogIo } from "../platform/log_io.ts";
import { nativeAddon } from "../platform/native.ts";
import { type DataDirectory, openDataDirectory, refuseDirectoryWithData } from "./data_directory.ts";
import type { Engine } from "./engine.ts";
import type { RecoveryReport } from "./recovery.ts";
import { Replay } from "./replay.ts";

export type FsyncPolicy = "always" | "everysec" | "no";

export interface StorageOptions {
  readonly directory: string;
  readonly policy: FsyncPolicy;
  readonly segmentBytesMax: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Opens and recovers a data directory and lets the engine write to it from here on. Throws an EmberlogError when the start is refused. */
export function openStorage(engine: Engine, options: StorageOptions): Storage {
  const logIo = openLogIo(options.clock);
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

/** `appendonly no`: throws DIRECTORY_HOLDS_DATA where a directory holds what would be hidden. */
export function refuseData(directory: string): void {
  refuseDirectoryWithData(new NodeDisk(nativeFileCalls()), directory);
}

function openLogIo(clock: Clock): LogIo {
  const addon = nativeAddon();
  return addon === undefined ? new PortableLogIo(nodeFiles, () => clock.monotonicUs()) : new NativeLogIo(addon);
}

function directoryOptions(options: StorageOptions, logIo: LogIo) {
  return { ...options, disk: new NodeDisk(nativeFileCalls()), logIo, crc32c };
}

export class Storage {
  readonly report: RecoveryReport;
  readonly writer: LogWriter;
  readonly logIo: LogIo;
  private readonly engine: Engine;
  private readonly directory: DataDirectory;

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
  }

  /** Called when more is written or durable, or the log has failed. */
  set onProgress(progressed: () => void) {
    this.writer.onProgress = progressed;
  }

  /** What ends the process: a failed sync under `always` (D9). */
  get fatalFailure(): string | undefined {
    const { failed } = this.writer;
    if (failed === null || failed.kind !== "sync" || this.writer.policy !== "always") return undefined;
    return `A sync of the log failed (${errorText(failed.errno)}): what was written since the last one may be lost, so the server stops`;
  }

  tick(): void {
    this.writer.tick();
  }

  /** Resolves when everything committed is durable. */
  durable(): Promise<void> {
    return this.writer.durable();
  }

  async close(): Promise<void> {
    await this.directory.close();
    this.engine.detachLog();
    await this.logIo.close();
  }

  /** Gives the directory back as a crash would. */
  async abandon(): Promise<void> {
    this.directory.abandon();
    this.engine.detachLog();
    await this.logIo.close();
  }
}
