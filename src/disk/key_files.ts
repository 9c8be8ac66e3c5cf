/** Writing key files: readable by their owner alone, durable before anybody counts on them, and never over something that is there. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { KEY_BYTES, keyInvalid, parseKeys } from "../base/key_ring.ts";
import { errorText } from "./errno.ts";
import { readKeyFile } from "./key_sources.ts";

const OWNER_ONLY = 0o600;

/** 64 hex digits from the system's generator. */
export function generateKey(): string {
  const key = randomBytes(KEY_BYTES);
  const text = key.toString("hex");
  key.fill(0);
  return text;
}

/** Makes a new file of `text`. Throws KEY_INVALID where the name is taken, or what the system says. */
export function createKeyFile(path: string, text: string): void {
  attempt(path, () => {
    writeNew(path, text, undefined);
    syncDirectoryOf(path);
  });
}

/** Puts a new key in front of those in a file, under the same owner and rights. Returns the ids in the file, the new one first. // D2 */
export function prependKey(path: string, anyPermissions: boolean): string[] {
  const present = readKeyFile(path, anyPermissions);
  const source = `key file ${path}`;
  const old = parseKeys(present, source);
  // Bytes as they are have no place among lines.
  const encoding = present.length === KEY_BYTES ? "hex" : "latin1";
  const text = `${generateKey()}\n${Buffer.from(present).toString(encoding)}`;
  present.fill(0);
  const added = parseKeys(Buffer.from(text.slice(0, 2 * KEY_BYTES)), source);
  const temporary = `${path}.new`;
  attempt(path, () => {
    writeNew(temporary, text.endsWith("\n") ? text : `${text}\n`, statSync(path));
    renameSync(temporary, path);
    syncDirectoryOf(path);
  });
  return [...added, ...old].map(({ id }) => id);
}

function writeNew(path: string, text: string, like: Stats | undefined): void {
  const fd = openSync(path, "wx", OWNER_ONLY);
  try {
    // Whoever runs this, the server must go on being able to read it.
    if (like !== undefined) {
      const { uid, gid } = fstatSync(fd);
      if (like.uid !== uid || like.gid !== gid) fchownSync(fd, like.uid, like.gid);
      fchmodSync(fd, like.mode & 0o777);
    }
    writeSync(fd, text);
    fsyncSync(fd);
  } catch (thrown) {
    rmSync(path, { force: true });
    throw thrown;
  } finally {
    closeSync(fd);
  }
}

function syncDirectoryOf(path: string): void {
  const fd = openSync(dirname(path), "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function attempt(path: string, work: () => void): void {
  try {
    work();
  } catch (thrown) {
    const { errno, code } = thrown as NodeJS.ErrnoException;
    if (errno === undefined) throw thrown;
    if (code === "EEXIST")
      throw keyInvalid(`key file ${path}`, "it exists, and a key that is overwritten is lost with all it encrypts");
    throw keyInvalid(`key file ${path}`, `it can't be written: ${errorText(errno)}`);
  }
}
