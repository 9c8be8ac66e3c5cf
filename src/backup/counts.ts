/**
 * What the log did, minute by minute, without a look into it: for the timeline of somebody who looks for the moment before an accident.
 *
 * A segment, or a part of one, is counted when it is stored; the counts lie beside it, unencrypted: they tell how much was written when, and of commands
 * that empty much their names and numbers of keys, never a key or a value. Most parts need none, because their names tell
 * it all: then all commands lie in the minute of the last one and nothing stands out (`worthStoring`).
 * ```
 * {"format":1,"minutes":[[28333333,1200,3],…],"dangerous":[[4711,1700000000000,"FLUSHALL",0],…],"omitted":0,"opened":true,"check":"89abcdef"}
 * ```
 * `minutes`: minutes since 1970, commands, keys that DEL or UNLINK named; `dangerous`: sequence, commit time in ms, name, keys named; `omitted`:
 * dangerous ones that had no room; `opened` false: the log was encrypted and its key not at hand, so only the commands are counted. `check` is the CRC32C of
 * the text before its comma, 8 hex digits.
 */
import { latin1, latin1Bytes } from "../base/bytes.ts";
import { check } from "../base/check.ts";
import { EmberlogError } from "../base/errors.ts";
import { hex32 } from "../disk/file_names.ts";
import { type Crc32c, FLAG_CONTINUES, type FrameHeader } from "../log/format.ts";
import type { SegmentVisitor } from "../log/segment_reader.ts";
import { REQUEST, RequestParser } from "../protocol/request_parser.ts";

export const COUNTS_FORMAT = 1;

export const MINUTE_MS = 60_000;

/** A DEL or UNLINK of so many keys stands out, and so many keys that many of them remove. */
const KEYS_DANGEROUS = 100;
const DELETED_DANGEROUS = 1000;
/** Dangerous commands that are told one by one. */
const DANGEROUS_MAX = 1000;

export interface MinuteCount {
  /** Since 1970. */
  readonly minute: number;
  readonly commands: number;
  /** Keys that DEL or UNLINK named, expired and evicted ones among them. */
  readonly deleted: number;
}

export interface DangerousCommand {
  readonly sequence: number;
  readonly ms: number;
  readonly name: string;
  /** That it names; 0 where it needs none. */
  readonly keys: number;
}

export interface SegmentCounts {
  readonly minutes: readonly MinuteCount[];
  readonly dangerous: readonly DangerousCommand[];
  readonly omitted: number;
  /** The commands were looked at, not only numbered. */
  readonly opened: boolean;
}

/** What the name of a segment, or of a part of one, tells: all that there is to tell where no counts were stored beside it. */
export function countsByName(object: {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly lastMs: number;
}): SegmentCounts {
  const { firstSequence, lastSequence, lastMs } = object;
  const minute = { minute: Math.floor(lastMs / MINUTE_MS), commands: lastSequence - firstSequence + 1, deleted: 0 };
  return { minutes: [minute], dangerous: [], omitted: 0, opened: true };
}

/** Counts while a segment is read. */
export class SegmentCounter implements SegmentVisitor {
  private readonly parser = new RequestParser(64);
  private readonly minutes = new Map<number, { commands: number; deleted: number }>();
  private readonly dangerous: DangerousCommand[] = [];
  private omitted = 0;
  private opened = false;
  private commitMs = 0;
  private current = { commands: 0, deleted: 0 };

  frame(header: FrameHeader): void {
    if ((header.flags & FLAG_CONTINUES) !== 0 || header.commands === 0) return;
    this.commitMs = header.commitMs;
    const minute = Math.floor(header.commitMs / MINUTE_MS);
    const known = this.minutes.get(minute);
    this.current = known ?? { commands: 0, deleted: 0 };
    if (known === undefined) this.minutes.set(minute, this.current);
    this.current.commands += header.commands;
  }

  unit(
    payload: Uint8Array,
    start: number,
    end: number,
    _commands: number,
    _database: number,
    first: number,
  ): undefined {
    const { parser } = this;
    this.opened = true;
    let sequence = first;
    for (let at = start; at < end; sequence++) {
      parser.reset();
      check(parser.next(payload, at, end) === REQUEST, "a verified unit holds whole requests");
      const length = parser.args[1]!;
      if (mayStandOut(length, payload[parser.args[0]!]! & 0xdf)) this.judge(payload, parser.args[0]!, length, sequence);
      at = parser.end;
    }
    return undefined;
  }

  private judge(payload: Uint8Array, start: number, length: number, sequence: number): void {
    const name = latin1(payload, start, start + length).toUpperCase();
    const removes = name === "DEL" || name === "UNLINK";
    const keys = removes ? this.parser.argc - 1 : 0;
    this.current.deleted += keys;
    if (removes ? keys < KEYS_DANGEROUS : name !== "FLUSHALL" && name !== "FLUSHDB" && name !== "SWAPDB") return;
    if (this.dangerous.length === DANGEROUS_MAX) this.omitted++;
    else this.dangerous.push({ sequence, ms: this.commitMs, name, keys });
  }

  counts(): SegmentCounts {
    const minutes = [...this.minutes].map(([minute, count]) => ({ minute, ...count }));
    return { minutes, dangerous: this.dangerous, omitted: this.omitted, opened: this.opened };
  }
}

/** DEL, UNLINK, SWAPDB, FLUSHDB, FLUSHALL: all but a few commands are told from them by length and first letter of their name. */
function mayStandOut(length: number, letter: number): boolean {
  if (length === 3) return letter === 0x44;
  if (length === 6) return letter === 0x55 || letter === 0x53;
  return (length === 7 || length === 8) && letter === 0x46;
}

/** Do the counts tell more than the name of what they are of? */
export function worthStoring({ minutes, dangerous }: SegmentCounts): boolean {
  return minutes.length > 1 || dangerous.length > 0 || minutes.some(({ deleted }) => deleted >= DELETED_DANGEROUS);
}

export function encodeCounts({ minutes, dangerous, omitted, opened }: SegmentCounts, crc32c: Crc32c): Uint8Array {
  const text = JSON.stringify({
    format: COUNTS_FORMAT,
    minutes: minutes.map(({ minute, commands, deleted }) => [minute, commands, deleted]),
    dangerous: dangerous.map(({ sequence, ms, name, keys }) => [sequence, ms, name, keys]),
    omitted,
    opened,
  }).slice(0, -1);
  return latin1Bytes(`${text},"check":"${checkOf(text, crc32c)}"}\n`);
}

function checkOf(text: string, crc32c: Crc32c): string {
  const bytes = latin1Bytes(text);
  return hex32(crc32c(bytes, 0, bytes.length, 0));
}

const FORM = /^(\{"format":(\d+),.*),"check":"([0-9a-f]{8})"\}\n$/;

/** Throws BACKUP_UNREADABLE. */
export function decodeCounts(name: string, bytes: Uint8Array, crc32c: Crc32c): SegmentCounts {
  const bad = (why: string): EmberlogError =>
    new EmberlogError("BACKUP_UNREADABLE", `${name} holds no counts: ${why}`, { file: name });
  const match = FORM.exec(latin1(bytes, 0));
  if (match === null) throw bad("it has another form");
  const [, text, format, sum] = match;
  if (Number(format) !== COUNTS_FORMAT) throw bad(`format ${format} is unknown to this version`);
  if (checkOf(text!, crc32c) !== sum) throw bad("its checksum is wrong");
  // What the checksum covers was written by encodeCounts.
  const value = JSON.parse(`${text}}`) as {
    minutes: [number, number, number][];
    dangerous: [number, number, string, number][];
    omitted: number;
    opened: boolean;
  };
  return {
    minutes: value.minutes.map(([minute, commands, deleted]) => ({ minute, commands, deleted })),
    dangerous: value.dangerous.map(([sequence, ms, name, keys]) => ({ sequence, ms, name, keys })),
    omitted: value.omitted,
    opened: value.opened,
  };
}
