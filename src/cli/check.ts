/**
 * `emberlog check DIR [--json] [keys]`: verifies a data directory and explains what is in it, what is wrong and how to go on.
 *
 * It reads with the eyes of a start (engine/examination.ts), changes nothing and takes no lock, so it also works while a
 * server runs on the directory. Then the end of the last segment is being written while it is read: a frame that is not whole
 * there is no damage, and a manifest that changed on the way means reading again.
 *
 * An encrypted directory is verified without its keys too, but for what is in its frames; with keys (key_options.ts) that is verified as well.
 *
 * Exit codes: 0 sound; 1 a start will cut a torn tail (or discard a log that was never complete); 2 damaged, missing or not to
 * be read by this version: a start will refuse.
 */
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { MANIFEST_BYTES_MAX } from "../base/limits.ts";
import { type Disk, readWholeFile } from "../disk/disk.ts";
import { hex, joinPath, MANIFEST_NAME } from "../disk/file_names.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { type Examination, type ExaminedSegment, examine } from "../engine/examination.ts";
import { verifyingMemory } from "../engine/image_chain.ts";
import { advice, decide } from "../engine/recovery.ts";
import type { Decision } from "../engine/recovery_cases.ts";
import type { ManifestImage } from "../manifest/format.ts";
import { crc32c } from "../platform/checksum.ts";
import { KEY_USAGE, takeKeys } from "./key_options.ts";

export const CHECK_SOUND = 0;
export const CHECK_TORN = 1;
export const CHECK_DAMAGED = 2;

export const CHECK_USAGE = `usage: emberlog check DIR [--json] ${KEY_USAGE}\n`;

/** While a server rotates its log the manifest changes; as often is tried before giving an answer all the same. */
const ROUNDS_MAX = 10;

interface Check {
  readonly examination: Examination;
  readonly decision: Decision;
  readonly why: string;
  /** The process that runs on the directory. */
  readonly holder: number | undefined;
  /** The end is being written by that process. */
  readonly beingWritten: boolean;
  readonly tookMs: number;
}

/** Runs the command with the words behind `check`; writes text to `out` and resolves to the exit code. */
export async function run(args: readonly string[], out: (text: string) => void): Promise<number> {
  const json = args.includes("--json");
  try {
    const given = takeKeys(args.filter((word) => word !== "--json"));
    const [directory, ...more] = given?.rest ?? [];
    if (given === undefined || directory === undefined || more.length > 0 || directory.startsWith("--")) {
      out(CHECK_USAGE);
      return CHECK_DAMAGED;
    }
    return report(directory, given.keys, json, out);
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError)) throw thrown;
    out(`${thrown.message}\n`);
    return CHECK_DAMAGED;
  }
}

/** The same for who has the words apart already. */
export function report(directory: string, keys: Keys, json: boolean, out: (text: string) => void): number {
  try {
    const check = checkDirectory(new NodeDisk(), directory, keys);
    const code = exitCode(check);
    out(json ? `${JSON.stringify(asJson(directory, check, code))}\n` : asText(directory, check, code));
    return code;
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError)) throw thrown;
    const { code, message, file, offset } = thrown;
    out(json ? `${JSON.stringify({ directory, state: "error", code, message, file, offset })}\n` : `${message}\n`);
    return CHECK_DAMAGED;
  }
}

function checkDirectory(disk: Disk, directory: string, keys: Keys): Check {
  if (disk.status(directory)?.kind !== "directory") {
    throw new EmberlogError("DATA_MISSING", `there is no directory ${directory}`, { file: directory });
  }
  const beganUs = systemClock.monotonicUs();
  for (let round = 1; ; round++) {
    const holder = disk.holder(directory);
    const before = manifestBytes(disk, directory);
    const examination = examine(
      disk,
      directory,
      crc32c,
      { unit: () => undefined },
      verifyingMemory(disk, crc32c),
      true,
      keys,
      keys.newest === undefined ? "none" : "all",
    );
    const after = manifestBytes(disk, directory);
    if (holder !== undefined && before !== after && round < ROUNDS_MAX) continue;
    const tookMs = (systemClock.monotonicUs() - beganUs) / 1000;
    const beingWritten = holder !== undefined && examination.segments === "torn";
    return { examination, ...decide(examination), holder, beingWritten, tookMs };
  }
}

function manifestBytes(disk: Disk, directory: string): string {
  const bytes = readWholeFile(disk, joinPath(directory, MANIFEST_NAME), MANIFEST_BYTES_MAX);
  return bytes === undefined ? "" : hex(bytes);
}

function exitCode(check: Check): number {
  if (check.decision.startsWith("refuse")) return CHECK_DAMAGED;
  if (check.beingWritten) return CHECK_SOUND;
  return check.decision === "cut" || check.decision === "discard" ? CHECK_TORN : CHECK_SOUND;
}

function commandsIn(examination: Examination): number {
  return examination.examined.reduce((sum, { scan }) => sum + scan.commands, 0);
}

/** The last command that is in the images which a start begins with; 0: it begins with none. */
function imageSequenceOf({ base }: Examination): number {
  return base.at(-1)?.sequence ?? 0;
}

/** Commands that a start executes again: those behind its images. */
function commandsReplayed(examination: Examination): number {
  const from = imageSequenceOf(examination);
  if (from === 0) return commandsIn(examination);
  return examination.examined.reduce((sum, { firstSequence, scan }) => {
    return sum + Math.max(0, scan.lastSequence - Math.max(from, firstSequence - 1));
  }, 0);
}

function whatAStartDoes(directory: string, check: Check): string {
  const { decision, examination } = check;
  const images = imageSequenceOf(examination);
  const beginning =
    images === 0
      ? ""
      : `begins with ${numbered(examination.base.length, "image")} through command ${images}${decision === "open" ? " and " : ", "}`;
  const replays = `${beginning}replays ${numbered(commandsReplayed(examination), "command")}`;
  if (check.beingWritten) return "the server is writing the last frame; everything before it is sound";
  switch (decision) {
    case "create":
      return "a start begins an empty log";
    case "open":
      return `a start ${replays}`;
    case "cut":
      return `a start ${replays}, cuts the tail, keeps a copy of it in quarantine/ and begins a new epoch`;
    case "discard":
      return "a start sets the incomplete log aside in quarantine/ and begins an empty one";
    default:
      return `a start refuses. To go on: ${advice(directory, decision)}`;
  }
}

function numbered(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function imageLine({ name, place, sequence, lengthBytes }: ManifestImage, used: boolean): string {
  const kind = place === 0 ? "full" : `delta ${place}`;
  return `image      ${name}: ${kind}, through command ${sequence}, ${lengthBytes} bytes${used ? ", a start begins with it" : ""}\n`;
}

function segmentLine({ name, listed, scan }: ExaminedSegment): string {
  const kind = listed === null ? "unlisted" : listed.sealed === null ? "open" : "sealed";
  const range = scan.commands === 0 ? "no commands" : `${scan.header.firstSequence} … ${scan.lastSequence}`;
  const encrypted = scan.keyId === undefined ? "" : `, encrypted with key ${scan.keyId}`;
  return `segment    ${name}: ${kind}${encrypted}, ${range}, ${scan.frames} frames, ${scan.endOffset} bytes, known durable ${scan.durableSequence}\n`;
}

function asText(directory: string, check: Check, code: number): string {
  const { examination, holder } = check;
  const { manifest, findings, examined } = examination;
  let text = `directory  ${directory}${holder === undefined ? "" : `, in use by process ${holder}`}\n`;
  if (manifest === null) text += `manifest   ${examination.manifestState}\n`;
  else {
    const epoch = `epoch ${hex(manifest.epoch)} from sequence ${manifest.forkSequence}`;
    const images = manifest.images.length === 0 ? "" : `${numbered(manifest.images.length, "image")}, `;
    text += `manifest   ${examination.manifestState}, ${epoch}, ${images}${numbered(manifest.segments.length, "segment")}\n`;
    for (const image of manifest.images) text += imageLine(image, examination.base.includes(image));
  }
  for (const segment of examined) text += segmentLine(segment);
  for (const { state, file, offset, text: words } of findings) {
    text += `${state.padEnd(10)} ${file}${offset === undefined ? "" : ` at ${offset}`}: ${words}\n`;
  }
  const verdict = code === CHECK_SOUND ? "sound" : code === CHECK_TORN ? "torn" : "damaged";
  text += `${verdict.padEnd(10)} ${check.why}\n`;
  text += `next       ${whatAStartDoes(directory, check)} (checked in ${Math.round(check.tookMs)} ms)\n`;
  return text;
}

function asJson(directory: string, check: Check, code: number): object {
  const { examination, decision, why, holder, beingWritten, tookMs } = check;
  const { manifest } = examination;
  return {
    directory,
    state: code === CHECK_SOUND ? "sound" : code === CHECK_TORN ? "torn" : "damaged",
    exitCode: code,
    decision,
    why,
    next: whatAStartDoes(directory, check),
    holder: holder ?? null,
    beingWritten,
    manifest: {
      state: examination.manifestState,
      epoch: manifest === null ? null : hex(manifest.epoch),
      forkSequence: manifest?.forkSequence ?? null,
    },
    lastSequence: examination.lastSequence,
    commands: commandsIn(examination),
    replays: commandsReplayed(examination),
    images: (manifest?.images ?? []).map((image) => ({
      name: image.name,
      place: image.place,
      sequence: image.sequence,
      bytes: image.lengthBytes,
      begunWith: examination.base.includes(image),
      problem: examination.badImages.find(({ name }) => name === image.name)?.reason ?? null,
    })),
    segments: examination.examined.map(({ name, epoch, listed, scan }) => ({
      name,
      encryptedWith: scan.keyId ?? null,
      contentsVerified: !scan.locked,
      epoch: hex(epoch),
      listed: listed !== null,
      sealed: listed?.sealed != null,
      firstSequence: scan.header.firstSequence,
      lastSequence: scan.lastSequence,
      durableSequence: scan.durableSequence,
      frames: scan.frames,
      commands: scan.commands,
      bytes: scan.endOffset,
      fileBytes: scan.fileBytes,
    })),
    findings: examination.findings.map(({ state, file, offset, text }) => ({
      state,
      file,
      offset: offset ?? null,
      text,
    })),
    tookMs,
  };
}
