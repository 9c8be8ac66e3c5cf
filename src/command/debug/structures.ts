/** DEBUG subcommands about how one value is built: LISTPACK, QUICKLIST, HTSTATS-KEY, and the size of a list's lone elements. */
import { memoryBytes } from "../../base/memory_size.ts";
import { membersOf } from "../../dataset/members.ts";
import { bigWord0, openPack, Pack } from "../../dataset/packed.ts";
import {
  ENCODING_LISTPACK,
  isBig,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_STRING,
  TYPE_ZSET,
} from "../../dataset/types.ts";
import { operationsOf } from "../../dataset/value_operations.ts";
import { entryEncoding, entryType } from "../../structure/entry.ts";
import { listpackCount } from "../../structure/listpack.ts";
import type { Call } from "../call.ts";
import { NO_SUCH_KEY } from "../messages.ts";
import { tableText } from "./data.ts";
import type { DebugHost } from "./host.ts";

const PACKED_THRESHOLD_MAX = 4294967295n;
const NO_THRESHOLD = "ERR argument must be a memory value bigger than 1 and smaller than 4gb";

const pack = new Pack();

/** DEBUG QUICKLIST-PACKED-THRESHOLD size: from now on a longer element of a list gets a node of its own; 0 for the usual size. */
export function setPackedThreshold(call: Call): void {
  const bytes = memoryBytes(call.text(2));
  if (bytes === undefined || bytes > PACKED_THRESHOLD_MAX) return call.reply.error(NO_THRESHOLD);
  call.dataset.limits.listPlainBytes = Number(bytes);
  call.reply.ok();
}

/** DEBUG LISTPACK key: how long the listpack is, into the server's log. */
export function printListpack(call: Call, host: DebugHost): void {
  const { arena } = call.dataset;
  const entry = call.read(2);
  if (entry === 0) return call.reply.error(NO_SUCH_KEY);
  const type = entryType(arena, entry);
  if (type === TYPE_STRING || entryEncoding(arena, entry) !== ENCODING_LISTPACK) {
    return call.reply.error("ERR Not a listpack encoded object.");
  }
  openPack(arena, entry, pack);
  host.log?.(`DEBUG LISTPACK: ${listpackCount(pack.bytes, pack.offset)} elements in ${pack.length} bytes`);
  call.reply.status("Listpack structure printed on stdout");
}

/** DEBUG QUICKLIST key [0|1]: how long the list is, into the server's log. */
export function printQuicklist(call: Call, host: DebugHost): void {
  const { arena } = call.dataset;
  const entry = call.read(2);
  if (entry === 0) return call.reply.error(NO_SUCH_KEY);
  if (entryType(arena, entry) !== TYPE_LIST || !isBig(TYPE_LIST, entryEncoding(arena, entry))) {
    return call.reply.error("ERR Not a quicklist encoded object.");
  }
  const operations = operationsOf(TYPE_LIST);
  const bytes = operations.bigBytes(call.dataset, entry);
  host.log?.(`DEBUG QUICKLIST: ${operations.count(call.dataset, entry)} elements in about ${bytes} bytes`);
  call.reply.status("Quicklist structure printed on stdout");
}

/** DEBUG HTSTATS-KEY key [full]: the shape of the table that a big collection's members are found by. */
export function replyKeyTable(call: Call): void {
  const { dataset } = call;
  const entry = call.read(2);
  if (entry === 0) return call.reply.error(NO_SUCH_KEY);
  const type = entryType(dataset.arena, entry);
  const hasTable = type === TYPE_SET || type === TYPE_HASH || type === TYPE_ZSET;
  if (!hasTable || !isBig(type, entryEncoding(dataset.arena, entry))) {
    return call.reply.error("ERR The value stored at the specified key is not represented using an hash table");
  }
  call.reply.verbatim(tableText(membersOf(dataset, bigWord0(dataset.arena, entry))));
}
