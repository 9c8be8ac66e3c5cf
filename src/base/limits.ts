/** Every limit of Emberlog in one place. Units stand last in the names. */

/** Input handed over in one turn, bytes: some 1300 writes of small values, about a millisecond. */
export const TURN_INPUT_BYTES = 96 * 1024;
/** Work of one turn, µs; looked at after every few requests. What is left then leads the next turn. */
export const TURN_WORK_US = 1000;
/** Output region, bytes: a turn's replies, of which a fuller one flushes in between, those that are parked, and messages. */
export const TURN_OUTPUT_BYTES = 1280 * 1024;
/** Parked replies in the output region, bytes; more are copied elsewhere. */
export const PARKED_BYTES = 256 * 1024;
/** Messages to subscribers in one turn, bytes, behind the replies in the output region: half for each protocol. Longer ones travel alone. */
export const TURN_MESSAGE_BYTES = 256 * 1024;
/** Ranges of messages that wait for the end of a turn; a fuller turn sends in between. */
export const PUSH_ROWS_MAX = 64 * 1024;
/** Unsent bytes of a connection that client-output-buffer-limit does not count: Redis has a buffer of this size apart. */
export const OUTPUT_BYTES_UNCOUNTED = 16 * 1024;
/** What the slow log keeps of a request: arguments, the last place telling how many more there were, and bytes of each. */
export const SLOW_LOG_ARGUMENTS_MAX = 32;
export const SLOW_LOG_ARGUMENT_BYTES_MAX = 128;
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
/** Before authentication: bytes received and not executed yet. */
export const UNAUTHENTICATED_QUERY_BYTES_MAX = 1024 * 1024;

/** A string value, bytes; proto-max-bulk-len's default. */
export const STRING_BYTES_MAX = 512 * 1024 * 1024;

/** Payload of one frame of the log, bytes; a stored number, larger units take continuation frames. */
export const LOG_FRAME_PAYLOAD_BYTES_MAX = 16 * 1024 * 1024;
/** A unit (one turn's effects, a MULTI), bytes: it is assembled in one buffer at recovery. */
export const LOG_UNIT_BYTES_MAX = 2047 * 1024 * 1024;
/** A segment of the log is followed by the next one beyond this, bytes. */
export const LOG_SEGMENT_BYTES_DEFAULT = 64 * 1024 * 1024;
/** A buffer of the log's writer, bytes, and how many idle ones it keeps. */
export const LOG_BUFFER_BYTES = 1024 * 1024;
export const LOG_BUFFERS_IDLE_MAX = 8;
/** Effects waiting to be written, bytes, above which the engine takes no further turns until some are. */
export const LOG_PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** One write handed to the file, bytes (a frame larger than this still goes as one). */
export const LOG_WRITE_BYTES_MAX = 4 * 1024 * 1024;
/** Up to here a write is made on the calling thread when nothing else is going on, bytes. */
export const LOG_WRITE_NOW_BYTES_MAX = 1024 * 1024;
/** Space set aside in a segment at a time, bytes: doubled from the first to the second. */
export const LOG_RESERVE_BYTES_MIN = 1024 * 1024;
export const LOG_RESERVE_BYTES_MAX = 64 * 1024 * 1024;
/** Marks, and what expiry logs without asking, find their place although the disk is full. */
export const LOG_RESERVE_SLACK_BYTES = 64 * 1024;
/** Space set aside beyond what a turn needs. */
export const LOG_RESERVE_AHEAD_BYTES = 4 * 1024 * 1024;
/**
 * Under `always`, bytes written ahead of the frames at a time, when fewer than this are left; less is not worth it. The next sync stores
 * them too, and who waits for it waits for them: a megabyte makes one of 0.17 ms 0.8 ms long, this 0.5 ms.
 */
export const LOG_UNUSED_BYTES = 256 * 1024;
export const LOG_UNUSED_AHEAD_BYTES = 256 * 1024;
export const LOG_UNUSED_BYTES_MIN = 4096;
/** Writes larger than this need no space written ahead: their sync is not short anyway. */
export const LOG_UNUSED_WRITE_BYTES_MAX = 128 * 1024;
/** A full segment is sealed when no more than this is left to sync, or after so many syncs at most. */
export const LOG_SEAL_BYTES_MAX = 1024 * 1024;
export const LOG_EARLY_SYNCS_MAX = 3;
/** Nothing was written for so long: a mark says what is durable, µs. */
export const LOG_MARK_IDLE_US = 100_000;
/** Between attempts to go on after a failed write, or to rotate when there was no space for the next segment, µs. */
export const LOG_RETRY_US = 250_000;
/** Keys of encryption at rest that are held at once, and bytes of a file or an output that they are read from. */
export const ENCRYPTION_KEYS_MAX = 64;
export const ENCRYPTION_KEY_SOURCE_BYTES_MAX = 64 * 1024;
/** Deltas on a full image before the next image is full again. */
export const IMAGE_DELTAS_MAX = 8;
/** Memory that pages copied aside during an image may take, bytes. */
export const IMAGE_MEMORY_BYTES_DEFAULT = 64 * 1024 * 1024;
/** Segments of memory whose dirty marks come back in one step after an image that came to nothing. */
export const IMAGE_MERGED_SEGMENTS = 8;
/** A manifest, bytes. */
export const MANIFEST_BYTES_MAX = 64 * 1024 * 1024;

/** A configuration file that CONFIG REWRITE can read back, bytes. */
export const CONFIG_FILE_BYTES_MAX = 16 * 1024 * 1024;
/** Configuration files that include each other, levels. */
export const CONFIG_INCLUDE_DEPTH_MAX = 16;
/** Replies of one connection that wait for the log; above it the connection is not read from. */
export const PARKED_CONNECTION_BYTES_MAX = 64 * 1024 * 1024;

/** Rows of the transport's output table; a fuller turn flushes in between. */
export const TRANSPORT_OUTPUT_ROWS_MAX = 8192;
/** Connections the transport can hold at once: maxclients, and room for those being turned away. */
export const TRANSPORT_SLOTS_MAX = 16384;
/** Unsent bytes of a connection above which the transport reads no further requests from it. */
export const TRANSPORT_QUEUED_BYTES_MAX = 64 * 1024 * 1024;
/** Space reserved in the log for a turn beyond its own input: rewritten effects, expiries. */
export const EFFECT_BYTES_RESERVED = 256 * 1024;
/** A closed connection whose peer takes nothing of what is still queued for it is dropped after this, ms. */
export const TRANSPORT_LINGER_MS = 15_000;
/** DEBUG SLEEP stops the thread no longer than this, ms. */
export const DEBUG_SLEEP_MS_MAX = 24 * 3600 * 1000;
/** Nodes of long lists that wait to be compressed, and the lists that have some: 128 MiB of the usual nodes. */
export const COLD_NODES_MAX = 16 * 1024;
export const COLD_LISTS_MAX = 64;
