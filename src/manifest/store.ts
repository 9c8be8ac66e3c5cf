/**
 * The manifest's file: read whole, replaced whole (D2), never changed in place.
 *
 * Who calls sees to the order (D3): what a manifest lists is durable before it is written, and what it no longer lists is
 * unlinked only after `writeManifest` returned or `writeManifestLater` said zero.
 */
import { MANIFEST_BYTES_MAX } from "../base/limits.ts";
import { type Disk, readWholeFile } from "../disk/disk.ts";
import { joinPath, MANIFEST_NAME, MANIFEST_TEMPORARY_NAME } from "../disk/file_names.ts";
import { replaceFile, replaceFileLater } from "../disk/replace_file.ts";
import { type Crc32c, decodeManifest, encodeManifest, type Manifest, type ManifestResult } from "./format.ts";

export function readManifest(disk: Disk, directory: string, crc32c: Crc32c): ManifestResult | { kind: "missing" } {
  const bytes = readWholeFile(disk, joinPath(directory, MANIFEST_NAME), MANIFEST_BYTES_MAX);
  return bytes === undefined ? { kind: "missing" } : decodeManifest(bytes, crc32c);
}

export function writeManifest(disk: Disk, directory: string, manifest: Manifest, crc32c: Crc32c): void {
  replaceFile(disk, directory, MANIFEST_NAME, MANIFEST_TEMPORARY_NAME, encodeManifest(manifest, crc32c));
}

/** `done` gets zero or a negative error number, later. */
export function writeManifestLater(
  disk: Disk,
  directory: string,
  manifest: Manifest,
  crc32c: Crc32c,
  done: (result: number) => void,
): void {
  const bytes = encodeManifest(manifest, crc32c);
  replaceFileLater(disk, directory, MANIFEST_NAME, MANIFEST_TEMPORARY_NAME, bytes, done);
}
