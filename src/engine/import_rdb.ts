/** Imports an RDB file: every key of it, or nothing that counts. */
import { EmberlogError } from "../base/errors.ts";
import { releaseEntry, writeExpiry } from "../dataset/entries.ts";
import { NIL } from "../memory/layout.ts";
import { RdbFileReader } from "../rdb/file_reader.ts";
import type { RdbInput } from "../rdb/input.ts";
import { RdbError } from "../rdb/rdb_error.ts";
import { type Importer, outOfAddressSpace } from "./importer.ts";

export interface ImportOptions {
  /** Streams, values of modules: leave them out instead of refusing the whole. */
  readonly skipUnsupported: boolean;
  /** The last file of an append-only log may end in the middle of a command: leave that out. */
  readonly allowTruncated: boolean;
  /** Is called between pieces. */
  readonly onProgress?: (bytesRead: number, keys: number) => void;
}

/** Whatever can't be taken as it is stops the import. */
export const REFUSE_ALL: ImportOptions = { skipUnsupported: false, allowTruncated: false };

/** Reads the file that `input` is at the beginning of. Throws IMPORT_REFUSED, naming file and offset, and then nothing of it may count. */
export async function importRdb(
  importer: Importer,
  input: RdbInput,
  file: string,
  options: ImportOptions,
): Promise<void> {
  const reader = new RdbFileReader(importer.engine.dataset, input);
  try {
    reader.begin();
    while (reader.next()) {
      takeKey(importer, reader, options);
      if (!importer.pieceIsFull) continue;
      options.onProgress?.(input.offset, importer.counts.keys);
      await importer.endPiece();
    }
  } catch (thrown) {
    throw refusal(thrown, file, input.offset, keyOf(reader));
  }
  importer.counts.functions.push(...reader.functions);
  for (let i = 0; i < reader.moduleAux; i++) importer.skip("data of modules that belongs to no key");
}

function takeKey(importer: Importer, reader: RdbFileReader, options: ImportOptions): void {
  const { dataset } = importer.engine;
  const { unsupported } = reader;
  if (unsupported !== undefined && options.skipUnsupported) {
    reader.skipValue();
    importer.skip(unsupported.replace(/,.*/, ""));
    return;
  }
  if (reader.database >= dataset.databaseCount) {
    throw new RdbError(
      "unsupported",
      `database ${reader.database}, and there are ${dataset.databaseCount} here`,
      reader.valueOffset,
    );
  }
  let entry: number;
  try {
    entry = reader.readValue();
  } catch (thrown) {
    if (!(thrown instanceof RdbError) || thrown.problem !== "empty") throw thrown;
    importer.counts.empty++;
    return;
  }
  if (entry === NIL) throw outOfAddressSpace();
  const { expiryMs } = reader;
  if (expiryMs !== undefined) {
    if (expiryMs < dataset.nowMs) {
      importer.counts.expired++;
      releaseEntry(dataset, entry);
      return;
    }
    writeExpiry(dataset.arena, entry, expiryMs);
  }
  importer.put(reader.database, entry, reader.idleSeconds, reader.frequency);
}

function keyOf({ key, valueOffset }: RdbFileReader): string {
  if (valueOffset === 0) return "";
  const shown = Buffer.from(key.bytes.subarray(key.start, key.start + Math.min(key.length, 64))).toString("latin1");
  return ` (the last key before it is ${JSON.stringify(shown)})`;
}

/** What stopped an import, as an EmberlogError that says where. */
export function refusal(thrown: unknown, file: string, offset: number, near: string): unknown {
  if (thrown instanceof RdbError) {
    const kind = thrown.problem === "unsupported" ? "holds" : "is damaged or cut off";
    const what = thrown.problem === "unsupported" ? ` ${thrown.message}` : `: ${thrown.message}`;
    const advice = thrown.problem === "unsupported" ? ". --skip-unsupported leaves out what can't be held" : "";
    return new EmberlogError("IMPORT_REFUSED", `${file} ${kind}${what}, at byte ${thrown.offset}${near}${advice}`, {
      file,
      offset: thrown.offset,
      cause: thrown,
    });
  }
  if (thrown instanceof EmberlogError && thrown.code === "IMPORT_REFUSED" && thrown.file === undefined) {
    return new EmberlogError("IMPORT_REFUSED", `${file}: ${thrown.message}, at byte ${offset}${near}`, {
      file,
      offset,
    });
  }
  return thrown;
}
