/**
 * How the command line tools read configuration: real files, the real standard input.
 *
 * Configuration is not data: it is read once at start, before there is a data directory or a Disk.
 */
import { readdirSync, readFileSync } from "node:fs";
import { errorText } from "../disk/errno.ts";
import type { ConfigSources } from "../server/config/load.ts";

export function systemFiles(workingDirectory: string = process.cwd()): ConfigSources {
  return {
    workingDirectory,
    readFile(path) {
      try {
        return readFileSync(path, "latin1");
      } catch (cause) {
        throw new Error(errorText((cause as NodeJS.ErrnoException).errno ?? 0), { cause });
      }
    },
    listDirectory(path) {
      try {
        return readdirSync(path);
      } catch {
        return [];
      }
    },
    readStandardInput: () => readFileSync(0, "latin1"),
  };
}
