/** Replying with many members of big collections: what ZRANGE and SMEMBERS spend their time on. */
import type { Arena } from "../memory/arena.ts";
import { SEGMENT_SHIFT, UNIT_MASK } from "../memory/layout.ts";
import { type ReplyWriter, SHORT_BYTES_MAX } from "../protocol/reply_writer.ts";
import { shortKeyLength, shortKeyWord } from "../structure/entry.ts";
import { replyMember } from "./elements.ts";

/** What a short member's reply takes at most besides its bytes, and what is copied in whole words beyond them. */
const OVERHEAD_BYTES = 16;
/** Members that room is made for at once. */
const MEMBERS_MAX = 128;
const WORD_BYTES = 4;
const CR_LF = 0x0a0d;

/** The keys of the entries `addresses[from, from + count)`, each as a bulk string. */
export function replyMembers(
  reply: ReplyWriter,
  arena: Arena,
  addresses: Int32Array,
  from: number,
  count: number,
): void {
  for (let done = 0; done < count; done += MEMBERS_MAX) {
    const run = count - done < MEMBERS_MAX ? count - done : MEMBERS_MAX;
    replyRun(reply, arena, addresses, from + done, run);
  }
}

function replyRun(reply: ReplyWriter, arena: Arena, addresses: Int32Array, from: number, count: number): void {
  reply.ensure(count * (SHORT_BYTES_MAX + OVERHEAD_BYTES));
  const segments = arena.words;
  let target = reply.bytes;
  let view = reply.view;
  let at = reply.position;
  for (let i = from; i < from + count; i++) {
    const member = addresses[i]!;
    const words = segments[member >>> SEGMENT_SHIFT]!;
    const word = (member & UNIT_MASK) << 1;
    const length = shortKeyLength(words, word);
    if (length > SHORT_BYTES_MAX) {
      reply.position = at;
      replyMember(reply, arena, member);
      reply.ensure((from + count - i) * (SHORT_BYTES_MAX + OVERHEAD_BYTES));
      target = reply.bytes;
      view = reply.view;
      at = reply.position;
      continue;
    }
    target[at] = 36;
    if (length < 10) target[at + 1] = 48 + length;
    else {
      const tens = (length * 205) >>> 11;
      at++;
      target[at] = 48 + tens;
      target[at + 1] = 48 + length - tens * 10;
    }
    view.setInt16(at + 2, CR_LF, true);
    at += 4;
    const end = at + length;
    for (let source = shortKeyWord(words, word); at < end; source++) {
      view.setInt32(at, words[source]!, true);
      at += WORD_BYTES;
    }
    view.setInt16(end, CR_LF, true);
    at = end + 2;
  }
  reply.position = at;
}
