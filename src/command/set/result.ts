/** What the commands that combine sets have in common: opening the sets, replying with the result, storing it. */
import { EVENT_GENERIC, EVENT_SET } from "../../dataset/key_events.ts";
import { MemberList, storeSet } from "../../dataset/set/build.ts";
import { ENCODING_INTSET } from "../../dataset/types.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { readSet, replyRef } from "./open.ts";

/** The sets of the running command, and its result. */
export const combined = new MemberList();

/** Opens the sets of `count` key arguments from `first` on. False: one holds something else, and the error has been replied. */
export function openSets(call: Call, first: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (!readSet(call, first + i, combined.view(i))) return false;
  return true;
}

/** Replies with the members of the result. */
export function replyResult(call: Call): void {
  const { refs } = combined;
  call.reply.set(combined.count);
  for (let i = 0; i < combined.count; i++) replyRef(call, combined.ownerOf(i), refs.items[i]!);
  combined.trim();
}

/**
 * Stores the result under key argument 1 and replies with its size; an empty one removes the key. `event` is what listeners are told,
 * `least` as in `storeSet`.
 */
export function storeResult(call: Call, event: string, least: number = ENCODING_INTSET): void {
  const { db, input, reply } = call;
  const replaced = call.write(1);
  const hash = call.hash(1);
  const { count } = combined;
  if (count > 0) {
    if (!storeSet(db, combined, input, call.start(1), call.length(1), hash, replaced, least)) {
      combined.trim();
      return reply.error(OUT_OF_MEMORY);
    }
    call.changed(1);
    call.notify(EVENT_SET, event, 1);
  } else if (replaced !== NIL) {
    db.remove(replaced, hash);
    call.changed(1);
    call.notify(EVENT_GENERIC, "del", 1);
  }
  combined.trim();
  reply.integer(count);
}
