/**
 * The manifest: which files make up the data (D13). Version 2, text, so that a person can read it in an emergency.
 * ```
 * emberlog-manifest 2 reader 0.1.0                 version, and the Emberlog version that can read it
 * written 1700000000000                            ms since 1970
 * state complete                                   or "filling": the log does not hold the whole dataset yet
 * epoch 00112233445566778899aabbccddeeff fork 0    epoch id, last sequence taken over from the epoch before
 * origin 0                                         the segments alone are the whole if they begin right behind this sequence
 * image image-….img epoch 0011…eeff last 150 bytes 23456 chain 01234567 full
 * image delta-….img epoch 0011…eeff last 180 bytes 3456 chain 456789ab delta 1 on 01234567
 * segment log-….seg epoch 0011…eeff first 1 sealed last 200 bytes 12345 chain 89abcdef at 1700000000000
 * segment log-….seg epoch 0011…eeff first 201 open
 * end 89abcdef                                     CRC32C of every byte before this line, 8 hex digits
 * ```
 * Every line ends with a line feed; numbers are decimal. Images stand from old to new, a delta somewhere behind the image that it is a
 * delta on and names by its chain. `at` is when a segment was sealed. Version 1 had no origin, no images and no `at`. Segments stand in the order of their sequences, without a gap. Only
 * the last one may be open; after a clean stop none is. `bytes` and `chain` (log/segment_file.ts) cover the whole file.
 *
 * The first line and the last one keep their form in every version, so that rot and a newer version are told apart.
 *
 * Invariant: a segment is listed only once its file and its name are durable, so a listed file that is missing, short or
 * damaged is a loss, never a leftover. This module knows text only: no files.
 */
import { latin1, latin1Bytes } from "../base/bytes.ts";
import { check } from "../base/check.ts";
import { fromHex, hex, hex32 } from "../disk/file_names.ts";

const MANIFEST_VERSION = 2;
const MANIFEST_READER = "0.1.0";

export type Crc32c = (bytes: Uint8Array, offset: number, length: number, seed: number) => number;

export interface ManifestSegment {
  readonly name: string;
  readonly epoch: Uint8Array;
  readonly firstSequence: number;
  /** Absent while it is open. */
  readonly sealed: SealedSegment | null;
}

export interface SealedSegment {
  readonly lastSequence: number;
  readonly lengthBytes: number;
  readonly chain: number;
  /** Clock when it was sealed, ms; 0 where nobody knows. */
  readonly sealedMs: number;
}

export interface ManifestImage {
  readonly name: string;
  readonly epoch: Uint8Array;
  /** Last sequence contained. */
  readonly sequence: number;
  readonly lengthBytes: number;
  readonly chain: number;
  /** 0: a full image; n: the n-th delta in its chain. */
  readonly place: number;
  /** Delta: chain of the image that it is a delta on. */
  readonly parentChain: number;
}

export interface Manifest {
  readonly writtenMs: number;
  readonly state: "complete" | "filling";
  readonly epoch: Uint8Array;
  readonly forkSequence: number;
  /** Segments that begin with the sequence after this one need no image. */
  readonly origin: number;
  readonly images: readonly ManifestImage[];
  readonly segments: readonly ManifestSegment[];
}

export type ManifestResult =
  | { readonly kind: "sound"; readonly manifest: Manifest }
  | { readonly kind: "torn"; readonly reason: string }
  | { readonly kind: "rotten"; readonly reason: string }
  | { readonly kind: "unknown"; readonly version: number; readonly reader: string };

const FIRST_LINE = /^emberlog-manifest (\d{1,9}) reader (\d+\.\d+\.\d+)$/;
const WRITTEN_LINE = /^written (\d{1,16})$/;
const STATE_LINE = /^state (complete|filling)$/;
const EPOCH_LINE = /^epoch ([0-9a-f]{32}) fork (\d{1,16})$/;
const SEGMENT_LINE =
  /^segment (\S+) epoch ([0-9a-f]{32}) first (\d{1,16}) (?:open|sealed last (\d{1,16}) bytes (\d{1,16}) chain ([0-9a-f]{8})(?: at (\d{1,16}))?)$/;
const ORIGIN_LINE = /^origin (\d{1,16})$/;
const IMAGE_LINE =
  /^image (\S+) epoch ([0-9a-f]{32}) last (\d{1,16}) bytes (\d{1,16}) chain ([0-9a-f]{8}) (?:full|delta (\d{1,4}) on ([0-9a-f]{8}))$/;
const END_LINE = /end ([0-9a-f]{8})\n$/;
const END_BYTES = "end 00000000\n".length;

function segmentLine(segment: ManifestSegment): string {
  const { name, epoch, firstSequence, sealed } = segment;
  const state =
    sealed === null
      ? "open"
      : `sealed last ${sealed.lastSequence} bytes ${sealed.lengthBytes} chain ${hex32(sealed.chain)} at ${sealed.sealedMs}`;
  return `segment ${name} epoch ${hex(epoch)} first ${firstSequence} ${state}`;
}

function imageLine(image: ManifestImage): string {
  const { name, epoch, sequence, lengthBytes, chain, place, parentChain } = image;
  const kind = place === 0 ? "full" : `delta ${place} on ${hex32(parentChain)}`;
  return `image ${name} epoch ${hex(epoch)} last ${sequence} bytes ${lengthBytes} chain ${hex32(chain)} ${kind}`;
}

/** Each segment begins where the one before it ends, or no start would take the manifest. */
export function encodeManifest(manifest: Manifest, crc32c: Crc32c): Uint8Array {
  manifest.segments.forEach((segment, i) => {
    check(i === 0 || follows(segment, manifest.segments[i - 1]!), "the segments of a manifest follow each other");
  });
  const lines = [
    `emberlog-manifest ${MANIFEST_VERSION} reader ${MANIFEST_READER}`,
    `written ${manifest.writtenMs}`,
    `state ${manifest.state}`,
    `epoch ${hex(manifest.epoch)} fork ${manifest.forkSequence}`,
    `origin ${manifest.origin}`,
    ...manifest.images.map(imageLine),
    ...manifest.segments.map(segmentLine),
  ];
  const body = latin1Bytes(`${lines.join("\n")}\n`);
  const end = latin1Bytes(`end ${hex32(crc32c(body, 0, body.length, 0))}\n`);
  const bytes = new Uint8Array(body.length + end.length);
  bytes.set(body);
  bytes.set(end, body.length);
  return bytes;
}

/** Decodes and verifies a manifest. What has no end is torn; what has one that doesn't fit is rotten. */
export function decodeManifest(bytes: Uint8Array, crc32c: Crc32c): ManifestResult {
  const bodyBytes = bytes.length - END_BYTES;
  const end = END_LINE.exec(latin1(bytes, Math.max(0, bodyBytes)));
  if (end === null || bodyBytes <= 0) return { kind: "torn", reason: "it has no last line" };
  if (hex32(crc32c(bytes, 0, bodyBytes, 0)) !== end[1]) return { kind: "rotten", reason: "its checksum is wrong" };
  const lines = latin1(bytes, 0, bodyBytes).split("\n");
  lines.pop();
  const first = FIRST_LINE.exec(lines[0] ?? "");
  if (first === null) return { kind: "rotten", reason: "its first line is not a manifest's" };
  const version = Number(first[1]);
  if (version !== 1 && version !== MANIFEST_VERSION) return { kind: "unknown", version, reader: first[2]! };
  return decodeLines(lines, version);
}

function decodeLines(lines: readonly string[], version: number): ManifestResult {
  const written = WRITTEN_LINE.exec(lines[1] ?? "");
  const state = STATE_LINE.exec(lines[2] ?? "");
  const epoch = EPOCH_LINE.exec(lines[3] ?? "");
  if (written === null || state === null || epoch === null) return { kind: "rotten", reason: "a line is missing" };
  const originLine = ORIGIN_LINE.exec(lines[4] ?? "");
  if (version > 1 && originLine === null) return { kind: "rotten", reason: "a line is missing" };
  const images: ManifestImage[] = [];
  const segments: ManifestSegment[] = [];
  for (const line of lines.slice(version > 1 ? 5 : 4)) {
    if (version > 1 && segments.length === 0 && line.startsWith("image ")) {
      const image = decodeImage(line, images);
      if (image === undefined) return { kind: "rotten", reason: `a line is not an image's: ${JSON.stringify(line)}` };
      images.push(image);
      continue;
    }
    const segment = decodeSegment(line);
    if (segment === undefined) return { kind: "rotten", reason: `a line is not a segment's: ${JSON.stringify(line)}` };
    const previous = segments[segments.length - 1];
    if (previous !== undefined && !follows(segment, previous)) {
      return { kind: "rotten", reason: `${segment.name} does not follow ${previous.name}` };
    }
    segments.push(segment);
  }
  const manifest: Manifest = {
    writtenMs: Number(written[1]),
    state: state[1] === "filling" ? "filling" : "complete",
    epoch: fromHex(epoch[1]!)!,
    forkSequence: Number(epoch[2]),
    origin: originLine === null ? (segments[0]?.firstSequence ?? 1) - 1 : Number(originLine[1]),
    images,
    segments,
  };
  return { kind: "sound", manifest };
}

function follows(segment: ManifestSegment, previous: ManifestSegment): boolean {
  return previous.sealed?.lastSequence === segment.firstSequence - 1;
}

/** undefined also where a delta stands on nothing that was listed before it. */
function decodeImage(line: string, before: readonly ManifestImage[]): ManifestImage | undefined {
  const match = IMAGE_LINE.exec(line);
  if (match === null) return undefined;
  const place = match[6] === undefined ? 0 : Number(match[6]);
  const parentChain = match[7] === undefined ? 0 : Number.parseInt(match[7], 16) | 0;
  const parent = before.find((image) => image.chain === parentChain && image.place === place - 1);
  if (place > 0 && parent === undefined) return undefined;
  return {
    name: match[1]!,
    epoch: fromHex(match[2]!)!,
    sequence: Number(match[3]),
    lengthBytes: Number(match[4]),
    chain: Number.parseInt(match[5]!, 16) | 0,
    place,
    parentChain,
  };
}

function decodeSegment(line: string): ManifestSegment | undefined {
  const match = SEGMENT_LINE.exec(line);
  if (match === null) return undefined;
  const sealed =
    match[4] === undefined
      ? null
      : {
          lastSequence: Number(match[4]),
          lengthBytes: Number(match[5]),
          chain: Number.parseInt(match[6]!, 16),
          sealedMs: Number(match[7] ?? 0),
        };
  return { name: match[1]!, epoch: fromHex(match[2]!)!, firstSequence: Number(match[3]), sealed };
}
