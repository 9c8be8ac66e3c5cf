/**
 * Who writes an image: a worker thread, or the thread that calls, a block at a time. The second is for tests and for the crash harness, where
 * one seed decides everything.
 *
 * One image at a time: `prepare`, and when it is ready a freeze begins and `write` gets the job; each is answered once.
 */
import type { Worker } from "node:worker_threads";
import { check } from "../base/check.ts";
import type { Disk } from "../disk/disk.ts";
import { DiskError } from "../disk/disk.ts";
import { startWorker } from "../platform/worker.ts";
import type { Crc32c } from "./format.ts";
import { type Compress, type ImageJob, type ImageSummary, ImageWriting } from "./image_writing.ts";
import type { WriteAnswer } from "./worker_tasks.ts";

export const imageWorkerFile: URL = import.meta.url.endsWith(".ts")
  ? new URL("./image_worker.ts", import.meta.url)
  : new URL("./image_worker.mjs", import.meta.url);

/** Why there is no image: words, and the disk's error number where it was the disk. */
export interface ImageFailure {
  readonly reason: string;
  readonly errno: number;
}

export type ImageAnswer =
  | { readonly kind: "written"; readonly summary: ImageSummary }
  | ({ readonly kind: "failed" } & ImageFailure);

export interface ImageThread {
  /** Calls back once: the job may come, or why it can't. */
  prepare(answer: (failure: ImageFailure | undefined) => void): void;
  /** Creates the file and writes it. The freeze it is made from has begun. */
  write(job: ImageJob, answer: (answer: ImageAnswer) => void): void;
  /** Takes what was copied aside, on the calling thread; undefined where another thread does. */
  readonly drainHere: (() => void) | undefined;
  /** Nothing is answered any more. What is under way stops soon: the freeze has been ended. */
  abandon(): void;
}

export class WorkerImageThread implements ImageThread {
  readonly drainHere = undefined;
  private worker: Worker | undefined;
  private answer: ((answer: ImageAnswer) => void) | undefined;
  private writing = false;

  prepare(answer: (failure: ImageFailure | undefined) => void): void {
    check(this.worker === undefined, "one image at a time");
    let prepared = false;
    const worker = startWorker(imageWorkerFile, undefined);
    this.worker = worker;
    worker.unref();
    const fail = (reason: string): void => {
      if (this.worker !== worker) return;
      this.worker = undefined;
      if (!prepared) answer({ reason, errno: 0 });
      else this.answer?.({ kind: "failed", reason, errno: 0 });
    };
    worker.on("message", (message: WriteAnswer) => {
      if (this.worker !== worker) return;
      if (message.kind === "ready") {
        prepared = true;
        answer(undefined);
        return;
      }
      this.worker = undefined;
      this.writing = false;
      this.answer?.(message);
    });
    worker.on("error", (error) => fail(error.message));
    worker.on("exit", () => fail("its thread has ended"));
  }

  write(job: ImageJob, answer: (answer: ImageAnswer) => void): void {
    this.answer = answer;
    this.writing = true;
    // Held until it answers: a process that has nothing else to do waits for its image.
    this.worker?.ref();
    this.worker?.postMessage({ kind: "write", job });
  }

  abandon(): void {
    this.answer = undefined;
    const { worker } = this;
    this.worker = undefined;
    worker?.unref();
    if (!this.writing) void worker?.terminate();
  }
}

export class InlineImageThread implements ImageThread {
  readonly drainHere = (): void => this.writing?.drain();
  private readonly disk: Disk;
  private readonly crc32c: Crc32c;
  private readonly compress: Compress;
  private readonly schedule: (task: () => void) => void;
  private writing: ImageWriting | undefined;

  /** Each step is a task of its own. */
  constructor(disk: Disk, crc32c: Crc32c, compress: Compress, schedule: (task: () => void) => void) {
    this.disk = disk;
    this.crc32c = crc32c;
    this.compress = compress;
    this.schedule = schedule;
  }

  prepare(answer: (failure: ImageFailure | undefined) => void): void {
    this.schedule(() => answer(undefined));
  }

  write(job: ImageJob, answer: (answer: ImageAnswer) => void): void {
    let writing: ImageWriting;
    try {
      writing = new ImageWriting(this.disk, this.crc32c, this.compress, job);
    } catch (thrown) {
      const failure = failureOf(thrown);
      this.schedule(() => answer({ kind: "failed", ...failure }));
      return;
    }
    this.writing = writing;
    const run = (): void => {
      if (this.writing !== writing) return;
      try {
        if (writing.frozen.stopped) throw new Error("it was called off");
        if (writing.step()) {
          this.schedule(run);
          return;
        }
      } catch (thrown) {
        const failure = failureOf(thrown);
        this.writing = undefined;
        writing.close();
        answer({ kind: "failed", ...failure });
        return;
      }
      this.writing = undefined;
      answer({ kind: "written", summary: writing.summary });
    };
    this.schedule(run);
  }

  abandon(): void {
    this.writing?.close();
    this.writing = undefined;
  }
}

/** What went wrong with the disk, or that it was called off; a bug goes on up. */
function failureOf(thrown: unknown): ImageFailure {
  if (thrown instanceof DiskError) return { reason: thrown.message, errno: thrown.errno };
  if (thrown instanceof Error) return { reason: thrown.message, errno: 0 };
  throw thrown;
}
