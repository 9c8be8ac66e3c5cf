/**
 * The files that belong to the process, not to its data: the log for people and the pid file.
 *
 * They follow no durability rule: a lost log line or a stale pid file loses nothing that was acknowledged, and a full
 * disk must not stop the server because of them.
 */
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { EmberlogError } from "../base/errors.ts";
import { errorText } from "../disk/errno.ts";

/**
 * Where log lines go. The file is opened anew for each line, as Redis does, so that rotating it needs no signal.
 * Throws CONFIG_INVALID when the file can't be written at start.
 */
export function openLogSink(file: string | undefined): (line: string) => void {
  if (file === undefined) return (line) => process.stdout.write(line);
  try {
    appendFileSync(file, "");
  } catch (cause) {
    const message = `Can't open the log file '${file}': ${errorText((cause as NodeJS.ErrnoException).errno ?? 0)}`;
    throw new EmberlogError("CONFIG_INVALID", message, { file, cause });
  }
  return (line) => {
    try {
      appendFileSync(file, line);
    } catch {
      // A log that can't be written must not stop the server that it describes.
    }
  };
}

/** Writes the pid; undefined when done, else what the system said. */
export function writePidFile(file: string): string | undefined {
  try {
    writeFileSync(file, `${process.pid}\n`);
    return undefined;
  } catch (cause) {
    return errorText((cause as NodeJS.ErrnoException).errno ?? 0);
  }
}

export function removePidFile(file: string): void {
  rmSync(file, { force: true });
}
