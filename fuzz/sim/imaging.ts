/**
 * Images in a simulated life: the server's own Saving decides when one is taken, the engine's own code takes and lists it, a block at a time
 * between the turns.
 *
 * Held against what must be true (ImageWatch): an image that comes to nothing leaves no file, unless the disk refuses to remove it, and changes
 * nothing of what is listed.
 */
import type { EmberlogError } from "../../src/base/errors.ts";
import { DiskError } from "../../src/disk/disk.ts";
import { IMAGE_TEMPORARY_NAME, joinPath, MANIFEST_NAME } from "../../src/disk/file_names.ts";
import type { MemoryDisk } from "../../src/disk/memory_disk.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { ImageResult, ImageSettings } from "../../src/engine/images.ts";
import type { Storage } from "../../src/engine/storage.ts";
import type { SavePoint } from "../../src/server/config/special_values.ts";
import { Saving, type SavingHost } from "../../src/server/saving.ts";
import type { Counts } from "./counts.ts";
import { SIM_DIRECTORY } from "./directory.ts";
import type { InterleavingListener } from "./interleaving.ts";
import type { SimServer } from "./server.ts";
import type { SimClock } from "./world.ts";

export interface ImagingPlan {
  readonly settings: ImageSettings;
  readonly savePoints: readonly SavePoint[];
  /** auto-aof-rewrite-percentage */
  readonly growth: number;
}

/** Hears of every image, and of what the two threads of its freeze do. */
export interface ImagingListener extends ImagesListener, InterleavingListener {}

interface ImagesListener {
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
  listener: ImagesListener,
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

/** Sees every image of a life. */
export class ImageWatch implements ImagingListener {
  /** What an image did that it must not; "": nothing. Found out where nothing can be thrown. */
  violation = "";
  private readonly counts: Counts;
  private readonly note: (text: string) => void;
  private readonly disk: () => MemoryDisk;
  private readonly server: () => SimServer;
  /** As the image began: those that were listed, whether there was a file of an earlier one, and what the disk had failed at. */
  private before = "";
  private leftBefore = false;
  private unlinksFailed = 0;
  /** The same as the first image of this server began. */
  private namesFailed = 0;
  private lastServer: SimServer | undefined;

  constructor(counts: Counts, note: (text: string) => void, disk: () => MemoryDisk, server: () => SimServer) {
    this.counts = counts;
    this.note = note;
    this.disk = disk;
    this.server = server;
  }

  imageBegun(): void {
    this.note("an image begins");
    this.before = listedImages(this.disk(), SIM_DIRECTORY);
    this.leftBefore = this.left();
    this.unlinksFailed = this.failed("unlink");
    const server = this.server();
    if (server === this.lastServer) return;
    this.lastServer = server;
    this.namesFailed = this.failed("sync directory");
  }

  imageEnded(error: EmberlogError | undefined, result: ImageResult | undefined): void {
    const { counts } = this;
    const server = this.server();
    if (server.ended) return;
    if (error === undefined) {
      const { image, summary } = result!;
      const what = summary.blocks === 0 ? "nothing had changed" : image.place === 0 ? "full" : "deltas";
      counts.add(`images: ${what}`);
      if (summary.blocks > 0 && server.storage.encryption.keyId !== undefined) counts.add("images: encrypted");
      this.note(`image ${image.name} after ${image.sequence}, ${summary.fileBytes} bytes (${what})`);
      return;
    }
    counts.add(error.code === "CLOSED" ? "images: called off" : "images: failed");
    this.note(`an image came to nothing: ${error.message}`);
    // Called off, or the disk: there is no other reason.
    if (!["CLOSED", "DISK_FULL"].includes(error.code) && !(error instanceof DiskError))
      this.wrong(`an image came to nothing although the disk did not fail: ${error.message}`);
    const disk = this.disk();
    // One that was called off before it had a file has not touched what an earlier one could not remove.
    if (!this.leftBefore && this.left() && this.failed("unlink") === this.unlinksFailed)
      this.wrong("an image has come to nothing, and its file is left");
    // Where a name could not be stored the manifest may be in place already, and stay until the next one: a crash decides which of the two it
    // finds.
    const changed = listedImages(disk, SIM_DIRECTORY) !== this.before;
    if (changed && this.failed("sync directory") === this.namesFailed)
      this.wrong("an image has come to nothing, and the manifest lists other images than before");
  }

  copiedAside(met: boolean): void {
    this.counts.add("images: pages copied aside");
    if (met) this.counts.add("images: pages copied aside while the reader came in between");
  }

  wrong(what: string): void {
    this.violation ||= what;
  }

  private left(): boolean {
    return this.disk().status(joinPath(SIM_DIRECTORY, IMAGE_TEMPORARY_NAME)) !== undefined;
  }

  private failed(operation: string): number {
    return this.counts.get(`faults: failed ${operation}`);
  }
}

/** The images that the manifest lists, a line each, as a process sees it now; "" without a manifest. */
function listedImages(disk: MemoryDisk, directory: string): string {
  const path = joinPath(directory, MANIFEST_NAME);
  if (disk.status(path) === undefined) return "";
  const lines = Buffer.from(disk.contents(path)).toString("latin1").split("\n");
  return lines.filter((line) => line.startsWith("image ")).join("\n");
}
