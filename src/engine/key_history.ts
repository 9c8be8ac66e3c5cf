/**
 * The versions of one key that a data directory remembers: what the log holds is executed again from the oldest beginning on, and the key is looked at
 * after each command that names it. The directory is read, never written, and may be in use.
 *
 * A version is what somebody could have read: inside a transaction only the last one is one. Of a large collection each command that names it counts as a
 * change; smaller values are compared.
 */
import { equalBytes, latin1 } from "../base/bytes.ts";
import { check } from "../base/check.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { valueDigest } from "../dataset/digest.ts";
import { readExpiry } from "../dataset/entries.ts";
import { stringBytes, stringLength } from "../dataset/strings.ts";
import { TYPE_NAMES, TYPE_STRING } from "../dataset/types.ts";
import { operationsOf } from "../dataset/value_operations.ts";
import type { Disk } from "../disk/disk.ts";
import { joinPath } from "../disk/file_names.ts";
import type { Crc32c, FrameHeader } from "../log/format.ts";
import { readSegment, type SegmentVisitor } from "../log/segment_reader.ts";
import type { Manifest } from "../manifest/format.ts";
import { chainOf } from "../manifest/image_chain.ts";
import { REQUEST, RequestParser } from "../protocol/request_parser.ts";
import { PayloadWriter } from "../rdb/payload.ts";
import { readImageIndex } from "../snapshot/image_reading.ts";
import { entryType, hasExpiry } from "../structure/entry.ts";
import type { Engine } from "./engine.ts";
import { chooseImages } from "./image_chain.ts";
import { EngineMemory } from "./image_memory.ts";
import { Replay } from "./replay.ts";

/** Elements, or KiB of a string, up to which values are compared to find out whether they changed. */
const COMPARED_MAX = 1000;
const PREVIEW_BYTES = 64;

export interface KeyState {
  readonly type: string;
  /** Bytes of a string, elements of everything else. */
  readonly size: number;
  /** ms since 1970; null: never. */
  readonly expiryMs: number | null;
  /** The beginning of a string, a character a byte. */
  readonly preview: string | null;
}

export interface KeyVersion {
  /** The command that made it; of an image, the last one in it. */
  readonly sequence: number;
  readonly ms: number;
  /** Its name; "image" where the history begins with one. */
  readonly by: string;
  /** null: there is no such key. */
  readonly state: KeyState | null;
}

export interface KeyHistory {
  /** The newest ones, in order. */
  readonly versions: readonly KeyVersion[];
  /** Older ones that had no room. */
  readonly omitted: number;
  /** What was looked at: the commands behind `first`, up to `last`. */
  readonly first: number;
  readonly last: number;
  /** Of the newest version: what RESTORE takes; null: there is no such key. */
  readonly payload: Uint8Array | null;
}

export interface KeyHistoryOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly manifest: Manifest;
  readonly crc32c: Crc32c;
  readonly keys: Keys;
  /** Empty. */
  readonly engine: Engine;
  readonly database: number;
  readonly key: Uint8Array;
  /** Versions kept. */
  readonly versionsMax: number;
  /** Nothing later is looked at. */
  readonly until: { readonly sequence: number; readonly ms: number };
}

/** Throws DATA_MISSING, DATA_ROTTEN, KEY_MISSING. */
export function readKeyHistory(options: KeyHistoryOptions): KeyHistory {
  const { disk, directory, manifest, crc32c, keys, until } = options;
  const beginning = loadBeginning(options);
  const watch = new KeyWatch(options);
  watch.begin(beginning.sequence, beginning.ms);
  let last = beginning.sequence;
  for (const { name, sealed, firstSequence } of manifest.segments) {
    if (sealed !== null && sealed.lastSequence <= beginning.sequence) continue;
    if (firstSequence > until.sequence) break;
    const read = readSegment(disk, joinPath(directory, name), crc32c, watch, sealed?.lengthBytes, keys);
    if (read.kind !== "scan" || (sealed !== null && read.scan.damage !== null))
      throw rotten(directory, `${name} is no whole segment of a log`);
    if (read.scan.locked) {
      throw new EmberlogError(
        "KEY_MISSING",
        `${name} is encrypted with the key ${read.scan.keyId ?? ""}: give that key`,
        {
          file: joinPath(directory, name),
        },
      );
    }
    last = Math.max(last, watch.reached, read.scan.lastSequence);
    if (watch.ended) break;
  }
  return { ...watch.result(), first: beginning.sequence, last: watch.ended ? watch.reached : last };
}

function rotten(directory: string, why: string): EmberlogError {
  return new EmberlogError("DATA_ROTTEN", `${why}. To go on: emberlog check ${directory}`, { file: directory });
}

/** The oldest state that the log goes on from: an image, or nothing. */
function loadBeginning({ disk, directory, manifest, crc32c, keys, engine }: KeyHistoryOptions): {
  sequence: number;
  ms: number;
} {
  const { images, segments, origin } = manifest;
  const first = segments[0]?.firstSequence ?? origin + 1;
  if (first === origin + 1) return { sequence: origin, ms: 0 };
  const oldest = images.find(({ sequence }) => sequence + 1 >= first);
  if (oldest === undefined) throw rotten(directory, "no image goes with the log");
  const chain = chainOf(images, oldest);
  const memory = new EngineMemory(engine, { disk, crc32c, threads: false, meanwhile: undefined });
  const chosen = chooseImages(disk, directory, crc32c, { ...manifest, images: chain }, memory, keys, true);
  if (chosen.locked !== undefined) {
    const { name, id } = chosen.locked;
    throw new EmberlogError("KEY_MISSING", `${name} is encrypted with the key ${id}: give that key`, { file: name });
  }
  if (chosen.state !== "sound") throw rotten(directory, chosen.bad[0]?.reason ?? "its oldest image can't be used");
  const read = readImageIndex(disk, joinPath(directory, oldest.name), crc32c);
  return { sequence: oldest.sequence, ms: read.kind === "index" ? read.index.header.frozenMs : 0 };
}

/** Executes units and notes what becomes of one key. */
class KeyWatch implements SegmentVisitor {
  /** The last command executed. */
  reached = 0;
  /** What is wanted has been seen. */
  ended = false;
  private readonly options: KeyHistoryOptions;
  private readonly engine: Engine;
  private readonly replay: Replay;
  private readonly parser = new RequestParser(64);
  private readonly hash: number;
  private versions: KeyVersion[] = [];
  private omitted = 0;
  private signature = "";
  private looks = 0;
  private commitMs = 0;

  constructor(options: KeyHistoryOptions) {
    const { engine, key } = options;
    this.options = options;
    this.engine = engine;
    this.replay = new Replay(engine);
    this.hash = engine.dataset.database(0).hash(key, 0, key.length);
  }

  /** Before the first unit: the state is that after `sequence`. */
  begin(sequence: number, ms: number): void {
    this.reached = sequence;
    this.commitMs = ms;
    this.signature = this.signatureNow();
    if (this.signature !== "") this.add(sequence, "image");
  }

  frame(header: FrameHeader): void {
    this.commitMs = header.commitMs;
  }

  unit(
    payload: Uint8Array,
    start: number,
    end: number,
    _commands: number,
    database: number,
    firstSequence: number,
  ): boolean | undefined {
    const { parser, options } = this;
    const { until } = options;
    let from = start;
    let fromSequence = firstSequence;
    let sequence = firstSequence;
    let selected = database;
    let inTransaction = false;
    let pending = "";
    const apply = (to: number, next: number): void => {
      if (to > from) this.replay.unit(payload, from, to, next - fromSequence, selected, fromSequence);
      if (to > from) selected = -1;
      from = to;
      fromSequence = next;
    };
    for (let at = start; at < end; sequence++) {
      if (sequence <= this.reached) {
        // In the image already.
        parser.reset();
        check(parser.next(payload, at, end) === REQUEST, "a verified unit holds whole requests");
        at = parser.end;
        from = at;
        fromSequence = sequence + 1;
        continue;
      }
      if (!inTransaction && (sequence > until.sequence || this.commitMs > until.ms)) {
        apply(at, sequence);
        this.reached = sequence - 1;
        this.ended = true;
        return false;
      }
      parser.reset();
      check(parser.next(payload, at, end) === REQUEST, "a verified unit holds whole requests");
      const name = latin1(payload, parser.args[0]!, parser.args[0]! + parser.args[1]!).toUpperCase();
      if (name === "MULTI") inTransaction = true;
      if (name === "EXEC") inTransaction = false;
      if (WIDE.has(name) || this.isNamed(payload)) pending = name;
      at = parser.end;
      if (pending === "" || inTransaction) continue;
      apply(at, sequence + 1);
      this.look(sequence, pending);
      pending = "";
    }
    apply(end, sequence);
    this.reached = Math.max(this.reached, sequence - 1);
    return undefined;
  }

  /** Does the request that was parsed last name the key? */
  private isNamed(payload: Uint8Array): boolean {
    const { args, argc } = this.parser;
    const { key } = this.options;
    for (let i = 1; i < argc; i++) {
      const at = args[2 * i]!;
      const length = args[2 * i + 1]!;
      if (length === key.length && equalBytes(payload, at, key, 0, length)) return true;
    }
    return false;
  }

  private look(sequence: number, by: string): void {
    const signature = this.signatureNow();
    if (signature === this.signature) return;
    this.signature = signature;
    this.add(sequence, by);
  }

  private add(sequence: number, by: string): void {
    const { versionsMax } = this.options;
    this.versions.push({ sequence, ms: this.commitMs, by, state: this.stateNow() });
    if (this.versions.length < 2 * versionsMax) return;
    this.omitted += this.versions.length - versionsMax;
    this.versions = this.versions.slice(-versionsMax);
  }

  private entry(): number {
    const { key, database } = this.options;
    return this.engine.dataset.database(database).find(key, 0, key.length, this.hash);
  }

  private stateNow(): KeyState | null {
    const { arena } = this.engine.dataset;
    const entry = this.entry();
    if (entry === 0) return null;
    const type = entryType(arena, entry);
    const isString = type === TYPE_STRING;
    return {
      type: TYPE_NAMES[type] ?? "unknown",
      size: this.sizeOf(entry, type),
      expiryMs: hasExpiry(arena, entry) ? Number(readExpiry(arena, entry)) : null,
      preview: isString ? latin1(stringBytes(arena, entry).subarray(0, PREVIEW_BYTES)) : null,
    };
  }

  private sizeOf(entry: number, type: number): number {
    const { dataset } = this.engine;
    return type === TYPE_STRING ? stringLength(dataset.arena, entry) : operationsOf(type).count(dataset, entry);
  }

  /** Equal while nothing has changed; of what is too large to compare, never equal. */
  private signatureNow(): string {
    const { dataset } = this.engine;
    const entry = this.entry();
    if (entry === 0) return "";
    const type = entryType(dataset.arena, entry);
    const size = this.sizeOf(entry, type);
    const expiry = hasExpiry(dataset.arena, entry) ? readExpiry(dataset.arena, entry) : "never";
    const large = size > (type === TYPE_STRING ? COMPARED_MAX * 1024 : COMPARED_MAX);
    return `${expiry} ${size} ${large ? `look ${this.looks++}` : valueDigest(dataset, entry)}`;
  }

  result(): Pick<KeyHistory, "versions" | "omitted" | "payload"> {
    const { versionsMax } = this.options;
    const versions = this.versions.slice(-versionsMax);
    const entry = this.entry();
    let payload: Uint8Array | null = null;
    if (entry !== 0) {
      const writer = new PayloadWriter(this.engine.dataset);
      writer.write(entry, true);
      payload = writer.out.bytes.slice(0, writer.out.position);
    }
    return { versions, omitted: this.omitted + this.versions.length - versions.length, payload };
  }
}

/** Commands that change keys without naming them. */
const WIDE = new Set(["FLUSHALL", "FLUSHDB", "SWAPDB"]);
