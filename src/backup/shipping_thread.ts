/** Who does the work of shipping: a worker thread, or the thread that calls (tests). Calls are answered one by one, in any order. */
import type { Worker } from "node:worker_threads";
import { EmberlogError, type ErrorCode } from "../base/errors.ts";
import { startWorker } from "../platform/worker.ts";
import type { ShipReport } from "./ship.ts";
import type { DeskCalls, ShippingDesk } from "./shipping_desk.ts";

const workerFile: URL = import.meta.url.endsWith(".ts")
  ? new URL("./shipping_worker.ts", import.meta.url)
  : new URL("./shipping_worker.mjs", import.meta.url);

export interface ShippingThread {
  /** Throws what the desk throws; CLOSED where the thread ends before it has answered. */
  call<Name extends keyof DeskCalls>(name: Name, ask: DeskCalls[Name]["ask"]): Promise<DeskCalls[Name]["answer"]>;
  /** Told of each object that has been stored. */
  onStored: (progress: ShipReport) => void;
  /** It takes no more calls, by whatever cause. */
  readonly ended: boolean;
  /** What is under way comes to nothing. */
  end(): void;
}

export interface Asked {
  readonly id: number;
  readonly name: keyof DeskCalls;
  readonly ask: unknown;
}

export type Told =
  | { readonly kind: "stored"; readonly progress: ShipReport }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly failure: Failure };

export interface Failure {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly file: string | undefined;
  readonly offset: number | undefined;
}

/** An error as plain data; what is no EmberlogError is a bug, with its stack. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof EmberlogError) {
    const { code, message, file, offset } = thrown;
    return { code, message, file, offset };
  }
  const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return { code: null, message, file: undefined, offset: undefined };
}

export function errorOf({ code, message, file, offset }: Failure): Error {
  if (code === null) return new Error(message);
  return new EmberlogError(code, message, {
    ...(file === undefined ? {} : { file }),
    ...(offset === undefined ? {} : { offset }),
  });
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export class WorkerShippingThread implements ShippingThread {
  onStored: (progress: ShipReport) => void = () => {};
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private asked = 0;
  private whyEnded: string | undefined;

  constructor() {
    this.worker = startWorker(workerFile, undefined);
    this.worker.unref();
    this.worker.on("message", (told: Told) => {
      if (told.kind === "stored") return this.onStored(told.progress);
      const waiting = this.waiting.get(told.id);
      this.waiting.delete(told.id);
      if (told.kind === "answer") waiting?.resolve(told.answer);
      else waiting?.reject(errorOf(told.failure));
    });
    this.worker.on("error", (error) => this.stopped(error.message));
    this.worker.on("exit", () => this.stopped("its thread has ended"));
  }

  private stopped(why: string): void {
    this.whyEnded ??= why;
    for (const { reject } of this.waiting.values()) reject(new EmberlogError("CLOSED", `no backup is made: ${why}`));
    this.waiting.clear();
  }

  get ended(): boolean {
    return this.whyEnded !== undefined;
  }

  call<Name extends keyof DeskCalls>(name: Name, ask: DeskCalls[Name]["ask"]): Promise<DeskCalls[Name]["answer"]> {
    return new Promise((resolve, reject) => {
      if (this.whyEnded !== undefined) {
        reject(new EmberlogError("CLOSED", `no backup is made: ${this.whyEnded}`));
        return;
      }
      const id = ++this.asked;
      this.waiting.set(id, { resolve: (answer) => resolve(answer as DeskCalls[Name]["answer"]), reject });
      const asked: Asked = { id, name, ask };
      this.worker.postMessage(asked);
    });
  }

  end(): void {
    void this.worker.terminate();
  }
}

/** For tests: the desk is in this thread. */
export class InlineShippingThread implements ShippingThread {
  onStored: (progress: ShipReport) => void = () => {};
  ended = false;
  private readonly desk: ShippingDesk;

  constructor(deskOf: (stored: (progress: ShipReport) => void) => ShippingDesk) {
    this.desk = deskOf((progress) => this.onStored(progress));
  }

  call<Name extends keyof DeskCalls>(name: Name, ask: DeskCalls[Name]["ask"]): Promise<DeskCalls[Name]["answer"]> {
    return this.desk.call(name, ask);
  }

  end(): void {
    this.ended = true;
    this.desk.close();
  }
}
