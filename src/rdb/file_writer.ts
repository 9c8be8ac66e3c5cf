/**
 * An RDB file, key by key, the counterpart of file_reader.ts: `begin`, then for each database that holds keys `database`, then its keys, then
 * `end`.
 *
 * The version stands in front, and whether a value needs a later one than 10 may show at the end only: whoever can't know before looks at
 * `version` then.
 */
import type { Dataset } from "../dataset/dataset.ts";
import { readExpiry } from "../dataset/entries.ts";
import { SEGMENT_SHIFT } from "../memory/layout.ts";
import { hasExpiry, keyLength, keyOffset } from "../structure/entry.ts";
import {
  OPCODE_AUX,
  OPCODE_EOF,
  OPCODE_EXPIRETIME_MS,
  OPCODE_RESIZEDB,
  OPCODE_SELECTDB,
  VERSION_WRITTEN,
} from "./format.ts";
import type { RdbOutput } from "./output.ts";
import { ValueWriter } from "./write_value.ts";

export class RdbFileWriter {
  /** The latest version that a value written so far needs. */
  version = VERSION_WRITTEN;
  keys = 0;
  private readonly out: RdbOutput;
  private readonly dataset: Dataset;
  private readonly values: ValueWriter;

  constructor(dataset: Dataset, out: RdbOutput) {
    this.dataset = dataset;
    this.out = out;
    this.values = new ValueWriter(dataset);
  }

  begin(version: number, aux: readonly (readonly [name: string, value: string])[]): void {
    const { out } = this;
    const magic = Buffer.from(magicOf(version));
    out.raw(magic, 0, magic.length);
    for (const [name, value] of aux) {
      out.byte(OPCODE_AUX);
      this.words(name);
      this.words(value);
    }
  }

  private words(text: string): void {
    const bytes = Buffer.from(text);
    this.out.text(bytes, 0, bytes.length);
  }

  /** What follows is in this database. The two numbers are hints; without them nothing is said. */
  database(index: number, keys = 0, expires = 0): void {
    const { out } = this;
    out.byte(OPCODE_SELECTDB);
    out.count(index);
    if (keys === 0) return;
    out.byte(OPCODE_RESIZEDB);
    out.count(keys);
    out.count(expires);
  }

  key(entry: number): void {
    const { out, dataset, values } = this;
    const { arena } = dataset;
    if (hasExpiry(arena, entry)) {
      out.byte(OPCODE_EXPIRETIME_MS);
      out.long(readExpiry(arena, entry));
    }
    const type = values.typeOf(entry);
    this.version = Math.max(this.version, values.versionOf(type));
    out.byte(type);
    out.text(arena.bytes[entry >>> SEGMENT_SHIFT]!, keyOffset(arena, entry), keyLength(arena, entry));
    values.writeValue(out, entry, type);
    this.keys++;
  }

  /** The version that this entry needs. */
  versionOf(entry: number): number {
    return this.values.versionOf(this.values.typeOf(entry));
  }

  /** Everything but the checksum, which is whoever's who has seen the bytes go by. */
  end(): void {
    this.out.byte(OPCODE_EOF);
    this.out.flush();
  }
}

/** What a file of this version begins with: always as long. */
export function magicOf(version: number): string {
  return `REDIS${String(version).padStart(4, "0")}`;
}
