/**
 * The numbers of Redis's and Valkey's RDB format: what a file and a DUMP payload are made of. Theirs, not ours: they never change.
 *
 * ```
 * file      "REDIS" and four digits, or "VALKEY" and three: the version
 *           for each item an opcode or a type
 *             AUX           name, value (texts): told, not needed
 *             FUNCTION2     text of a library
 *             MODULE_AUX    module id, then values as in a module's type, up to its end mark
 *             SELECTDB      number (length)
 *             RESIZEDB      keys, keys that expire (lengths): a hint
 *             SLOT_INFO     slot, keys, keys that expire (lengths): a hint
 *             EXPIRETIME    seconds (i32), of the key that follows    EXPIRETIME_MS   milliseconds (i64)
 *             IDLE          seconds (length)                          FREQ            one byte
 *             type          key (text), value
 *           EOF, and from version 5 on CRC-64 of everything before it (zero: none was made)
 * payload   type, value, version (u16), CRC-64 of everything before it
 *
 * length    00xxxxxx                  6 bits         10000000 + u32, high byte first
 *           01xxxxxx xxxxxxxx        14 bits         10000001 + u64, high byte first
 *           11xxxxxx                 no length: the text is encoded in another way
 * text      length, bytes | 11000000 i8 | 11000001 i16 | 11000010 i32 (their decimal) | 11000011 length, length, LZF
 * ```
 * Numbers are little-endian where nothing is said.
 */

export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_ZSET = 3;
export const TYPE_HASH = 4;
export const TYPE_ZSET_2 = 5;
export const TYPE_MODULE_PRE_GA = 6;
export const TYPE_MODULE_2 = 7;
export const TYPE_HASH_ZIPMAP = 9;
export const TYPE_LIST_ZIPLIST = 10;
export const TYPE_SET_INTSET = 11;
export const TYPE_ZSET_ZIPLIST = 12;
export const TYPE_HASH_ZIPLIST = 13;
export const TYPE_LIST_QUICKLIST = 14;
export const TYPE_STREAM_LISTPACKS = 15;
export const TYPE_HASH_LISTPACK = 16;
export const TYPE_ZSET_LISTPACK = 17;
export const TYPE_LIST_QUICKLIST_2 = 18;
export const TYPE_STREAM_LISTPACKS_2 = 19;
export const TYPE_SET_LISTPACK = 20;
export const TYPE_STREAM_LISTPACKS_3 = 21;
/** In files of Redis; Valkey has given the number to something else (VALKEY_TYPE_HASH_2). */
export const TYPE_HASH_METADATA_PRE_GA = 22;
export const VALKEY_TYPE_HASH_2 = 22;
export const TYPE_HASH_LISTPACK_EX_PRE_GA = 23;
export const TYPE_HASH_METADATA = 24;
export const TYPE_HASH_LISTPACK_EX = 25;
export const TYPE_STREAM_LISTPACKS_4 = 26;
export const TYPE_STREAM_LISTPACKS_5 = 27;

export const OPCODE_SLOT_INFO = 244;
export const OPCODE_FUNCTION2 = 245;
export const OPCODE_FUNCTION_PRE_GA = 246;
export const OPCODE_MODULE_AUX = 247;
export const OPCODE_IDLE = 248;
export const OPCODE_FREQ = 249;
export const OPCODE_AUX = 250;
export const OPCODE_RESIZEDB = 251;
export const OPCODE_EXPIRETIME_MS = 252;
export const OPCODE_EXPIRETIME = 253;
export const OPCODE_SELECTDB = 254;
export const OPCODE_EOF = 255;

/** The second byte of a text that begins with 11……: its lower six bits. */
export const TEXT_INT8 = 0;
export const TEXT_INT16 = 1;
export const TEXT_INT32 = 2;
export const TEXT_LZF = 3;

/** The node of a list holds one element's bytes, or a listpack. */
export const NODE_PLAIN = 1;
export const NODE_PACKED = 2;

/** Lengths of an ASCII score that are none. */
export const SCORE_NAN = 253;
export const SCORE_INFINITE = 254;
export const SCORE_MINUS_INFINITE = 255;

/** What is written: what redis-server 7.0 reads, and beyond that only where fields of a hash expire. */
export const VERSION_WRITTEN = 10;
export const VERSION_WRITTEN_FIELD_EXPIRY = 12;
/** What is read: Redis's versions up to this one, and Valkey's. */
export const VERSION_READ_MAX = 14;
export const VERSION_VALKEY = 80;
/** Files have a checksum from this version on. */
export const VERSION_WITH_CHECKSUM = 5;
export const CHECKSUM_BYTES = 8;
/** Version and checksum behind a payload. */
export const PAYLOAD_FOOTER_BYTES = 10;

/** Can files and payloads of this version be read? */
export function isReadable(version: number): boolean {
  return (version >= 1 && version <= VERSION_READ_MAX) || version === VERSION_VALKEY;
}
