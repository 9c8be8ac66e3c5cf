/** What DUMP gives and RESTORE takes: one value between its type and a footer of version and checksum (format.ts). */
import type { Dataset } from "../dataset/dataset.ts";
import { crc64 } from "../platform/checksum.ts";
import { CHECKSUM_BYTES, isReadable, PAYLOAD_FOOTER_BYTES, VERSION_VALKEY } from "./format.ts";
import { RdbInput } from "./input.ts";
import { RdbOutput } from "./output.ts";
import { ValueReader } from "./value_reader.ts";
import { ValueWriter } from "./write_value.ts";

const sum = new Int32Array(2);

/** Makes payloads; what it made last stands in `out.bytes[0, out.position)`. */
export class PayloadWriter {
  readonly out = new RdbOutput();
  private readonly values: ValueWriter;

  constructor(dataset: Dataset) {
    this.values = new ValueWriter(dataset);
  }

  /** `compress`: texts are compressed where that makes them shorter. */
  write(entry: number, compress: boolean): void {
    const { out, values } = this;
    out.clear();
    out.compress = compress;
    const type = values.typeOf(entry);
    out.byte(type);
    values.writeValue(out, entry, type);
    out.short(values.versionOf(type));
    sum.fill(0);
    crc64(out.bytes, 0, out.position, sum);
    out.word(sum[0]!);
    out.word(sum[1]!);
  }
}

/** Makes entries of payloads. */
export class PayloadReader {
  private readonly input = new RdbInput();
  private readonly values: ValueReader;

  constructor(dataset: Dataset) {
    this.values = new ValueReader(dataset);
  }

  /** Is the footer of the payload bytes[start, start + length) sound, and of a version that can be read? */
  verify(bytes: Uint8Array, start: number, length: number): boolean {
    if (length < PAYLOAD_FOOTER_BYTES) return false;
    if (!isReadable(versionOf(bytes, start, length))) return false;
    const end = start + length - CHECKSUM_BYTES;
    sum.fill(0);
    crc64(bytes, start, length - CHECKSUM_BYTES, sum);
    for (let i = 0; i < CHECKSUM_BYTES; i++) {
      if (bytes[end + i] !== ((sum[i >>> 2]! >>> ((i & 3) << 3)) & 0xff)) return false;
    }
    return true;
  }

  /**
   * The entry of a payload that `verify` has found sound, in no table, with room for an expiry or without. NIL: the address space is full.
   * Throws an RdbError. What follows behind the value is not looked at, as by Redis.
   */
  read(
    bytes: Uint8Array,
    start: number,
    length: number,
    key: Uint8Array,
    keyStart: number,
    keyBytes: number,
    expires: boolean,
  ): number {
    const { input, values } = this;
    input.use(bytes, start, start + length - PAYLOAD_FOOTER_BYTES);
    const valkey = versionOf(bytes, start, length) === VERSION_VALKEY;
    const type = input.byte();
    return values.read(input, type, valkey, key, keyStart, keyBytes, expires);
  }
}

function versionOf(bytes: Uint8Array, start: number, length: number): number {
  const at = start + length - PAYLOAD_FOOTER_BYTES;
  return bytes[at]! | (bytes[at + 1]! << 8);
}
