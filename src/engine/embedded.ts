/**
 * The engine in a process, without a socket: `open({ dir })`.
 *
 * Calls are synchronous. Under every policy the effect of a call is in the log file when the call returns, or handed to the write thread
 * while a sync runs; `durable()` resolves when it is on stable storage. `atomically` makes several calls one unit of the log.
 *
 * A data directory belongs to one process at a time (D15): a second `open` of it throws DIRECTORY_LOCKED.
 */
import { check } from "../base/check.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { KeyRing, type MasterKey, parseKeys } from "../base/key_ring.ts";
import { DATABASES_DEFAULT, LOG_SEGMENT_BYTES_DEFAULT } from "../base/limits.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { datasetCommands } from "../command/commands.ts";
import { Session } from "../command/session.ts";
import { CommandTable } from "../command/table.ts";
import { readKeys } from "../disk/key_sources.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { copyArena } from "../memory/copy_arena.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { nativeMemoryCalls } from "../platform/memory_calls.ts";
import { type Reply, ReplyError, ReplyReader } from "../protocol/reply_reader.ts";
import { RequestParser } from "../protocol/request_parser.ts";
import { RequestWriter } from "../protocol/request_writer.ts";
import { Engine } from "./engine.ts";
import { type Exported, exportDataset } from "./export.ts";
import { importOwnFiles, importsAtStart } from "./import.ts";
import { REFUSE_ALL } from "./import_rdb.ts";
import type { RecoveryReport } from "./recovery.ts";
import { type FsyncPolicy, openStorage, type Storage, type StorageOptions } from "./storage.ts";

export interface OpenOptions {
  /** Data directory; created when missing. Without one nothing is written and everything ends with the process. */
  readonly dir?: string;
  /** As the directive. "everysec" when not given. */
  readonly appendfsync?: FsyncPolicy;
  /** Numbered databases, 1 … 16. */
  readonly databases?: number;
  /** Size at which a log segment is followed by the next, bytes. */
  readonly logSegmentBytes?: number;
  /** Encryption at rest: where the keys are. Without it an encrypted directory is refused with KEY_MISSING. */
  readonly encryption?: EncryptionOptions;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** One of the four; the newest key comes first and is the one that is written with. */
export interface EncryptionOptions {
  readonly keyFile?: string;
  /** The file may be readable by others than its owner. */
  readonly anyPermissions?: boolean;
  /** Name of an environment variable, which is removed once it has been read. */
  readonly keyEnv?: string;
  /** Run by the shell; prints the keys. */
  readonly keyCommand?: string;
  /** 32 bytes each, or text as in a key file. */
  readonly keys?: readonly (Uint8Array | string)[];
}

/** What can be given as an argument: strings are UTF-8. */
export type Argument = string | number | bigint | Uint8Array;

export interface SetOptions {
  /** Time to live. */
  readonly ex?: number;
  readonly px?: number;
  /** Only if the key does not exist (nx), or only if it does (xx). */
  readonly only?: "nx" | "xx";
  readonly keepTtl?: boolean;
}

/** Where `export` writes to: a file, or a directory for what redis-server calls appendonlydir. */
export type ExportOptions = ({ readonly rdb: string } | { readonly aof: string }) & {
  /** Write over what is there. */
  readonly replace?: boolean;
};

/** Expiry and freeing go on in slices of this many µs, every TICK_MS. */
const SLICE_US = 1000;
const TICK_MS = 100;
/** A request buffer larger than this is not kept. */
const REQUEST_BYTES_KEPT = 1024 * 1024;

const encoder = new TextEncoder();

/**
 * Opens a data directory (or, without `dir`, an empty dataset in memory) and recovers what it holds; one that holds nothing but data of Redis
 * (dump.rdb, appendonlydir) is imported. Throws EmberlogError IMPORT_REFUSED, IMPORT_UNFINISHED,
 * DIRECTORY_LOCKED, DATA_ROTTEN, DATA_MISSING, KEY_MISSING, KEY_INVALID, VERSION_UNKNOWN, DISK_FULL or DISK_FAILED when that is refused.
 */
export async function open(options: OpenOptions = {}): Promise<Embedded> {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom();
  const databases = options.databases ?? DATABASES_DEFAULT;
  if (!Number.isInteger(databases) || databases < 1 || databases > DATABASES_DEFAULT) {
    throw new EmberlogError("CONFIG_INVALID", `databases must be between 1 and ${DATABASES_DEFAULT}`);
  }
  const memoryCalls = nativeMemoryCalls();
  const engine = new Engine({
    clock,
    random,
    table: new CommandTable(datasetCommands),
    databases,
    ...(memoryCalls === undefined ? {} : { memoryCalls }),
  });
  if (options.dir === undefined) return new Embedded(engine, undefined);
  const storageOptions: StorageOptions = {
    directory: options.dir,
    policy: options.appendfsync ?? "everysec",
    segmentBytesMax: options.logSegmentBytes ?? LOG_SEGMENT_BYTES_DEFAULT,
    clock,
    random,
    keys: new KeyRing(options.encryption === undefined ? [] : keysOf(options.encryption)),
  };
  if (!importsAtStart(storageOptions)) return new Embedded(engine, openStorage(engine, storageOptions));
  return new Embedded(engine, (await importOwnFiles(engine, storageOptions, REFUSE_ALL)).storage);
}

/** What `snapshot` wrote. */
export interface Snapshot {
  /** Name of the file in the data directory. */
  readonly file: string;
  readonly kind: "full" | "delta";
  readonly bytes: number;
  /** Number of the last command that it contains. */
  readonly sequence: number;
}

export class Embedded {
  /** What recovery found; undefined without a directory. */
  readonly recovery: RecoveryReport | undefined;
  private readonly engine: Engine;
  private readonly storage: Storage | undefined;
  private readonly session = new Session(1);
  private readonly parser = new RequestParser(64);
  private request = new RequestWriter(new Uint8Array(4096));
  private readonly timer: NodeJS.Timeout;
  private unit = false;
  private closed = false;

  /** For `open`. */
  constructor(engine: Engine, storage: Storage | undefined) {
    this.engine = engine;
    this.storage = storage;
    this.recovery = this.storage?.report;
    this.session.protocol = 3;
    this.engine.call.session = this.session;
    this.engine.call.reply.protocol = 3;
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.timer.unref();
  }

  /**
   * Runs any command, `run("SET", "key", "value", "EX", 60)`. Bulk strings come back as Buffers, maps as Map. Throws ReplyError for an error reply;
   * errors inside arrays (EXEC) are returned in their place.
   */
  run(name: string, ...args: Argument[]): Reply {
    if (this.closed) throw new EmberlogError("CLOSED", "this database has been closed");
    const { engine, request, parser } = this;
    const { call } = engine;
    request.use(request.bytes, 0);
    request.begin(args.length + 1);
    request.text(name);
    for (const arg of args) writeArgument(request, arg);
    const length = request.position;
    parser.reset();
    parser.next(request.bytes, 0, length);
    if (!this.unit) engine.beginTurn();
    call.input = request.bytes;
    call.args = parser.args;
    call.first = 0;
    call.argc = parser.argc;
    call.hashed = false;
    call.db = call.dataset.database(this.session.database);
    call.reply.position = 0;
    engine.executor.execute(call, engine.table.lookup(request.bytes, call.start(0), call.length(0)), 0, length);
    engine.executor.stopTimer(call);
    // The request's buffer is used again by the next call: what is logged verbatim moves now.
    engine.journal.effects.finish();
    if (!this.unit) this.commit();
    if (request.bytes.length > REQUEST_BYTES_KEPT) this.request = new RequestWriter(new Uint8Array(4096));
    const reply = new ReplyReader(call.reply.bytes).read();
    if (reply instanceof ReplyError) throw reply;
    return reply;
  }

  /**
   * Runs `work`, whose calls are one unit of the log: recovered all together or not at all. It does not undo: when `work` throws, what it
   * had done before stays done.
   */
  atomically<T>(work: () => T): T {
    check(!this.unit, "units are not nested");
    const { engine } = this;
    engine.beginTurn();
    engine.journal.beginUnit();
    this.unit = true;
    try {
      return work();
    } finally {
      this.unit = false;
      engine.journal.endUnit();
      this.commit();
    }
  }

  private commit(): void {
    this.engine.commit();
    if (this.engine.congested) this.storage?.waitForRoom();
  }

  get(key: Argument): Buffer | null {
    return this.run("GET", key) as Buffer | null;
  }

  /** The value as UTF-8 text. */
  getText(key: Argument): string | null {
    return this.get(key)?.toString() ?? null;
  }

  /** True when the value was set, false when `only` prevented it. */
  set(key: Argument, value: Argument, options: SetOptions = {}): boolean {
    const args: Argument[] = [key, value];
    if (options.only !== undefined) args.push(options.only);
    if (options.ex !== undefined) args.push("EX", options.ex);
    if (options.px !== undefined) args.push("PX", options.px);
    if (options.keepTtl === true) args.push("KEEPTTL");
    return this.run("SET", ...args) !== null;
  }

  /** Keys removed. */
  del(...keys: Argument[]): number {
    return this.run("DEL", ...keys) as number;
  }

  exists(...keys: Argument[]): number {
    return this.run("EXISTS", ...keys) as number;
  }

  mget(...keys: Argument[]): (Buffer | null)[] {
    return this.run("MGET", ...keys) as (Buffer | null)[];
  }

  /** The value after adding; a bigint beyond 2^53. */
  incr(key: Argument, by: number | bigint = 1): number | bigint {
    return this.run("INCRBY", key, by) as number | bigint;
  }

  /** False when there is no such key. */
  expire(key: Argument, seconds: number): boolean {
    return this.run("PEXPIRE", key, Math.round(seconds * 1000)) === 1;
  }

  /** Seconds that the key has left, null when it never expires, undefined when there is none. */
  ttl(key: Argument): number | null | undefined {
    const ms = this.run("PTTL", key) as number;
    return ms === -2 ? undefined : ms === -1 ? null : ms / 1000;
  }

  /** All keys (that match a glob pattern), a few at a time: keys that exist throughout are given, each perhaps more than once. */
  *scan(pattern = "*"): Generator<Buffer> {
    let cursor = "0";
    do {
      const [next, keys] = this.run("SCAN", cursor, "MATCH", pattern, "COUNT", 100) as [Buffer, Buffer[]];
      cursor = next.toString();
      yield* keys;
    } while (cursor !== "0");
  }

  /** Keys in the selected database. */
  get size(): number {
    return this.run("DBSIZE") as number;
  }

  /**
   * Writes all databases as they are now in Redis's format, durably: an RDB file, or an append-only directory. What a start of redis-server 7.0
   * loads, unless fields of hashes expire: then 7.4 does. Throws EmberlogError DIRECTORY_HOLDS_DATA where something is in the way, DISK_FULL,
   * DISK_FAILED; then nothing is left behind.
   */
  async export(target: ExportOptions): Promise<Exported> {
    if (this.closed) throw new EmberlogError("CLOSED", "this database has been closed");
    const { dataset, clock } = this.engine;
    const kind = "rdb" in target ? "rdb" : "aof";
    const path = "rdb" in target ? target.rdb : target.aof;
    const disk = new NodeDisk(nativeFileCalls());
    return exportDataset(disk, dataset, { kind, path, replace: target.replace ?? false }, clock.wallMs());
  }

  /** Resolves when all that was done so far is on stable storage, whatever the policy; at once without a directory. */
  async durable(): Promise<void> {
    await this.storage?.durable();
  }

  /** Syncs and closes. Further calls throw CLOSED. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.timer);
    await this.storage?.close();
  }

  /**
   * Puts an image of the data as it is now on stable storage; calls go on meanwhile. A start begins with it instead of the log. What it wrote; throws
   * EmberlogError where there is no directory, DISK_FULL or DISK_FAILED.
   */
  async snapshot(): Promise<Snapshot> {
    const { storage } = this;
    if (this.closed) throw new EmberlogError("CLOSED", "this database has been closed");
    if (storage === undefined) {
      throw new EmberlogError(
        "COMMAND_FAILED",
        "a database without a directory has nowhere to put a snapshot: fork() copies it",
      );
    }
    const { imageRefusal, images } = storage;
    if (imageRefusal !== undefined) throw new EmberlogError("COMMAND_FAILED", imageRefusal);
    check(!this.unit, "a snapshot is not taken inside of a unit");
    if (images.busy) throw new EmberlogError("COMMAND_FAILED", "a snapshot is being taken already");
    // What the log needs to become durable is looked at by the timer: a process that waits for nothing else must not end before.
    this.timer.ref();
    try {
      return await new Promise((resolve, reject) => {
        images.begin(false, (error, result) => {
          if (result === undefined) reject(error);
          else {
            const { name: file, place, sequence } = result.image;
            resolve({ file, kind: place === 0 ? "full" : "delta", bytes: result.summary.fileBytes, sequence });
          }
        });
      });
    } finally {
      this.timer.unref();
    }
  }

  /**
   * A second database in memory with all the data of this one, which goes its own way from here on: for tests, and for asking what if. It has no
   * directory, whatever this one has. The copy is made at once, page by page: about 0.1 s a GiB (`npm run bench:fork`), and what the
   * system takes to supply memory: in a virtual machine whose host does that only when it is touched, 2.4 s were seen.
   */
  async fork(): Promise<Embedded> {
    if (this.closed) throw new EmberlogError("CLOSED", "this database has been closed");
    check(!this.unit, "a fork is not made inside of a unit");
    const { engine } = this;
    engine.commit();
    const { arena, dataset, clock, random, table } = engine;
    const memoryCalls = nativeMemoryCalls();
    const other = new Engine({
      clock,
      random,
      table,
      databases: dataset.databaseCount,
      firstSegment: arena.firstSegment,
      ...(memoryCalls === undefined ? {} : { memoryCalls }),
    });
    if (!copyArena(dataset.allocator, other.arena)) {
      throw new EmberlogError("OUT_OF_ADDRESS_SPACE", "there is no memory for a second copy of the data");
    }
    other.adoptImage();
    return new Embedded(other, undefined);
  }

  private tick(): void {
    const { engine } = this;
    const { dataset, clock } = engine;
    const untilUs = clock.monotonicUs() + SLICE_US;
    engine.beginTurn();
    dataset.expireStep(() => clock.monotonicUs() < untilUs);
    while (clock.monotonicUs() < untilUs && dataset.releaseStep());
    engine.commit();
    this.storage?.tick();
    dataset.allocator.prepareMemory();
    dataset.allocator.releaseFreeMemory(1);
  }
}

function keysOf({ keyFile, anyPermissions = false, keyEnv, keyCommand, keys }: EncryptionOptions): MasterKey[] {
  if ([keyFile, keyEnv, keyCommand, keys].filter((given) => given !== undefined).length !== 1) {
    throw new EmberlogError("CONFIG_INVALID", "encryption needs one of keyFile, keyEnv, keyCommand and keys");
  }
  if (keyFile !== undefined) return readKeys({ kind: "file", path: keyFile, anyPermissions });
  if (keyEnv !== undefined) return readKeys({ kind: "variable", name: keyEnv });
  if (keyCommand !== undefined) return readKeys({ kind: "command", command: keyCommand });
  return keys!.flatMap((key, i) =>
    parseKeys(typeof key === "string" ? encoder.encode(key) : key, `encryption.keys[${i}]`),
  );
}

function writeArgument(request: RequestWriter, arg: Argument): void {
  if (typeof arg === "string") {
    const bytes = encoder.encode(arg);
    request.argument(bytes, 0, bytes.length);
  } else if (typeof arg === "object") request.argument(arg, 0, arg.length);
  else request.text(arg.toString());
}
