/** A whole engine with storage on a disk in memory, in one thread: writes, images, crashes, starts. */
import { EmberlogError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import { type CrashKind, MemoryDisk } from "../../src/disk/memory_disk.ts";
import type { Watermarks } from "../../src/engine/disk_space.ts";
import type { ImageResult, ImageSettings } from "../../src/engine/images.ts";
import { type FsyncPolicy, openStorage, type Storage } from "../../src/engine/storage.ts";
import type { LogIo } from "../../src/platform/log_io.ts";
import { InlineImageThread } from "../../src/snapshot/image_thread.ts";
import { EngineClient } from "../support/engine_client.ts";
import { DiskLogIo } from "../unit/log/disk_log_io.ts";
import { referenceCrc32c, Steps } from "../unit/log/support.ts";

export const DIRECTORY = "/data";

export interface ImageWorldOptions {
  readonly policy?: FsyncPolicy;
  readonly images?: ImageSettings;
  readonly segmentBytesMax?: number;
  readonly watermarks?: Watermarks;
}

/** The log's threads as tasks that a test steps through. */
export function memoryLogIo(disk: MemoryDisk, schedule: (task: () => void) => void): LogIo {
  const io = new DiskLogIo(disk, schedule);
  return Object.assign(io, {
    kind: "portable" as const,
    native: undefined,
    onComplete: undefined,
    deliver: () => false,
    lastWriteUs: () => 0,
    lastSyncUs: () => 0,
    close: async () => {},
  });
}

/** One run of a server on a disk. */
export class ImageWorld {
  readonly steps = new Steps();
  readonly disk: MemoryDisk;
  readonly client: EngineClient;
  readonly storage: Storage;

  /** Recovers what is on the disk; throws what a start throws. */
  constructor(disk: MemoryDisk | undefined, seed: number, options: ImageWorldOptions = {}) {
    this.disk = disk ?? new MemoryDisk(this.steps.schedule);
    Reflect.set(this.disk, "schedule", this.steps.schedule);
    this.client = new EngineClient({ seed });
    const { disk: files, steps, client } = this;
    this.storage = openStorage(client.engine, {
      directory: DIRECTORY,
      policy: options.policy ?? "always",
      segmentBytesMax: options.segmentBytesMax ?? 64 * 1024 * 1024,
      clock: client.clock,
      random: seededRandom(seed),
      ...(options.images === undefined ? {} : { images: options.images }),
      ...(options.watermarks === undefined ? {} : { watermarks: options.watermarks }),
      backing: {
        disk: files,
        logIo: memoryLogIo(files, steps.schedule),
        crc32c: referenceCrc32c,
        imageThread: new InlineImageThread(files, referenceCrc32c, () => undefined, steps.schedule),
      },
    });
  }

  /** One request in a turn of its own; its reply as raw RESP. */
  run(...args: (string | number | Uint8Array)[]): string {
    const reply = this.client.command(...args);
    this.client.engine.journal.effects.finish();
    this.client.engine.commit();
    return reply;
  }

  /** Everything that has been begun comes to its end. */
  settle(): void {
    for (let i = 0; i < 4; i++) {
      this.client.clock.advance(200);
      this.storage.tick();
      this.steps.all();
    }
  }

  digest(): string {
    return stateDigest(this.client.engine.dataset);
  }

  /** Takes an image that must succeed. */
  async save(full = false, meanwhile?: () => void): Promise<ImageResult> {
    const outcome = await this.image(full, meanwhile);
    if (outcome instanceof EmberlogError) throw outcome;
    return outcome;
  }

  /** The process is gone; what is left is on the disk. */
  crash(kind: CrashKind): MemoryDisk {
    this.steps.tasks.length = 0;
    this.disk.crash(kind);
    return this.disk;
  }

  /** Takes an image to its end; `meanwhile` is called between its steps. */
  async image(full: boolean, meanwhile: () => void = () => {}): Promise<ImageResult | EmberlogError> {
    let outcome: ImageResult | EmberlogError | undefined;
    this.storage.images.begin(full, (error, result) => {
      outcome = error ?? result;
    });
    for (let i = 0; i < 100_000 && outcome === undefined; i++) {
      meanwhile();
      if (!this.steps.one()) {
        await Promise.resolve();
        this.client.clock.advance(200);
        this.storage.tick();
      }
    }
    if (outcome === undefined) throw new Error("the image never ended");
    return outcome;
  }
}
