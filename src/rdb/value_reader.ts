/**
 * One value of an RDB file or a DUMP payload becomes an entry of the dataset.
 *
 * Whatever the bytes are, either a sound value is made or an RdbError thrown, and then nothing is left behind in the arena.
 */
import type { Dataset } from "../dataset/dataset.ts";
import { ReadContext } from "./context.ts";
import {
  TYPE_HASH,
  TYPE_HASH_LISTPACK,
  TYPE_HASH_LISTPACK_EX,
  TYPE_HASH_LISTPACK_EX_PRE_GA,
  TYPE_HASH_METADATA,
  TYPE_HASH_METADATA_PRE_GA,
  TYPE_HASH_ZIPLIST,
  TYPE_HASH_ZIPMAP,
  TYPE_LIST,
  TYPE_LIST_QUICKLIST,
  TYPE_LIST_QUICKLIST_2,
  TYPE_LIST_ZIPLIST,
  TYPE_MODULE_2,
  TYPE_MODULE_PRE_GA,
  TYPE_SET,
  TYPE_SET_INTSET,
  TYPE_SET_LISTPACK,
  TYPE_STREAM_LISTPACKS,
  TYPE_STREAM_LISTPACKS_2,
  TYPE_STREAM_LISTPACKS_3,
  TYPE_STREAM_LISTPACKS_4,
  TYPE_STREAM_LISTPACKS_5,
  TYPE_STRING,
  TYPE_ZSET,
  TYPE_ZSET_2,
  TYPE_ZSET_LISTPACK,
  TYPE_ZSET_ZIPLIST,
} from "./format.ts";
import type { RdbInput } from "./input.ts";
import { RdbError } from "./rdb_error.ts";
import { readHash } from "./read_hash.ts";
import { readList } from "./read_list.ts";
import { readSet } from "./read_set.ts";
import { readSortedSet } from "./read_sorted_set.ts";
import { readString } from "./read_string.ts";

const MODULE_TYPES: readonly number[] = [TYPE_MODULE_PRE_GA, TYPE_MODULE_2];
const STREAM_TYPES: readonly number[] = [
  TYPE_STREAM_LISTPACKS,
  TYPE_STREAM_LISTPACKS_2,
  TYPE_STREAM_LISTPACKS_3,
  TYPE_STREAM_LISTPACKS_4,
  TYPE_STREAM_LISTPACKS_5,
];

export class ValueReader {
  private readonly context: ReadContext;

  constructor(dataset: Dataset) {
    this.context = new ReadContext(dataset);
  }

  /**
   * Reads a value of this type under a key. The entry is in no table, and with `expires` has room for an expiry, which is zero. NIL: the
   * address space is full. Throws an RdbError. `valkey`: numbers that Redis and Valkey use for different types are Valkey's.
   */
  read(
    input: RdbInput,
    type: number,
    valkey: boolean,
    key: Uint8Array,
    keyStart: number,
    keyBytes: number,
    expires: boolean,
  ): number {
    const { context } = this;
    context.input = input;
    context.key = key;
    context.keyStart = keyStart;
    context.keyBytes = keyBytes;
    context.expires = expires;
    switch (type) {
      case TYPE_STRING:
        return readString(context);
      case TYPE_LIST:
      case TYPE_LIST_ZIPLIST:
      case TYPE_LIST_QUICKLIST:
      case TYPE_LIST_QUICKLIST_2:
        return readList(context, type);
      case TYPE_SET:
      case TYPE_SET_INTSET:
      case TYPE_SET_LISTPACK:
        return readSet(context, type);
      case TYPE_ZSET:
      case TYPE_ZSET_2:
      case TYPE_ZSET_ZIPLIST:
      case TYPE_ZSET_LISTPACK:
        return readSortedSet(context, type);
      case TYPE_HASH:
      case TYPE_HASH_ZIPMAP:
      case TYPE_HASH_ZIPLIST:
      case TYPE_HASH_LISTPACK:
      case TYPE_HASH_METADATA_PRE_GA:
        return readHash(context, type, valkey);
      case TYPE_HASH_LISTPACK_EX_PRE_GA:
      case TYPE_HASH_METADATA:
      case TYPE_HASH_LISTPACK_EX:
        if (!valkey) return readHash(context, type, false);
    }
    const problem = describeType(type);
    if (problem !== undefined) throw new RdbError("unsupported", problem, input.offset);
    throw input.damaged(`a value of type ${type}, which there is not`);
  }
}

/** What a type is that exists and can't be read, for people. */
export function describeType(type: number): string | undefined {
  if (MODULE_TYPES.includes(type)) return "the value of a module, which Emberlog can't hold";
  if (STREAM_TYPES.includes(type)) return "a stream, which Emberlog can't hold yet";
  return undefined;
}
