/**
 * Images in a simulated life: the server's own Saving decides when one is taken, the engine's own code takes and lists it, a block at a time
 * between the turns.
 *
 * Held against what must be true: an image that comes to nothing leaves no file, unless the disk refuses to remove it, and changes nothing of
 * what is listed.
 */
import type { EmberlogError } from "../../src/base/errors.ts";
import { joinPath, MANIFEST_NAME } from "../../src/disk/file_names.ts";
import type { MemoryDisk } from "../../src/disk/memory_disk.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { ImageResult, ImageSettings } from "../../src/engine/images.ts";
import type { Storage } from "../../src/engine/storage.ts";
import type { SavePoint } from "../../src/server/config/special_values.ts";
import { Saving, type SavingHost } from "../../src/server/saving.ts";
import type { SimClock } from "./world.ts";

export interface ImagingPlan {
  readonly settings: ImageSettings;
  readonly savePoints: readonly SavePoint[];
  /** auto-aof-rewrite-percentage */
  readonly growth: number;
}

/** Hears of every image. */
export interface ImagingListener {
  imageBegun(): void;
  /** It has become part of the data, or come to nothing. */
  imageEnded(error: EmberlogError | undefined, result: ImageResult | undefined): void;
}

/** The server's Saving over a simulated one's storage. */
export function simSaving(
  engine: Engine,
  storage: Storage,
  clock: SimClock,
  plan: ImagingPlan,
  isStopping: () => boolean,
  listener: ImagingListener,
): Saving {
  const texts: Readonly<Record<string, string>> = { "snapshot-schedule": "" };
  const integers: Readonly<Record<string, number>> = {
    "auto-aof-rewrite-percentage": plan.growth,
    "auto-aof-rewrite-min-size": 4096,
  };
  const host: SavingHost = {
    startedMs: clock.wallMs(),
    clock,
    engine,
    storage,
    logger: { notice: () => {}, warning: () => {} },
    config: {
      text: (name) => texts[name]!,
      integer: (name) => integers[name]!,
      savePoints: () => [...plan.savePoints],
    },
    shutdown: { initiated: false },
    isStopping,
  };
  const { images } = storage;
  const { begin } = images;
  images.begin = (full, done) => {
    listener.imageBegun();
    begin.call(images, full, (error, result) => {
      listener.imageEnded(error, result);
      done(error, result);
    });
  };
  return new Saving(host);
}

/** The images that the manifest lists, a line each, as a process sees it now; "" without a manifest. */
export function listedImages(disk: MemoryDisk, directory: string): string {
  const path = joinPath(directory, MANIFEST_NAME);
  if (disk.status(path) === undefined) return "";
  const lines = Buffer.from(disk.contents(path)).toString("latin1").split("\n");
  return lines.filter((line) => line.startsWith("image ")).join("\n");
}
