/**
 * The worker thread for images: writes and verifies them one after the other, or helps to load one and ends. It runs at nice 19, so that the thread that serves keeps its
 * core; when the pages copied aside come near their bound it goes back to 0 (where the system lets it), because then the writer waits.
 *
 * Everything it touches is shared memory of the arena, read or (when loading, before anything is served) written, and one file.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { check } from "../base/check.ts";
import { DiskError } from "../disk/disk.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { lz4Compress } from "../platform/lz4.ts";
import { setThreadNice } from "../platform/thread_calls.ts";
import { loadBlocks } from "./image_loading.ts";
import { ImageVerifying, type VerifyJob } from "./image_verifying.ts";
import { type ImageJob, ImageWriting } from "./image_writing.ts";
import type { WorkerAnswer, WorkerTask } from "./worker_tasks.ts";

const NICE = 19;
/** Blocks between two looks at the event loop, where syncs end. */
const STEPS = 8;
const DELAY_MS = 10;

const port = parentPort;
check(port !== null, "this file is a worker");
const disk = new NodeDisk(nativeFileCalls());

const given = workerData as WorkerTask | undefined;
if (given?.kind === "load") loadBlocks(disk, crc32c, given);
else {
  setThreadNice(NICE);
  port.on("message", (task: WorkerTask) => {
    if (task.kind === "write") void write(port, task.job);
    else if (task.kind === "verify") verify(port, task.job);
  });
  answer(port, { kind: "ready" });
}

function answer(to: MessagePort, message: WorkerAnswer): void {
  to.postMessage(message);
}

async function write(to: MessagePort, job: ImageJob): Promise<void> {
  let writing: ImageWriting | undefined;
  try {
    writing = new ImageWriting(disk, crc32c, lz4Compress, job);
    await run(writing, job.frozen.slots);
    setThreadNice(NICE);
    for (let ms = 0; ms < job.delayMs; ms += DELAY_MS) {
      if (writing.frozen.stopped) throw new Error("it was called off");
      await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
    }
    answer(to, { kind: "written", summary: writing.summary });
  } catch (thrown) {
    writing?.close();
    const errno = thrown instanceof DiskError ? thrown.errno : 0;
    answer(to, { kind: "failed", reason: thrown instanceof Error ? thrown.message : String(thrown), errno });
  }
}

/** Whoever wants no answer any more ends the thread. */
function verify(to: MessagePort, job: VerifyJob): void {
  const verifying = new ImageVerifying(disk, crc32c, job);
  try {
    while (verifying.step());
    answer(to, { kind: "verified", problem: verifying.problem ?? "" });
  } catch (thrown) {
    verifying.close();
    answer(to, { kind: "verified", problem: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}

async function run(writing: ImageWriting, slots: number): Promise<void> {
  const { frozen } = writing;
  let hurries = false;
  for (;;) {
    for (let i = 0; i < STEPS; i++) {
      if (frozen.stopped) throw new Error("it was called off");
      if (!writing.step()) return;
      if (writing.waiting) break;
      const hurry: boolean = frozen.waiting > (hurries ? slots >> 2 : slots >> 1);
      if (hurry !== hurries) {
        hurries = hurry;
        setThreadNice(hurry ? 0 : NICE);
      }
    }
    await new Promise((resolve) => (writing.waiting ? setTimeout(resolve, 1) : setImmediate(resolve)));
  }
}
