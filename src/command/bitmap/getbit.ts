import { locateString, stringLength } from "../../dataset/strings.ts";
import { Span } from "../../structure/blob.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";
import { WRONG_TYPE } from "../messages.ts";
import { isOtherType } from "../string/store.ts";
import { readBitOffset } from "./bit_offset.ts";

const span = new Span();

/** GETBIT key offset */
export const getbit: CommandDefinition = {
  name: "GETBIT",
  group: "bitmap",
  since: "2.2.0",
  summary: "Returns a bit value by offset.",
  complexity: "O(1)",
  arity: 3,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO", "access"])],
  args: [argument("key", "key", { keySpec: 0 }), argument("offset", "integer")],
  run(call) {
    const offset = readBitOffset(call, 2, 0);
    if (offset === -1) return;
    const entry = call.read(1);
    if (isOtherType(call, entry)) return call.reply.error(WRONG_TYPE);
    const { arena } = call.dataset;
    const byte = Math.floor(offset / 8);
    if (entry === 0 || byte >= stringLength(arena, entry)) return call.reply.integer(0);
    locateString(arena, entry, byte, 1, span);
    const value = arena.bytes[span.segment]![span.offset]!;
    call.reply.integer((value & (0x80 >>> (offset % 8))) === 0 ? 0 : 1);
  },
};
