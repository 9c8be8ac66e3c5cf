/** What the server says when it starts: what was recovered, from where, in how long, and what this machine lacks. */

import { humanBytes } from "../base/memory_size.ts";
import { VERSION } from "../base/version.ts";
import type { EncryptionState } from "../engine/storage.ts";

export interface StartupReport {
  /** Absolute path of the data directory; undefined when nothing is kept on disk. */
  readonly directory: string | undefined;
  readonly appendFsync: string;
  /** What the log and its images gave back; undefined for a new directory. */
  readonly recovered: RecoveryReport | undefined;
  /** "127.0.0.1:6379", "/run/emberlog.sock" */
  readonly listening: readonly string[];
  /** Each guarantee or speed that is missing on this machine, in a sentence. */
  readonly missing: readonly string[];
  /** How what is on disk is encrypted; undefined when nothing is kept there. */
  readonly encryption: EncryptionState | undefined;
}

export interface RecoveryReport {
  readonly keys: number;
  readonly commands: number;
  readonly bytes: number;
  readonly segments: number;
  readonly milliseconds: number;
  /** Bytes of a torn tail that were cut, and where the copy lies. */
  readonly cutBytes: number;
  readonly cutCopy: string | undefined;
  /** Images that the state began with, their bytes, and the last command in them. */
  readonly images: number;
  readonly imageBytes: number;
  readonly imageSequence: number;
  /** Images that could not be used, and why. */
  readonly badImages: readonly { readonly name: string; readonly reason: string }[];
}

export interface BannerLine {
  readonly level: "notice" | "warning";
  readonly text: string;
}

/** The first line, before anything has been opened. */
export function greeting(): BannerLine {
  const text = `Emberlog ${VERSION} (Redis 7.2.4 compatible), Node.js ${process.version}, pid ${process.pid}`;
  return { level: "notice", text };
}

/** The lines between recovery and the ready line, which is the last. */
export function startupLines(report: StartupReport): BannerLine[] {
  const lines: BannerLine[] = [];
  const notice = (text: string): number => lines.push({ level: "notice", text });
  const warning = (text: string): number => lines.push({ level: "warning", text });
  const { directory, recovered } = report;
  if (directory === undefined) {
    warning("Nothing is written to disk (appendonly no): what is stored is gone when the server stops");
  } else if (recovered === undefined) {
    notice(`New data directory ${directory}, appendfsync ${report.appendFsync}`);
  } else {
    notice(recoveryText(directory, recovered));
    for (const { name, reason } of recovered.badImages) {
      warning(
        `The image ${name} could not be used (${reason}): what it held came from an older one and the log kept for it`,
      );
    }
    if (recovered.cutBytes > 0) {
      const copy = recovered.cutCopy === undefined ? "" : `, kept aside in ${recovered.cutCopy}`;
      warning(`The log ended in the middle of a write: ${recovered.cutBytes} bytes were cut${copy}`);
    }
  }
  const { encryption } = report;
  if (encryption?.keyId !== undefined) {
    const { keyId, plain } = encryption;
    notice(`Encryption at rest is on: what is written from here on is encrypted with key ${keyId}`);
    if (plain > 0) {
      notice(
        `Log segments that were written without encryption stay as they are: ${plain} of ${plain + encryption.encrypted}`,
      );
    }
  }
  for (const guarantee of report.missing) warning(guarantee);
  for (const address of report.listening) notice(`Listening on ${address}`);
  notice("Ready to accept connections");
  return lines;
}

function recoveryText(directory: string, recovered: RecoveryReport): string {
  const { keys, commands, bytes, segments, milliseconds, images, imageBytes, imageSequence } = recovered;
  const rate =
    milliseconds > 0 && commands > 0 ? `, ${Math.round(commands / (milliseconds / 1000))} commands a second` : "";
  const image = images === 1 ? "an image" : `an image with ${images - 1} delta${images === 2 ? "" : "s"}`;
  const base = images === 0 ? "" : `${image} (${humanBytes(imageBytes)}, through command ${imageSequence}) and `;
  const from = `${base}${commands} commands from ${segments} log segment${segments === 1 ? "" : "s"} (${bytes} bytes)`;
  return `Recovered ${keys} keys by ${from} in ${directory} in ${milliseconds.toFixed(0)} ms${rate}`;
}
