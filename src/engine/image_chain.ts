/**
 * Which images a start can begin with: the newest chain (a full image and the deltas on it) whose every file is there and sound and from
 * whose end the log goes on. What is damaged is passed over: the log is kept back to the previous full image for this (D16).
 *
 * Images that the choice does not need are the fallback of a later day: those that are gone or have another length are found bad as well, so
 * that none of the log goes for their sake.
 *
 * A file counts only if it is the one that the manifest lists: its chain covers every byte. Loading verifies each block before it is used,
 * so damage may show after part of a file is in memory already; the next candidate is then loaded over it, and where there is none memory
 * is emptied.
 */
import type { KeyObject } from "node:crypto";
import { equalBytes } from "../base/bytes.ts";
import type { Keys } from "../base/key_ring.ts";
import type { Disk } from "../disk/disk.ts";
import { isImageName, joinPath } from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import type { Manifest, ManifestImage } from "../manifest/format.ts";
import { chainOf } from "../manifest/image_chain.ts";
import { BlockReader, type ImageIndex, readImageHeader, readImageIndex } from "../snapshot/image_reading.ts";
import { imageFileKey, imageKeyId } from "../snapshot/sealing.ts";
import type { ImagesState } from "./recovery_cases.ts";

/** Where images are loaded to; `check` only verifies them. */
export interface ImageMemory {
  /** Puts all blocks of an image in its place. A text says what is wrong with the file. */
  load(path: string, index: ImageIndex, fileKey: KeyObject | undefined): string | undefined;
  /** All images of a chain are loaded. */
  adopt(): void;
  /** Everything is as before the first `load`. */
  clear(): void;
}

export interface BadImage {
  readonly name: string;
  readonly reason: string;
  readonly missing: boolean;
}

export interface ChosenImages {
  readonly state: ImagesState;
  /** From the full image on; empty where the log alone is the whole. */
  readonly base: readonly ManifestImage[];
  /** Clock at the freeze of the last of these, ms; 0 for none. */
  readonly frozenMs: number;
  readonly bad: readonly BadImage[];
  /** For `state` unknown. */
  readonly unknown: string;
  /** For `state` locked: a file and the id of the key that it needs. */
  readonly locked: { readonly name: string; readonly id: string } | undefined;
}

export function chooseImages(
  disk: Disk,
  directory: string,
  crc32c: Crc32c,
  manifest: Manifest,
  memory: ImageMemory,
  keys: Keys,
  needed: boolean,
): ChosenImages {
  const { images, segments, origin } = manifest;
  const firstLogged = segments[0]?.firstSequence ?? origin + 1;
  const bad = new Map<string, BadImage>();
  let frozenMs = 0;
  const result = (state: ImagesState, base: readonly ManifestImage[], unknown = ""): ChosenImages => ({
    state,
    base,
    frozenMs,
    bad: [...bad.values()],
    unknown,
    locked: undefined,
  });
  let touched = false;
  for (const image of [...images].reverse()) {
    if (firstLogged > image.sequence + 1) continue;
    const chain = chainOf(images, image);
    if (chain.some(({ name }) => bad.has(name))) continue;
    const indexes: ImageIndex[] = [];
    for (const link of chain) {
      const path = joinPath(directory, link.name);
      if (disk.status(path) === undefined) {
        bad.set(link.name, { name: link.name, reason: "the file is gone", missing: true });
        break;
      }
      const read = readImageIndex(disk, path, crc32c);
      if (read.kind === "unknown") {
        return result("unknown", [], `${link.name} is of ${read.what}, which Emberlog ${read.reader} can read`);
      }
      if (read.kind === "index" && needed) {
        const id = imageKeyId(read.index.header.keyId);
        if (id !== undefined && keys.find(id) === undefined)
          return { ...result("locked", []), locked: { name: link.name, id } };
      }
      const reason =
        read.kind === "damaged"
          ? `${read.reason} (at ${read.offset})`
          : isListed(read.index, link)
            ? undefined
            : "it is not the image that the manifest lists";
      if (reason !== undefined) {
        bad.set(link.name, { name: link.name, reason, missing: false });
        break;
      }
      if (read.kind === "index") indexes.push(read.index);
    }
    if (indexes.length < chain.length) continue;
    if (touched) memory.clear();
    let whole = true;
    for (let i = 0; i < chain.length && whole; i++) {
      touched = true;
      const { name } = chain[i]!;
      const { keyId, salt } = indexes[i]!.header;
      const reason = memory.load(joinPath(directory, name), indexes[i]!, imageFileKey(keyId, salt, keys));
      if (reason === undefined) continue;
      bad.set(name, { name, reason, missing: false });
      whole = false;
    }
    if (!whole) continue;
    memory.adopt();
    for (const { name, lengthBytes } of images) {
      if (bad.has(name)) continue;
      const bytes = disk.status(joinPath(directory, name))?.size;
      if (bytes === undefined) bad.set(name, { name, reason: "the file is gone", missing: true });
      else if (bytes !== lengthBytes)
        bad.set(name, { name, reason: `it has ${bytes} bytes and not ${lengthBytes}`, missing: false });
    }
    frozenMs = indexes[indexes.length - 1]!.header.frozenMs;
    return result(bad.size > 0 ? "fallback" : "sound", chain);
  }
  if (touched) memory.clear();
  if (firstLogged === origin + 1) return result(bad.size > 0 ? "fallback" : "none", []);
  const all = [...bad.values()];
  return result(all.length > 0 && all.every(({ missing }) => missing) ? "missing" : "rotten", []);
}

/** Looks at every block and uses none: for `check` and repair. */
export function verifyingMemory(disk: Disk, crc32c: Crc32c): ImageMemory {
  return {
    load: (path, { header, offsets }) => {
      const reader = new BlockReader(disk, path, header.salt, crc32c, undefined);
      try {
        for (let i = 0; i < offsets.length; i++) {
          const reason = reader.read(offsets[i]!, i, undefined);
          if (reason !== undefined) return `${reason} (at ${offsets[i]!})`;
        }
        return undefined;
      } finally {
        reader.close();
      }
    },
    adopt: () => {},
    clear: () => {},
  };
}

/** What is wrong with one listed image; undefined: it is whole. */
export function imageProblem(disk: Disk, directory: string, crc32c: Crc32c, listed: ManifestImage): string | undefined {
  const path = joinPath(directory, listed.name);
  if (disk.status(path) === undefined) return "the file is gone";
  const read = readImageIndex(disk, path, crc32c);
  if (read.kind === "unknown") return `it is of ${read.what}, which Emberlog ${read.reader} can read`;
  if (read.kind === "damaged") return `${read.reason} (at ${read.offset})`;
  if (!isListed(read.index, listed)) return "it is not the image that the manifest lists";
  return verifyingMemory(disk, crc32c).load(path, read.index, undefined);
}

/** What the images' own headers say, from old to new: where no manifest lists them. Those without a sound index are left out. */
export function imagesFromFiles(disk: Disk, directory: string, crc32c: Crc32c): ManifestImage[] {
  const images: ManifestImage[] = [];
  for (const name of disk.list(directory).filter(isImageName)) {
    const read = readImageIndex(disk, joinPath(directory, name), crc32c);
    if (read.kind !== "index") continue;
    const { epoch, sequence, place, parentChain } = read.index.header;
    const { chain, fileBytes } = read.index.end;
    images.push({ name, epoch, sequence, lengthBytes: fileBytes, chain, place, parentChain });
  }
  return images.sort((a, b) => a.sequence - b.sequence || a.place - b.place);
}

/** The id of the key that an image is encrypted with; undefined: it is plain, or its header is damaged. */
export function keyIdOfImage(disk: Disk, path: string, crc32c: Crc32c): string | undefined {
  if (disk.status(path) === undefined) return undefined;
  const read = readImageHeader(disk, path, crc32c);
  return read.kind === "header" ? imageKeyId(read.header.keyId) : undefined;
}

function isListed(index: ImageIndex, listed: ManifestImage): boolean {
  const { header, end } = index;
  return (
    header.sequence === listed.sequence &&
    header.place === listed.place &&
    header.parentChain === listed.parentChain &&
    end.chain === listed.chain &&
    end.fileBytes === listed.lengthBytes &&
    equalBytes(header.epoch, 0, listed.epoch, 0, listed.epoch.length)
  );
}
