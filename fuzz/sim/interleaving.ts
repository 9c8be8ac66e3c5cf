/**
 * The thread that writes an image beside the one that serves, on one thread: in the midst of the copying aside of a page, where two threads
 * would meet, the reader takes some steps, if the seed says so.
 *
 * It may come between the look at a page's state and the exchange (then it has taken the page itself), and between the exchange and the
 * push (then it must wait for a page that it has seen to be copied and that is not in the queue yet). memory/frozen.ts has the protocol.
 *
 * What is held against it, besides the state that the image gives: no page that nobody has written is taken while one waits that was
 * copied aside, whose slot somebody may need; and an image is not written before all of these were taken and given back.
 */
import { type Random, uniform } from "../../src/base/random.ts";
import { DiskError } from "../../src/disk/disk.ts";
import type { Arena, FreezeHook } from "../../src/memory/arena.ts";
import { Freeze } from "../../src/memory/freeze.ts";
import { QUEUE_PUSHED, QUEUE_RETURNED } from "../../src/memory/frozen.ts";
import type { InlineImageThread } from "../../src/snapshot/image_thread.ts";
import type { ImageWriting } from "../../src/snapshot/image_writing.ts";

/** More steps than an image of a simulated life has. */
const STEPS_MAX = 20;

export interface InterleavingListener {
  /** A page was copied aside; `met`: the reader came in between. */
  copiedAside(met: boolean): void;
  /** What the two threads did that they must not. */
  wrong(what: string): void;
}

/** Has the reader of each freeze of `arena` meet its writer. */
export function interleave(
  arena: Arena,
  thread: InlineImageThread,
  random: Random,
  listener: InterleavingListener,
): void {
  const { setFreezeHook } = arena;
  arena.setFreezeHook = (hook: FreezeHook | null) => {
    if (hook instanceof Freeze) meet(hook, thread, random, listener);
    setFreezeHook.call(arena, hook);
  };
  const { write } = thread;
  thread.write = (job, answer) => {
    write.call(thread, job, answer);
    const writing = writingOf(thread);
    if (writing !== undefined) watchOrder(writing, listener);
  };
}

function writingOf(thread: InlineImageThread): ImageWriting | undefined {
  return Reflect.get(thread, "writing");
}

function meet(freeze: Freeze, thread: InlineImageThread, random: Random, listener: InterleavingListener): void {
  let met = false;
  const perhaps = (): void => {
    if (uniform(random, 4) !== 0) return;
    met = true;
    readOn(thread, uniform(random, 2) === 0 ? 1 : STEPS_MAX);
  };
  const copyAside = Reflect.get(freeze, "copyAside") as (segment: number, page: number, local: number) => void;
  Reflect.set(freeze, "copyAside", (segment: number, page: number, local: number) => {
    perhaps();
    copyAside.call(freeze, segment, page, local);
  });
  const push = Reflect.get(freeze, "push") as (page: number, slot: number) => void;
  Reflect.set(freeze, "push", (page: number, slot: number) => {
    perhaps();
    push.call(freeze, page, slot);
    listener.copiedAside(met);
    met = false;
  });
  const { end } = freeze;
  freeze.end = (wanted) => {
    const queue = new Int32Array(freeze.shared.queue);
    const [pushed, returned] = [queue[QUEUE_PUSHED]!, queue[QUEUE_RETURNED]!];
    if (wanted && pushed !== returned)
      listener.wrong(`an image is written, and of ${pushed} pages copied aside ${returned} were given back`);
    end.call(freeze, wanted);
  };
}

/** Some steps of the reader; what goes wrong in them is told by the next one, in its own time. */
function readOn(thread: InlineImageThread, steps: number): void {
  const writing = writingOf(thread);
  if (writing === undefined || writing.frozen.stopped) return;
  try {
    for (let step = 0; step < steps && writing.step() && !writing.waiting; step++);
  } catch (thrown) {
    if (!(thrown instanceof DiskError)) throw thrown;
    Reflect.set(writing, "failure", thrown);
  }
}

function watchOrder({ frozen }: ImageWriting, listener: InterleavingListener): void {
  // Whom it would wait for is the caller.
  frozen.waitAside = () => {};
  const { takeLive } = frozen;
  frozen.takeLive = (target, at) => {
    if (frozen.waiting > 0)
      listener.wrong(`a page that nobody has written is taken while ${frozen.waiting} wait that were copied aside`);
    return takeLive.call(frozen, target, at);
  };
}
