/**
 * `emberlog key`: keys of encryption at rest.
 * ```
 * generate [--out FILE]   a new key: into a file of its own (0600, never over another), or to standard output
 * rotate FILE             puts a new key in front of those in FILE; ENCRYPTION ROTATE makes a running server use it
 * ids FILE                the ids of the keys in FILE, which reveal nothing: INFO and messages name them
 * ```
 * Each returns what to print, and throws KEY_INVALID.
 */
import { MasterKey } from "../base/key_ring.ts";
import { createKeyFile, generateKey, prependKey } from "../disk/key_files.ts";
import { readKeys } from "../disk/key_sources.ts";

export function generate(out: string | undefined): string {
  const text = generateKey();
  if (out === undefined) return `${text}\n`;
  createKeyFile(out, `${text}\n`);
  const { id } = new MasterKey(Buffer.from(text, "hex"));
  return `${out} holds the new key ${id}. Keep a copy where the data is not: without the key nobody reads the data again.\n`;
}

export function rotate(file: string, anyPermissions: boolean): string {
  const [id, ...old] = prependKey(file, anyPermissions);
  return (
    `${file} begins with the new key ${id}, and ${old.join(", ")} behind it. Keep a copy where the data is not.\n` +
    "To go on: redis-cli ENCRYPTION ROTATE, or restart the server\n"
  );
}

export function ids(file: string, anyPermissions: boolean): string {
  return readKeys({ kind: "file", path: file, anyPermissions })
    .map(({ id }) => `${id}\n`)
    .join("");
}
