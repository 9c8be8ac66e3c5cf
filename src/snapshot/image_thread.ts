/**
 * Who writes an image: a worker thread, or the thread that calls, a block at a time. The second is for tests and for the crash harness, where
 * one seed decides everything.
 *
 * One image at a time: `prepare`, and when it is ready a freeze begins and `write` gets the job; then perhaps `verify`. Each is answered once.
 */
import type { Worker } from "node:worker_threads";
import { check } from "../base/check.ts";
import type { Disk } from "../disk/disk.ts";
import { DiskError } from "../disk/disk.ts";
import { startWorker } from "../platform/worker.ts";
import type { Crc32c } from "./format.ts";
import { ImageVerifying, type VerifyJob } from "./image_verifying.ts";
import { type Compress, type ImageJob, type ImageSummary, ImageWriting } from "./image_writing.ts";
import type { WorkerAnswer, WorkerTask } from "./worker_tasks.ts";

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
  /** Reads a listed image back, behind `write`; answered with what is wrong with it. */
  verify(job: VerifyJob, answer: (problem: string | undefined) => void): void;
  /** Takes what was copied aside, on the calling thread; undefined where another thread does. */
  readonly drainHere: (() => void) | undefined;
  /** Nothing is answered any more. What is under way stops soon: the freeze has been ended. */
  abandon(): void;
}

/**
 * Starts its thread for the first image and keeps it for the next ones, asleep meanwhile: a thread takes longer to start, and to become fast, than a small
 * image to write.
 */
export class WorkerImageThread implements ImageThread {
  readonly drainHere = undefined;
  private worker: Worker | undefined;
  private ready = false;
  /** Who waits for the worker to be ready, and for what it does. */
  private prepared: ((failure: ImageFailure | undefined) => void) | undefined;
  private written: ((answer: ImageAnswer) => void) | undefined;
  private verified: ((problem: string | undefined) => void) | undefined;

  prepare(answer: (failure: ImageFailure | undefined) => void): void {
    check(this.prepared === undefined && this.written === undefined, "one image at a time");
    if (this.worker !== undefined && this.ready) {
      queueMicrotask(() => answer(undefined));
      return;
    }
    this.prepared = answer;
    const worker = startWorker(imageWorkerFile, undefined);
    this.worker = worker;
    this.ready = false;
    worker.unref();
    worker.on("message", (message: WorkerAnswer) => {
      if (this.worker === worker) this.answered(message);
      // It was abandoned in the middle of an image, and has come to its end.
      else void worker.terminate();
    });
    worker.on("error", (error) => this.failed(worker, error.message));
    worker.on("exit", () => this.failed(worker, "its thread has ended"));
  }

  write(job: ImageJob, answer: (answer: ImageAnswer) => void): void {
    this.written = answer;
    // Held until it answers: a process that has nothing else to do waits for its image.
    this.worker?.ref();
    this.worker?.postMessage({ kind: "write", job } satisfies WorkerTask);
  }

  verify(job: VerifyJob, answer: (problem: string | undefined) => void): void {
    this.verified = answer;
    this.worker?.ref();
    this.worker?.postMessage({ kind: "verify", job } satisfies WorkerTask);
  }

  abandon(): void {
    const { worker, written } = this;
    this.forget();
    worker?.unref();
    // One that writes sees that its freeze has ended, and removes itself then.
    if (written === undefined) void worker?.terminate();
  }

  private answered(message: WorkerAnswer): void {
    const { prepared, written, verified } = this;
    this.worker?.unref();
    if (message.kind === "ready") {
      this.ready = true;
      this.prepared = undefined;
      prepared?.(undefined);
    } else if (message.kind === "verified") {
      this.verified = undefined;
      verified?.(message.problem === "" ? undefined : message.problem);
    } else {
      this.written = undefined;
      written?.(message);
    }
  }

  private failed(worker: Worker, reason: string): void {
    if (this.worker !== worker) return;
    const { prepared, written, verified } = this;
    this.forget();
    prepared?.({ reason, errno: 0 });
    written?.({ kind: "failed", reason, errno: 0 });
    verified?.(reason);
  }

  private forget(): void {
    this.worker = undefined;
    this.ready = false;
    this.prepared = undefined;
    this.written = undefined;
    this.verified = undefined;
  }
}

export class InlineImageThread implements ImageThread {
  readonly drainHere = (): void => this.writing?.drain();
  private readonly disk: Disk;
  private readonly crc32c: Crc32c;
  private readonly compress: Compress;
  private readonly schedule: (task: () => void) => void;
  private writing: ImageWriting | undefined;
  private verifying: ImageVerifying | undefined;

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

  verify(job: VerifyJob, answer: (problem: string | undefined) => void): void {
    const verifying = new ImageVerifying(this.disk, this.crc32c, job);
    this.verifying = verifying;
    const run = (): void => {
      if (this.verifying !== verifying) return;
      if (verifying.step()) return this.schedule(run);
      this.verifying = undefined;
      answer(verifying.problem);
    };
    this.schedule(run);
  }

  abandon(): void {
    this.writing?.close();
    this.writing = undefined;
    this.verifying?.close();
    this.verifying = undefined;
  }
}

/** What went wrong with the disk, or that it was called off; a bug goes on up. */
function failureOf(thrown: unknown): ImageFailure {
  if (thrown instanceof DiskError) return { reason: thrown.message, errno: thrown.errno };
  if (thrown instanceof Error) return { reason: thrown.message, errno: 0 };
  throw thrown;
}
