/**
 * An RDB file, key by key: `next` stops in front of each value, and whoever reads then takes the value with `readValue` or leaves it out with
 * `skipValue`. A file is whole when `next` says so: only then its checksum has been looked at, and nothing of it may count before.
 */
import type { Dataset } from "../dataset/dataset.ts";
import {
  CHECKSUM_BYTES,
  isReadable,
  OPCODE_AUX,
  OPCODE_EOF,
  OPCODE_EXPIRETIME,
  OPCODE_EXPIRETIME_MS,
  OPCODE_FREQ,
  OPCODE_FUNCTION_PRE_GA,
  OPCODE_FUNCTION2,
  OPCODE_IDLE,
  OPCODE_MODULE_AUX,
  OPCODE_RESIZEDB,
  OPCODE_SELECTDB,
  OPCODE_SLOT_INFO,
  VERSION_VALKEY,
  VERSION_WITH_CHECKSUM,
} from "./format.ts";
import { type RdbInput, Text } from "./input.ts";
import { RdbError } from "./rdb_error.ts";
import { canSkip, skipModule, skipStream } from "./skip_value.ts";
import { describeType, ValueReader } from "./value_reader.ts";

const REDIS = "REDIS";
const VALKEY = "VALKEY";
const MAGIC_BYTES = 9;
/** More databases than a file may name. */
const DATABASES_MAX = 1 << 20;

export class RdbFileReader {
  version = 0;
  /** Of the key that `next` has stopped at. */
  database = 0;
  readonly key = new Text();
  /** ms since 1970; undefined: never. */
  expiryMs: number | undefined;
  /** Seconds since it was read; -1: not told. */
  idleSeconds = -1;
  /** LFU counter; -1: not told. */
  frequency = -1;
  type = 0;
  /** Where the key's value begins. */
  valueOffset = 0;
  /** What the file tells about itself: "redis-ver", … */
  readonly aux = new Map<string, string>();
  /** Libraries of functions, which can't be run here. */
  readonly functions: Uint8Array[] = [];
  /** Data of modules that belongs to no key. */
  moduleAux = 0;

  private readonly input: RdbInput;
  private readonly values: ValueReader;
  private readonly text = new Text();

  constructor(dataset: Dataset, input: RdbInput) {
    this.input = input;
    this.values = new ValueReader(dataset);
  }

  /** Reads the first bytes. Throws where they are not RDB, or of a version that can't be read. */
  begin(): void {
    const { input } = this;
    input.need(MAGIC_BYTES);
    const magic = Buffer.from(input.bytes.subarray(input.position, input.position + MAGIC_BYTES)).toString("latin1");
    const digits = magic.startsWith(REDIS)
      ? magic.slice(REDIS.length)
      : magic.startsWith(VALKEY)
        ? magic.slice(VALKEY.length)
        : "";
    if (!/^[0-9]{3,4}$/.test(digits)) throw input.damaged("no RDB file: it does not begin with REDIS and a version");
    this.version = Number(digits);
    if (!isReadable(this.version)) {
      throw new RdbError("unsupported", `RDB version ${this.version}, which this version of Emberlog can't read`, 0);
    }
    input.beginSum();
    input.position += MAGIC_BYTES;
  }

  /** Goes on to the next key; false: the file has ended and is whole. */
  next(): boolean {
    const { input } = this;
    this.expiryMs = undefined;
    this.idleSeconds = -1;
    this.frequency = -1;
    for (;;) {
      const at = input.offset;
      const code = input.byte();
      switch (code) {
        case OPCODE_EOF:
          this.verifySum();
          return false;
        case OPCODE_SELECTDB:
          this.database = input.count();
          if (this.database >= DATABASES_MAX) throw input.damaged(`database ${this.database}`, at);
          break;
        case OPCODE_RESIZEDB:
          input.count();
          input.count();
          break;
        case OPCODE_SLOT_INFO:
          for (let i = 0; i < 3; i++) input.count();
          break;
        case OPCODE_EXPIRETIME:
          this.expiryMs = input.word() * 1000;
          break;
        case OPCODE_EXPIRETIME_MS: {
          const ms = input.long();
          if (ms !== ms) throw input.damaged("a time beyond 2^53", at);
          this.expiryMs = ms;
          break;
        }
        case OPCODE_IDLE:
          this.idleSeconds = input.count();
          break;
        case OPCODE_FREQ:
          this.frequency = input.byte();
          break;
        case OPCODE_AUX:
          this.readAux();
          break;
        case OPCODE_FUNCTION2:
          input.text(this.text);
          this.functions.push(this.text.bytes.slice(this.text.start, this.text.start + this.text.length));
          break;
        case OPCODE_FUNCTION_PRE_GA:
          throw new RdbError("unsupported", "functions as release candidates of Redis 7.0 wrote them", at);
        case OPCODE_MODULE_AUX:
          skipModule(input);
          this.moduleAux++;
          break;
        default:
          if (code >= OPCODE_SLOT_INFO - 1) throw input.damaged(`an unknown opcode ${code}`, at);
          this.type = code;
          input.text(this.key);
          this.valueOffset = input.offset;
          return true;
      }
    }
  }

  /** The value as an entry under its key, in no table, with room for an expiry where it has one. NIL: the address space is full. */
  readValue(): number {
    const { key, input, type, values } = this;
    const valkey = this.version === VERSION_VALKEY;
    return values.read(input, type, valkey, key.bytes, key.start, key.length, this.expiryMs !== undefined);
  }

  /** Why the value is of a kind that Emberlog doesn't have; undefined: it has. */
  get unsupported(): string | undefined {
    return describeType(this.type);
  }

  /** Leaves out a value that is `unsupported`. Throws where it can't be told where such a value ends. */
  skipValue(): void {
    const { input, type } = this;
    if (!canSkip(type))
      throw new RdbError("unsupported", `${describeType(type)}, nor can tell where it ends`, this.valueOffset);
    skipStream(input, type);
  }

  private readAux(): void {
    const { input, text } = this;
    input.text(text);
    const name = Buffer.from(text.bytes.subarray(text.start, text.start + Math.min(text.length, 64))).toString(
      "latin1",
    );
    input.text(text);
    if (this.aux.size < 64) {
      this.aux.set(
        name,
        Buffer.from(text.bytes.subarray(text.start, text.start + Math.min(text.length, 256))).toString("latin1"),
      );
    }
  }

  private verifySum(): void {
    const { input } = this;
    const at = input.offset;
    const sum = input.endSum();
    if (this.version < VERSION_WITH_CHECKSUM) return;
    input.need(CHECKSUM_BYTES);
    const low = input.word();
    const high = input.word();
    // rdbchecksum no.
    if (low === 0 && high === 0) return;
    if (low !== sum[0] || high !== sum[1])
      throw input.damaged("the checksum is wrong: bytes before it have changed", at);
  }
}
