/** Every limit of Emberlog in one place. Units stand last in the names. */

/** Input handed over in one turn, bytes. */
export const TURN_INPUT_BYTES = 256 * 1024;
/** Output region of one turn, bytes; a fuller turn flushes in between. */
export const TURN_OUTPUT_BYTES = 1024 * 1024;
/** What one connection may put into a turn, bytes, so that one pipeline can't starve the others. */
export const TURN_CONNECTION_BYTES = 64 * 1024;
/** Rows of the turn's tables: connections in a turn. */
export const TURN_ROWS_MAX = 4096;

/** Databases (SELECT 0 … 15). */
export const DATABASES_DEFAULT = 16;

/** Arguments of one request, as Redis limits them. */
export const REQUEST_ARGUMENTS_MAX = 2147483647;
/** An inline request or a length line longer than this is a protocol error. */
export const INLINE_BYTES_MAX = 64 * 1024;
/** Before authentication: arguments of a request, bytes of an argument. */
export const UNAUTHENTICATED_ARGUMENTS_MAX = 10;
export const UNAUTHENTICATED_BULK_BYTES_MAX = 16384;

/** A string value, bytes; proto-max-bulk-len's default. */
export const STRING_BYTES_MAX = 512 * 1024 * 1024;
/** A key, bytes: it lies in one run of pages. */
export const KEY_BYTES_MAX = 32 * 1024 * 1024;
