/**
 * `emberlog dump DIR --around OFFSET [--segment NAME]`: the neighbourhood of an offset in one segment, for a person who looks at damage.
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

export function dumpAround(
  disk: Disk,
  directory: string,
  offset: number,
  segment: string | undefined,
  out: (text: string) => void,
): void {
  const names = disk.list(directory).filter((name) => parseSegmentName(name) !== undefined);
  const name = segment ?? names[names.length - 1];
  if (name === undefined || !names.includes(name)) {
    throw new EmberlogError("DATA_MISSING", `${directory} has no segment ${segment ?? ""}`, { file: directory });
  }
  const path = joinPath(directory, name);
  const bytes = wholeFile(disk, path);
  out(`segment ${name}, ${bytes.length} bytes\n`);
  const header = decodeSegmentHeader(bytes, bytes.length, crc32c);
  if (header.kind !== "header") {
    out(
      `its header: ${header.kind === "damaged" ? header.reason : `version ${header.version}`}; without it no frame can be verified\n`,
    );
  } else {
    const read = readSegment(disk, path, crc32c, { unit: () => undefined });
    const damage = read.kind === "scan" ? read.scan.damage : null;
    out(
      damage === null
        ? "a reader finds no damage\n"
        : `a reader stops at ${damage.offset}, command ${damage.sequence}: ${damage.reason}\n`,
    );
    out(frames(bytes, saltSeed(header.header.salt, crc32c), offset));
  }
  out(hexRows(bytes, offset));
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
function frames(bytes: Uint8Array, seed: number, offset: number): string {
  const frame = emptyFrameHeader();
  const before: string[] = [];
  const after: string[] = [];
  let expected = SEGMENT_HEADER_BYTES;
  for (
    let at = bytes.indexOf(MAGIC_FIRST_BYTE, SEGMENT_HEADER_BYTES);
    at >= 0;
    at = bytes.indexOf(MAGIC_FIRST_BYTE, at + 1)
  ) {
    if (after.length === FRAMES || at + FRAME_HEADER_BYTES > bytes.length) break;
    if (!decodeFrameHeader(bytes, at, seed, crc32c, frame)) continue;
    const end = at + FRAME_HEADER_BYTES + frame.payloadBytes;
    const sum =
      end <= bytes.length ? crc32c(bytes, at + FRAME_HEADER_BYTES, frame.payloadBytes, seed) : ~frame.payloadCrc;
    const payload = end > bytes.length ? "cut off" : (sum ^ frame.payloadCrc) !== 0 ? "damaged" : "sound";
    const gap = at === expected ? "" : ` (${at - expected} bytes behind the last frame)`;
    const text = `frame ${frame.number} at ${at}${gap}: from ${frame.firstSequence}, ${frame.commands} commands, ${frame.payloadBytes} bytes ${payload}, knew ${frame.durableSequence} durable\n`;
    if (end <= offset) before.push(text);
    else after.push(text);
    expected = payload === "sound" ? end : at + FRAME_HEADER_BYTES;
    if (payload === "sound") at = end - 1;
  }
  return before.slice(-FRAMES).join("") + after.join("");
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
