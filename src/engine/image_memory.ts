/**
 * Loads images into an engine's arena: small ones on this thread, large ones by several, while this one may do something else that a start
 * has to do.
 */
import type { KeyObject } from "node:crypto";
import { availableParallelism } from "node:os";
import { EmberlogError } from "../base/errors.ts";
import type { Disk } from "../disk/disk.ts";
import type { Crc32c } from "../log/format.ts";
import { startWorker } from "../platform/worker.ts";
import { loadBlocks } from "../snapshot/image_loading.ts";
import { BlockReader, type ImageIndex } from "../snapshot/image_reading.ts";
import { imageWorkerFile } from "../snapshot/image_thread.ts";
import { LOAD_BAD, LOAD_ENDED, LOAD_WORDS, type LoadTask } from "../snapshot/worker_tasks.ts";
import type { Engine } from "./engine.ts";
import type { ImageMemory } from "./image_chain.ts";

/** Below this a thread takes longer to start than the file to load, bytes. */
const THREADS_BYTES_MIN = 16 * 1024 * 1024;
const THREADS_MAX = 8;
/** A thread that has not ended after this is not going to: what it would have done is done here. */
const WAIT_MS = 60_000;

export interface LoadingOptions {
  readonly disk: Disk;
  readonly crc32c: Crc32c;
  /** Only where files are the machine's. */
  readonly threads: boolean;
  /** Done once, while threads are at work. */
  readonly meanwhile: (() => void) | undefined;
}

export class EngineMemory implements ImageMemory {
  private readonly engine: Engine;
  private readonly options: LoadingOptions;
  private meanwhile: (() => void) | undefined;
  /** Chain of the image loaded last, and of the one that memory began with. */
  private loadedChain = 0;
  adoptedChain: number | undefined;

  constructor(engine: Engine, options: LoadingOptions) {
    this.engine = engine;
    this.options = options;
    this.meanwhile = options.meanwhile;
  }

  load(path: string, index: ImageIndex, fileKey: KeyObject | undefined): string | undefined {
    const { arena } = this.engine;
    const { header, offsets, end } = index;
    const { disk, crc32c } = this.options;
    if (header.firstSegment !== arena.firstSegment) return `it begins with segment ${header.firstSegment} of memory`;
    if (header.segmentCount > arena.segmentsMax || !arena.ensureSegments(header.segmentCount)) {
      throw new EmberlogError(
        "OUT_OF_ADDRESS_SPACE",
        `${path} needs ${header.segmentCount} segments of 64 MiB of memory, and there are ${arena.segmentCount}`,
        { file: path },
      );
    }
    const views = arena.bytes.slice(arena.firstSegment, arena.firstSegment + header.segmentCount);
    const task: LoadTask = {
      kind: "load",
      path,
      salt: header.salt,
      fileKey,
      offsets,
      segments: views.map((bytes) => bytes.buffer as SharedArrayBuffer),
      starts: views.map((bytes) => bytes.byteOffset),
      control: new SharedArrayBuffer(LOAD_WORDS * 4),
    };
    const control = new Int32Array(task.control);
    const threads = this.options.threads && end.fileBytes >= THREADS_BYTES_MIN ? threadCount() : 0;
    for (let i = 0; i < threads; i++) startWorker(imageWorkerFile, task).unref();
    if (threads > 0) this.runMeanwhile();
    loadBlocks(disk, crc32c, task);
    for (let ended = Atomics.load(control, LOAD_ENDED); ended < threads + 1; ) {
      if (Atomics.wait(control, LOAD_ENDED, ended, WAIT_MS) === "timed-out") {
        throw new EmberlogError("DISK_FAILED", `${path} could not be read within a minute`, { file: path });
      }
      ended = Atomics.load(control, LOAD_ENDED);
    }
    const bad = Atomics.load(control, LOAD_BAD);
    if (bad === 0) {
      this.loadedChain = end.chain;
      return undefined;
    }
    const reader = new BlockReader(disk, path, header.salt, crc32c, fileKey);
    try {
      const offset = offsets[bad - 1]!;
      return `${reader.read(offset, bad - 1, task.segments === undefined ? undefined : views) ?? "a block can't be read twice alike"} (at ${offset})`;
    } finally {
      reader.close();
    }
  }

  adopt(): void {
    this.engine.adoptImage();
    this.adoptedChain = this.loadedChain;
  }

  clear(): void {
    this.engine.clearMemory();
  }

  /** What was to be done while threads were at work, if there were none. */
  runMeanwhile(): void {
    const { meanwhile } = this;
    this.meanwhile = undefined;
    meanwhile?.();
  }
}

function threadCount(): number {
  return Math.min(THREADS_MAX, availableParallelism());
}
