/** A data directory out of files that a restore has fetched: listed in a new epoch (D17), and open for a few commands more. */
import { EmberlogError } from "../base/errors.ts";
import type { DataDirectoryOptions } from "./data_directory.ts";
import { openRepaired, type Repaired } from "./open_directory.ts";

export interface RestoredDirectory {
  /** Writes commands as one unit of the log; resolves when they are durable. */
  append(payload: Uint8Array, commands: number, database: number): Promise<void>;
  close(): Promise<void>;
}

/** Throws DIRECTORY_LOCKED, and what the disk throws. */
export function beginRestored(options: DataDirectoryOptions, kept: Omit<Repaired, "setAside">): RestoredDirectory {
  const data = openRepaired(options, () => ({ ...kept, setAside: [] }));
  const { writer } = data;
  return {
    async append(payload, commands, database) {
      const start = writer.payloadStart();
      if (!writer.reserve(payload.length)) {
        throw new EmberlogError("DISK_FULL", writer.refusal ?? "there is no space for the log");
      }
      let bytes = writer.payloadBytes();
      if (bytes.length < start + payload.length) bytes = new Uint8Array(start + payload.length);
      bytes.set(payload, start);
      writer.commit(bytes, start + payload.length, commands, database);
      await writer.durable();
    },
    close: () => data.close(),
  };
}
