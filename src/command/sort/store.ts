/** SORT … STORE: the result as a list under a key. */
import { check } from "../../base/check.ts";
import { releaseEntry } from "../../dataset/entries.ts";
import { EVENT_GENERIC, EVENT_LIST } from "../../dataset/key_events.ts";
import { NIL } from "../../memory/layout.ts";
import type { Call } from "../call.ts";
import { OUT_OF_MEMORY } from "../messages.ts";
import { sortOptions } from "./options.ts";
import type { TextList } from "./texts.ts";

/** Elements named in one RPUSH of the log. */
const EFFECT_ELEMENTS_MAX = 256;

/** Makes the texts the list under STORE's key, in the place of what it holds, and replies with their number; none remove the key. */
export function storeTexts(call: Call, texts: TextList): void {
  const { dataset, db, input, reply } = call;
  const i = sortOptions.store;
  const hash = call.hash(i);
  const replaced = call.write(i);
  if (replaced !== NIL) db.detach(replaced, hash);
  // What takes the place of something is not new.
  dataset.events.newHeld = replaced !== NIL;
  if (texts.count > 0) {
    const { bytes, spans, count } = texts;
    const made = dataset.lists.push(
      db,
      NIL,
      input,
      call.start(i),
      call.length(i),
      hash,
      false,
      bytes,
      spans,
      0,
      count,
      1,
    );
    if (made === NIL) {
      if (replaced !== NIL) check(db.insert(replaced, hash), "room in the tables for what was in them a moment ago");
      dataset.events.newHeld = false;
      return reply.error(OUT_OF_MEMORY);
    }
  }
  dataset.events.newHeld = false;
  if (replaced !== NIL) releaseEntry(dataset, replaced);
  if (replaced !== NIL || texts.count > 0) {
    call.changed(i);
    logTexts(call, texts, replaced !== NIL);
    if (texts.count > 0) call.notify(EVENT_LIST, "sortstore", i);
    else call.notify(EVENT_GENERIC, "del", i);
  }
  reply.integer(texts.count);
}

/**
 * Logs what was stored, not how it was found: weights may be fields that have expired since, and the members of a set that weigh the same
 * come in the order of its table.
 */
function logTexts(call: Call, texts: TextList, removed: boolean): void {
  const { input } = call;
  const start = call.start(sortOptions.store);
  const length = call.length(sortOptions.store);
  if (removed) {
    const effect = call.effect(2);
    effect.text("DEL");
    effect.argument(input, start, length);
  }
  for (let first = 0; first < texts.count; first += EFFECT_ELEMENTS_MAX) {
    const end = Math.min(texts.count, first + EFFECT_ELEMENTS_MAX);
    const effect = call.effect(2 + end - first);
    effect.text("RPUSH");
    effect.argument(input, start, length);
    for (let i = first; i < end; i++) effect.argument(texts.bytes, texts.start(i), texts.length(i));
  }
}
