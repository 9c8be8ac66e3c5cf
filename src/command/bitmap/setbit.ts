import { EVENT_STRING } from "../../dataset/key_events.ts";
import { locateString, stringLength } from "../../dataset/strings.ts";
import { ENCODING_RAW } from "../../dataset/types.ts";
import { Span } from "../../structure/blob.ts";
import { entryEncoding } from "../../structure/entry.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { OUT_OF_MEMORY, WRONG_TYPE } from "../messages.ts";
import { growRaw, isOtherType } from "../string/store.ts";
import { readBitOffset } from "./bit_offset.ts";

const span = new Span();

/** SETBIT key offset value */
export const setbit: CommandDefinition = {
  name: "SETBIT",
  group: "bitmap",
  since: "2.2.0",
  summary: "Sets or clears the bit at offset of the string value. Creates the key if it doesn't exist.",
  complexity: "O(1)",
  arity: 4,
  flags: ["write", "denyoom"],
  keys: [keysAt(["RW", "access", "update"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("offset", "integer"), argument("value", "integer")],
  run(call) {
    const { reply } = call;
    const offset = readBitOffset(call, 2, 0);
    if (offset === -1) return;
    const bit = call.integer(3);
    if (bit !== 0 && bit !== 1) return reply.error("ERR bit is not an integer or out of range");
    const entry = call.write(1);
    if (isOtherType(call, entry)) return reply.error(WRONG_TYPE);
    const { arena } = call.dataset;
    const byte = Math.floor(offset / 8);
    const oldLength = entry === 0 ? 0 : stringLength(arena, entry);
    // Growing and becoming raw can be seen by clients, so that they are changes even where the bit is not.
    const grows = entry === 0 || byte >= oldLength;
    let changes = grows || entryEncoding(arena, entry) !== ENCODING_RAW;
    const target = changes ? growRaw(call, entry, byte + 1, oldLength) : entry;
    if (target === 0) return reply.error(OUT_OF_MEMORY);
    locateString(arena, target, byte, 1, span);
    const bytes = arena.bytes[span.segment]!;
    const mask = 0x80 >>> (offset % 8);
    const value = bytes[span.offset]!;
    const old = (value & mask) !== 0 ? 1 : 0;
    if (old !== bit) {
      changes = true;
      arena.touchBytes(span.segment, span.offset, 1);
      bytes[span.offset] = value ^ mask;
    }
    if (changes) call.changed(1);
    if (grows || old !== bit) call.notify(EVENT_STRING, "setbit", 1);
    reply.integer(old);
  },
};
