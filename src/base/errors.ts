/**
 * The world's errors (a full disk, a rotten file, a bad directive), as opposed to bugs: these carry a stable code
 * that programs may test, and where it applies the file and the offset in bytes.
 */
export type ErrorCode =
  | "CONFIG_INVALID"
  | "DIRECTORY_LOCKED"
  | "DIRECTORY_HOLDS_DATA"
  | "DISK_FULL"
  | "DISK_FAILED"
  | "DATA_ROTTEN"
  | "DATA_MISSING"
  | "IMPORT_REFUSED"
  | "IMPORT_UNFINISHED"
  | "RESTORE_UNFINISHED"
  | "VERSION_UNKNOWN"
  | "KEY_MISSING"
  | "KEY_INVALID"
  | "OUT_OF_ADDRESS_SPACE"
  | "ADDRESS_IN_USE"
  | "COMMAND_FAILED"
  | "CLOSED"
  | "NATIVE_UNAVAILABLE"
  | "STORE_REFUSED"
  | "STORE_UNAVAILABLE"
  | "STORE_FENCED"
  | "OBJECT_MISSING"
  | "OBJECT_LOCKED"
  | "BACKUP_UNREADABLE";

export class EmberlogError extends Error {
  readonly code: ErrorCode;
  readonly file: string | undefined;
  /** Byte offset in `file`, where the damage or the mistake is. */
  readonly offset: number | undefined;

  constructor(code: ErrorCode, message: string, detail: { file?: string; offset?: number; cause?: unknown } = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "EmberlogError";
    this.code = code;
    this.file = detail.file;
    this.offset = detail.offset;
  }
}
