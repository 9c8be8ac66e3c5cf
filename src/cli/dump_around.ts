/**
 * `emberlog dump DIR --around OFFSET [--segment NAME] [--json]`: the neighbourhood of an offset in one segment, for a person who looks at damage.
 *
 * Unlike the rest of dump it does not stop where the log stops making sense: every valid frame header in the file is looked for, at any
 * offset, so that what lies behind the damage shows too. Then come the bytes. It changes nothing.
 */
import { EmberlogError } from "../base/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { joinPath, parseSegmentName } from "../disk/file_names.ts";
import {
  decodeFrameHeader,
  decodeSegmentHeader,
  emptyFrameHeader,
  FRAME_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  saltSeed,
} from "../log/format.ts";
import { readSegment } from "../log/segment_reader.ts";
import { crc32c } from "../platform/checksum.ts";

/** Frames shown on each side, and bytes. */
const FRAMES = 4;
const BYTES_BEFORE = 64;
const BYTES_AFTER = 192;
const ROW_BYTES = 16;
const MAGIC_FIRST_BYTE = 0x45;

/** A frame with a valid header, wherever it begins. */
interface FoundFrame {
  readonly number: number;
  readonly offset: number;
  /** Bytes between the end of the frame before it and this one; 0 where they follow each other. */
  readonly gapBytes: number;
  readonly firstSequence: number;
  readonly commands: number;
  readonly payloadBytes: number;
  readonly payload: "sound" | "damaged" | "cut off";
  readonly durableSequence: number;
}

interface Neighbourhood {
  readonly segment: string;
  readonly bytes: number;
  readonly offset: number;
  /** What is wrong with the segment's own header; without it no frame can be verified. */
  readonly header: string | null;
  /** Where a reader stops, and why; null: it finds no damage. */
  readonly damage: { readonly offset: number; readonly sequence: number; readonly reason: string } | null;
  readonly frames: readonly FoundFrame[];
}

/** Prints the neighbourhood, as text or as one JSON object. True when a reader finds no damage in this segment. */
export function dumpAround(
  disk: Disk,
  directory: string,
  offset: number,
  segment: string | undefined,
  json: boolean,
  out: (text: string) => void,
): boolean {
  const names = disk.list(directory).filter((name) => parseSegmentName(name) !== undefined);
  const name = segment ?? names[names.length - 1];
  if (name === undefined || !names.includes(name)) {
    throw new EmberlogError("DATA_MISSING", `${directory} has no segment ${segment ?? ""}`, { file: directory });
  }
  const path = joinPath(directory, name);
  const bytes = wholeFile(disk, path);
  const found = lookAround(disk, path, name, bytes, offset);
  if (json) {
    const from = Math.max(0, offset - BYTES_BEFORE);
    const hex = Buffer.from(bytes.subarray(from, offset + BYTES_AFTER)).toString("hex");
    out(`${JSON.stringify({ ...found, dump: { offset: from, hex } })}\n`);
  } else out(asText(found) + hexRows(bytes, offset));
  return found.header === null && found.damage === null;
}

function lookAround(disk: Disk, path: string, segment: string, bytes: Uint8Array, offset: number): Neighbourhood {
  const header = decodeSegmentHeader(bytes, bytes.length, crc32c);
  const common = { segment, bytes: bytes.length, offset };
  if (header.kind !== "header") {
    const wrong = header.kind === "damaged" ? header.reason : `version ${header.version}`;
    return { ...common, header: wrong, damage: null, frames: [] };
  }
  const read = readSegment(disk, path, crc32c, { unit: () => undefined });
  const damage = read.kind === "scan" ? read.scan.damage : null;
  return {
    ...common,
    header: null,
    damage: damage === null ? null : { offset: damage.offset, sequence: damage.sequence, reason: damage.reason },
    frames: framesAround(bytes, saltSeed(header.header.salt, crc32c), offset),
  };
}

function asText({ segment, bytes, offset, header, damage, frames }: Neighbourhood): string {
  let text = `segment ${segment}, ${bytes} bytes\n`;
  if (offset >= bytes) text += `${offset} lies behind its end\n`;
  if (header !== null) return `${text}its header: ${header}; without it no frame can be verified\n`;
  text +=
    damage === null
      ? "a reader finds no damage\n"
      : `a reader stops at ${damage.offset}, command ${damage.sequence}: ${damage.reason}\n`;
  for (const frame of frames) {
    const gap = frame.gapBytes === 0 ? "" : ` (${frame.gapBytes} bytes behind the last frame)`;
    text +=
      `frame ${frame.number} at ${frame.offset}${gap}: from ${frame.firstSequence}, ${frame.commands} commands, ` +
      `${frame.payloadBytes} bytes ${frame.payload}, knew ${frame.durableSequence} durable\n`;
  }
  return text;
}

function wholeFile(disk: Disk, path: string): Uint8Array {
  const fd = disk.open(path, "read");
  try {
    const bytes = new Uint8Array(disk.length(fd));
    return bytes.subarray(0, disk.read(fd, bytes, 0, bytes.length, 0));
  } finally {
    disk.close(fd);
  }
}

/** The frames with a valid header before and behind the offset, wherever they begin. */
function framesAround(bytes: Uint8Array, seed: number, offset: number): FoundFrame[] {
  const frame = emptyFrameHeader();
  const before: FoundFrame[] = [];
  const after: FoundFrame[] = [];
  let expected = SEGMENT_HEADER_BYTES;
  for (
    let at = bytes.indexOf(MAGIC_FIRST_BYTE, SEGMENT_HEADER_BYTES);
    at >= 0;
    at = bytes.indexOf(MAGIC_FIRST_BYTE, at + 1)
  ) {
    if (after.length === FRAMES || at + FRAME_HEADER_BYTES > bytes.length) break;
    if (!decodeFrameHeader(bytes, at, seed, crc32c, frame)) continue;
    const { number, firstSequence, commands, payloadBytes, payloadCrc, durableSequence } = frame;
    const end = at + FRAME_HEADER_BYTES + payloadBytes;
    const sum = end <= bytes.length ? crc32c(bytes, at + FRAME_HEADER_BYTES, payloadBytes, seed) : ~payloadCrc;
    const payload = end > bytes.length ? "cut off" : (sum ^ payloadCrc) !== 0 ? "damaged" : "sound";
    const gapBytes = at - expected;
    const side = end <= offset ? before : after;
    side.push({ number, offset: at, gapBytes, firstSequence, commands, payloadBytes, payload, durableSequence });
    expected = payload === "sound" ? end : at + FRAME_HEADER_BYTES;
    if (payload === "sound") at = end - 1;
  }
  return [...before.slice(-FRAMES), ...after];
}

function hexRows(bytes: Uint8Array, offset: number): string {
  const first = Math.max(0, Math.floor((offset - BYTES_BEFORE) / ROW_BYTES) * ROW_BYTES);
  const end = Math.min(bytes.length, offset + BYTES_AFTER);
  let text = "";
  for (let row = first; row < end; row += ROW_BYTES) {
    let hex = "";
    let letters = "";
    for (let at = row; at < Math.min(row + ROW_BYTES, bytes.length); at++) {
      const byte = bytes[at]!;
      hex += `${at === offset ? ">" : " "}${byte.toString(16).padStart(2, "0")}`;
      letters += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".";
    }
    text += `${String(row).padStart(10)} ${hex.padEnd(ROW_BYTES * 3)}  ${letters}\n`;
  }
  return text;
}
