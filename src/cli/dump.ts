/**
 * `emberlog dump DIR [--json | --resp] [--from SEQUENCE] [--limit COMMANDS]`: the frames and commands of the log. A file instead of a directory is one
 * segment by itself, out of a backup for example.
 *
 * Text has a line a segment, a frame and a command, arguments quoted as redis-cli quotes them. `--json` has one object a line;
 * an argument that is no UTF-8 is `{"base64": …}`. `--resp` is the commands alone as the bytes they are: a Redis AOF without a
 * preamble, for `redis-cli --pipe`. It is also the way to keep what lies before damage.
 *
 * The commands of an encrypted directory need its keys (key_options.ts); frames are shown without them too.
 *
 * With `--around` it shows one place of one segment instead (dump_around.ts).
 *
 * Whole units only, in order, up to the first damage; it changes nothing and takes no lock. Exit codes as of `check`: 0 all was
 * read; 1 the tail is torn; 2 it ended at damage. The reason goes to standard error with `--resp`.
 */
import { TextDecoder } from "node:util";
import { latin1 } from "../base/bytes.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import type { Disk } from "../disk/disk.ts";
import { joinPath, parseSegmentName } from "../disk/file_names.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { DATABASE_NONE, FLAG_CONTINUES, FLAG_MARK, type FrameHeader } from "../log/format.ts";
import { readSegment, type SegmentVisitor } from "../log/segment_reader.ts";
import { readManifest } from "../manifest/store.ts";
import { crc32c } from "../platform/checksum.ts";
import { REQUEST, RequestParser } from "../protocol/request_parser.ts";
import { encodeRequest } from "../protocol/request_writer.ts";
import { CHECK_DAMAGED, CHECK_SOUND, CHECK_TORN, report } from "./check.ts";
import { dumpAround } from "./dump_around.ts";
import { KEY_USAGE, takeKeys } from "./key_options.ts";

export const DUMP_USAGE =
  `usage: emberlog dump DIR|FILE [--json | --resp] [--from SEQUENCE] [--limit COMMANDS] ${KEY_USAGE}\n` +
  "       emberlog dump DIR --around OFFSET [--segment NAME] [--json]\n";

export type DumpOut = (chunk: string | Uint8Array) => void;

type Format = "text" | "json" | "resp";

interface DumpOptions {
  readonly directory: string;
  readonly keys: Keys;
  readonly format: Format;
  readonly from: number;
  readonly limit: number;
  /** An offset of one segment; undefined: the whole log. */
  readonly around: number | undefined;
  readonly segment: string | undefined;
}

/** Runs the command with the words behind `dump`; `complain` gets what must not be mixed with the commands. */
export async function run(
  args: readonly string[],
  out: DumpOut,
  complain: (text: string) => void = (text) => void process.stderr.write(text),
): Promise<number> {
  try {
    const given = takeKeys(args);
    const options = given === undefined ? undefined : parseOptions(given.rest, given.keys);
    if (options === undefined) {
      complain(DUMP_USAGE);
      return CHECK_DAMAGED;
    }
    if (options.around !== undefined) {
      const { around, segment, format } = options;
      const whole = dumpAround(new NodeDisk(), options.directory, around, segment, format === "json", out);
      return whole ? CHECK_SOUND : CHECK_TORN;
    }
    const disk = new NodeDisk();
    if (disk.status(options.directory)?.kind === "file") return dumpFile(disk, options, out, complain);
    return dump(disk, options, out, complain);
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError)) throw thrown;
    complain(`${thrown.message}\n`);
    return CHECK_DAMAGED;
  }
}

function parseOptions(args: readonly string[], keys: Keys): DumpOptions | undefined {
  let directory: string | undefined;
  let format: Format = "text";
  let from = 0;
  let limit = Number.POSITIVE_INFINITY;
  let around: number | undefined;
  let segment: string | undefined;
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === "--json" || word === "--resp") {
      if (format !== "text") return undefined;
      format = word === "--json" ? "json" : "resp";
    } else if (word === "--segment") {
      segment = args[++i];
      if (segment === undefined) return undefined;
    } else if (word === "--from" || word === "--limit" || word === "--around") {
      const value = args[++i];
      if (value === undefined || !/^\d{1,15}$/.test(value)) return undefined;
      if (word === "--from") from = Number(value);
      else if (word === "--limit") limit = Number(value);
      else around = Number(value);
    } else if (directory === undefined && !word.startsWith("--")) directory = word;
    else return undefined;
  }
  if (directory === undefined || (around === undefined ? segment !== undefined : format === "resp")) return undefined;
  return { directory, keys, format, from, limit, around, segment };
}

function dump(disk: Disk, options: DumpOptions, out: DumpOut, complain: (text: string) => void): number {
  const { directory, keys } = options;
  let verdict = "";
  const code = report(directory, keys, true, (text) => {
    verdict = text;
  });
  const printer = new Printer(options, out);
  let locked = "";
  for (const { name, lengthBytes } of segmentsOf(disk, directory)) {
    const path = joinPath(directory, name);
    if (disk.status(path) === undefined) break;
    const read = readSegment(disk, path, crc32c, printer.visitorFor(name), lengthBytes, keys);
    if (read.kind === "scan" && read.scan.locked) locked ||= read.scan.keyId ?? "";
    if (read.kind !== "scan" || read.scan.damage !== null || printer.done) break;
    if (lengthBytes !== undefined && read.scan.endOffset !== lengthBytes) break;
  }
  printer.flush();
  if (code !== CHECK_SOUND && !printer.done) {
    const { why, findings, message } = JSON.parse(verdict) as {
      why?: string;
      message?: string;
      findings?: { state: string; file: string; offset: number | null; text: string }[];
    };
    const worst = findings?.find(({ state }) => state !== "note");
    const where = worst === undefined ? "" : `: ${worst.file} at ${worst.offset ?? 0}: ${worst.text}`;
    complain(`${code === CHECK_TORN ? "torn" : "damaged"}: ${why ?? message}${where}\n`);
  }
  if (locked !== "" && !printer.done) {
    complain(`the commands are encrypted with key ${locked}, which was not given\n`);
    return CHECK_DAMAGED;
  }
  return printer.done ? CHECK_SOUND : code;
}

/** One segment by itself, as `age -d` gives it out of a backup. */
function dumpFile(disk: Disk, options: DumpOptions, out: DumpOut, complain: (text: string) => void): number {
  const { directory: file, keys } = options;
  const printer = new Printer(options, out);
  const read = readSegment(disk, file, crc32c, printer.visitorFor(file), undefined, keys);
  printer.flush();
  if (read.kind !== "scan") {
    complain(
      read.kind === "unknown"
        ? `${file} has version ${read.version}; Emberlog ${read.reader} can read it\n`
        : `${file} is no segment of a log: ${read.reason}\n`,
    );
    return CHECK_DAMAGED;
  }
  const { damage, locked, keyId } = read.scan;
  if (locked) complain(`the commands are encrypted with key ${keyId ?? ""}, which was not given\n`);
  else if (damage !== null && !printer.done) complain(`it ends at ${damage.offset}: ${damage.reason}\n`);
  if (locked) return CHECK_DAMAGED;
  return damage === null || printer.done ? CHECK_SOUND : CHECK_TORN;
}

/** The segments in order: as the manifest lists them and one that follows, or by their names where there is none to trust. */
function segmentsOf(disk: Disk, directory: string): { name: string; lengthBytes?: number }[] {
  const names = disk.list(directory).filter((name) => parseSegmentName(name) !== undefined);
  const manifest = readManifest(disk, directory, crc32c);
  if (manifest.kind !== "sound") return names.map((name) => ({ name }));
  const listed = manifest.manifest.segments.map(({ name, sealed }) =>
    sealed === null ? { name } : { name, lengthBytes: sealed.lengthBytes },
  );
  const last = listed[listed.length - 1]?.name ?? "";
  const epoch = parseSegmentName(last)?.epochPrefix;
  const next = names.filter((name) => name > last && parseSegmentName(name)?.epochPrefix === epoch);
  return [...listed, ...next.map((name) => ({ name }))];
}

/** Turns frames and units into lines. */
class Printer {
  /** The limit is reached. */
  done = false;
  private readonly options: DumpOptions;
  private readonly out: DumpOut;
  private readonly parser = new RequestParser();
  private readonly utf8 = new TextDecoder("utf-8", { fatal: true });
  private printed = 0;
  private database = 0;
  /** With `--resp`: what a reader of the output has selected. */
  private saidDatabase = 0;
  private pending = "";

  constructor(options: DumpOptions, out: DumpOut) {
    this.options = options;
    this.out = out;
    this.parser.bulkBytesMax = Number.MAX_SAFE_INTEGER;
  }

  visitorFor(name: string): SegmentVisitor {
    let announced = false;
    return {
      frame: (header, offset) => {
        if (!announced) this.segment(name);
        announced = true;
        this.frame(header, offset);
      },
      unit: (payload, start, end, _commands, database, firstSequence) => {
        this.unit(payload, start, end, database, firstSequence);
        return !this.done;
      },
    };
  }

  flush(): void {
    if (this.pending !== "") this.out(this.pending);
    this.pending = "";
  }

  private print(line: string): void {
    this.pending += `${line}\n`;
    if (this.pending.length > 65536) this.flush();
  }

  private segment(name: string): void {
    if (this.options.format === "text") this.print(`segment ${name}`);
    if (this.options.format === "json") this.print(JSON.stringify({ type: "segment", name }));
  }

  private frame(header: FrameHeader, offset: number): void {
    const { number, flags, commands, firstSequence, durableSequence, commitMs, payloadBytes, database } = header;
    if (this.done || this.options.format === "resp" || firstSequence + Math.max(1, commands) <= this.options.from)
      return;
    const kind = (flags & FLAG_MARK) !== 0 ? "mark" : (flags & FLAG_CONTINUES) !== 0 ? "continued" : "commands";
    const committed = new Date(commitMs).toISOString();
    if (this.options.format === "json") {
      const selected = database === DATABASE_NONE ? null : database;
      const { rawClockMs } = header;
      this.print(
        JSON.stringify({
          type: "frame",
          offset,
          number,
          kind,
          firstSequence,
          commands,
          bytes: payloadBytes,
          durableSequence,
          commitMs,
          rawClockMs,
          database: selected,
        }),
      );
      return;
    }
    const range = commands === 0 ? `before ${firstSequence}` : `${firstSequence} … ${firstSequence + commands - 1}`;
    this.print(
      `frame ${number} at ${offset}: ${kind}, ${range}, ${payloadBytes} bytes, durable ${durableSequence}, ${committed}`,
    );
  }

  private unit(payload: Uint8Array, start: number, end: number, database: number, firstSequence: number): void {
    if (database !== DATABASE_NONE) this.database = database;
    let sequence = firstSequence;
    for (let at = start; at < end && !this.done; sequence++) {
      this.parser.reset();
      if (this.parser.next(payload, at, end) !== REQUEST) {
        throw new EmberlogError("DATA_ROTTEN", `sequence ${sequence} is no request, although its checksum is right`);
      }
      const begin = at;
      at = this.parser.end;
      const selects = this.followSelect(payload);
      if (sequence < this.options.from) continue;
      if (this.printed >= this.options.limit) this.done = true;
      else this.command(payload, begin, at, sequence, selects);
    }
  }

  /** Keeps track of what is selected; true for a SELECT. */
  private followSelect(payload: Uint8Array): boolean {
    const { args, argc } = this.parser;
    if (argc !== 2 || args[1] !== 6) return false;
    if (latin1(payload, args[0]!, args[0]! + 6).toUpperCase() !== "SELECT") return false;
    this.database = Number(latin1(payload, args[2]!, args[2]! + args[3]!));
    return true;
  }

  private command(payload: Uint8Array, begin: number, end: number, sequence: number, selects: boolean): void {
    this.printed++;
    const { format } = this.options;
    if (format === "resp") {
      // A new segment, or `--from`, begins in the middle: the database has to be said again.
      const said = this.saidDatabase;
      this.saidDatabase = this.database;
      if (!selects && said !== this.database) this.out(encodeRequest(["SELECT", String(this.database)]));
      this.out(payload.slice(begin, end));
      return;
    }
    const { args, argc } = this.parser;
    const words: Uint8Array[] = [];
    for (let i = 0; i < argc; i++) words.push(payload.subarray(args[2 * i]!, args[2 * i]! + args[2 * i + 1]!));
    if (format === "text") {
      this.print(`${sequence}) ${words.map(quoted).join(" ")}`);
      return;
    }
    const { database } = this;
    this.print(JSON.stringify({ type: "command", sequence, database, args: words.map((word) => this.jsonOf(word)) }));
  }

  private jsonOf(bytes: Uint8Array): string | { base64: string } {
    try {
      return this.utf8.decode(bytes);
    } catch {
      return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64") };
    }
  }
}

const ESCAPES: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

/** As redis-cli prints a string: in quotes, with escapes for everything that is not printable ASCII. */
function quoted(bytes: Uint8Array): string {
  let out = '"';
  for (const byte of bytes) {
    const escaped = ESCAPES[byte];
    if (escaped !== undefined) out += escaped;
    else if (byte < 32 || byte > 126) out += `\\x${byte.toString(16).padStart(2, "0")}`;
    else out += String.fromCharCode(byte);
  }
  return `${out}"`;
}
