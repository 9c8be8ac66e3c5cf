/** Replying or storing what a command gathered. */
import { EVENT_GENERIC, EVENT_ZSET } from "../../dataset/key_events.ts";
import { Collected } from "../../dataset/sorted_set/collected.ts";
import { storeCollected } from "../../dataset/sorted_set/store.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { replyScore } from "./reply.ts";

/** What the running command gathers: cleared before and after. */
export const collected = new Collected();

/** All that was gathered, in order. */
export function replyCollected(call: Call, withScores: boolean): void {
  const { reply } = call;
  const { count, order, bytes, offsets, lengths, scores } = collected;
  const pairs = withScores && reply.protocol === 3;
  reply.array(withScores && !pairs ? count * 2 : count);
  for (let i = 0; i < count; i++) {
    const index = order[i]!;
    if (pairs) reply.array(2);
    reply.bulk(bytes, offsets[index]!, lengths[index]!);
    if (withScores) replyScore(reply, scores[index]!);
  }
}

/** Stores what was gathered under key argument 1, whatever was there, and replies how much it is; nothing gathered removes the key. */
export function storeAndReply(call: Call, event: string): void {
  const { db, input, reply } = call;
  const hash = call.hash(1);
  const old = call.write(1);
  if (collected.count === 0) {
    if (old !== NIL) {
      db.remove(old, hash);
      call.changed(1);
      call.notify(EVENT_GENERIC, "del", 1);
    }
    return reply.integer(0);
  }
  if (!storeCollected(db, collected, input, call.start(1), call.length(1), hash, old))
    return reply.error(OUT_OF_MEMORY);
  call.changed(1);
  call.notify(EVENT_ZSET, event, 1);
  reply.integer(collected.count);
}
