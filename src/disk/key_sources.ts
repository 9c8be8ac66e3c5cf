/**
 * Where the keys of encryption at rest come from: a file, an environment variable, or what a command prints. Never from a directive's value: a
 * command line is for everybody to read.
 *
 * A key file that others than its owner may read is refused, because then it is no secret; what mounts secrets with other rights can be told to be
 * right (`anyPermissions`). Variable and output are wiped or removed as soon as they are read, so that neither a diagnostic report nor a child process has them.
 *
 * Everything here throws KEY_INVALID with the name of the source and what the system said, and never with what was read.
 */
import { execFile, spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { keyInvalid, type MasterKey, parseKeys } from "../base/key_ring.ts";
import { ENCRYPTION_KEY_SOURCE_BYTES_MAX } from "../base/limits.ts";
import { errorText } from "./errno.ts";

export type KeySource =
  | { readonly kind: "file"; readonly path: string; readonly anyPermissions: boolean }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "command"; readonly command: string };

/** A command that fetches a key from elsewhere may take so long. */
const COMMAND_MS_MAX = 30_000;
const OTHERS_MASK = 0o077;

/** The keys of a source, the newest first. A command is waited for. */
export function readKeys(source: KeySource): MasterKey[] {
  switch (source.kind) {
    case "file":
      return keysOfFile(source.path, source.anyPermissions);
    case "variable":
      return keysOfVariable(source.name);
    case "command": {
      const { error, status, signal, stdout } = spawnSync("/bin/sh", ["-c", source.command], {
        stdio: ["ignore", "pipe", "inherit"],
        timeout: COMMAND_MS_MAX,
        maxBuffer: ENCRYPTION_KEY_SOURCE_BYTES_MAX,
      });
      if (error !== undefined) throw commandFailed(error as NodeJS.ErrnoException);
      if (status !== 0) throw commandFailed({ code: status ?? signal ?? undefined });
      return keysOfOutput(stdout);
    }
  }
}

/** The same for a server that goes on meanwhile: `done` is called later, once, with the keys or what was wrong. Only a command is worth it. */
export function readKeysLater(
  source: KeySource & { kind: "command" },
  done: (keys: MasterKey[] | Error) => void,
): void {
  const options = { timeout: COMMAND_MS_MAX, maxBuffer: ENCRYPTION_KEY_SOURCE_BYTES_MAX, encoding: "buffer" } as const;
  execFile("/bin/sh", ["-c", source.command], options, (error, stdout) => {
    let outcome: MasterKey[] | Error;
    try {
      if (error !== null) throw commandFailed(error);
      outcome = keysOfOutput(stdout);
    } catch (thrown) {
      if (!(thrown instanceof Error)) throw thrown;
      outcome = thrown;
    }
    done(outcome);
  });
}

function keysOfFile(path: string, anyPermissions: boolean): MasterKey[] {
  const bytes = readKeyFile(path, anyPermissions);
  try {
    return parseKeys(bytes, `key file ${path}`);
  } finally {
    bytes.fill(0);
  }
}

/** What a key file holds; the caller wipes it. */
export function readKeyFile(path: string, anyPermissions: boolean): Uint8Array {
  const bytes = new Uint8Array(ENCRYPTION_KEY_SOURCE_BYTES_MAX + 1);
  return bytes.subarray(0, readFile(path, `key file ${path}`, anyPermissions, bytes));
}

function readFile(path: string, source: string, anyPermissions: boolean, bytes: Uint8Array): number {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    const status = fstatSync(fd);
    if (status.isDirectory()) throw keyInvalid(source, "it is a directory");
    if (status.isFile() && !anyPermissions && (status.mode & OTHERS_MASK) !== 0) {
      const mode = (status.mode & 0o777).toString(8).padStart(4, "0");
      throw keyInvalid(
        source,
        `others than its owner may use it (mode ${mode}). To go on: chmod 600 ${path}, or set encryption-key-permissions any`,
      );
    }
    let length = 0;
    for (;;) {
      const read = readSync(fd, bytes, length, bytes.length - length, null);
      length += read;
      if (read === 0 || length === bytes.length) break;
    }
    if (length > ENCRYPTION_KEY_SOURCE_BYTES_MAX) throw keyInvalid(source, "it is too long for a file of keys");
    return length;
  } catch (thrown) {
    const errno = (thrown as NodeJS.ErrnoException).errno;
    if (errno === undefined) throw thrown;
    throw keyInvalid(source, `it can't be read: ${errorText(errno)}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function keysOfVariable(name: string): MasterKey[] {
  const source = `environment variable ${name}`;
  const value = process.env[name];
  if (value === undefined || value === "") throw keyInvalid(source, "it is not set");
  delete process.env[name];
  const bytes = Uint8Array.from(Buffer.from(value, "latin1"));
  try {
    return parseKeys(bytes, source);
  } finally {
    bytes.fill(0);
  }
}

function keysOfOutput(output: Uint8Array): MasterKey[] {
  try {
    return parseKeys(output, COMMAND);
  } finally {
    output.fill(0);
  }
}

const COMMAND = "the command that prints the key";

function commandFailed({ code, killed }: { code?: unknown; killed?: boolean }): Error {
  if (code === "ETIMEDOUT" || killed === true)
    return keyInvalid(COMMAND, `it took longer than ${COMMAND_MS_MAX / 1000} s`);
  if (code === "ENOBUFS" || code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER")
    return keyInvalid(COMMAND, "it printed too much");
  return keyInvalid(COMMAND, `it ended with ${code}`);
}
