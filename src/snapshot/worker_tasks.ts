/** What the image worker is asked, and what it answers: messages between two threads, plain data only. */
import type { KeyObject } from "node:crypto";
import type { VerifyJob } from "./image_verifying.ts";
import type { ImageJob, ImageSummary } from "./image_writing.ts";

export interface WriteTask {
  readonly kind: "write";
  readonly job: ImageJob;
}

export interface VerifyTask {
  readonly kind: "verify";
  readonly job: VerifyJob;
}

export interface LoadTask {
  readonly kind: "load";
  readonly path: string;
  readonly salt: Uint8Array;
  readonly fileKey: KeyObject | undefined;
  readonly offsets: Float64Array;
  /** Where the pages go; absent: they are only verified. */
  readonly segments: readonly SharedArrayBuffer[] | undefined;
  readonly starts: readonly number[];
  /** Shared words, see below. */
  readonly control: SharedArrayBuffer;
}

export type WorkerTask = WriteTask | VerifyTask | LoadTask;

export type WorkerAnswer =
  | { readonly kind: "ready" }
  /** `problem` is empty where there is none. */
  | { readonly kind: "verified"; readonly problem: string }
  | { readonly kind: "written"; readonly summary: ImageSummary }
  /** `errno` is zero where it was no fault of the disk. */
  | { readonly kind: "failed"; readonly reason: string; readonly errno: number };

/** Words of a load's control: next block, threads that have ended, first bad block + 1 (0: none). */
export const LOAD_NEXT = 0;
export const LOAD_ENDED = 1;
export const LOAD_BAD = 2;
export const LOAD_WORDS = 4;
