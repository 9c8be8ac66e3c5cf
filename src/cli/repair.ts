/**
 * `emberlog repair DIR [--apply] [--json]`: what can be kept of a directory that a start refuses, what that loses, and, with `--apply`, keeping
 * it. Without `--apply` nothing is changed; with it nothing is destroyed: what is not kept is copied into `quarantine/` first.
 *
 * With the keys of an encrypted directory (key_options.ts) what is in the frames is looked at as well; without them their checksums are.
 *
 * Exit codes: 0 nothing to repair, or repaired; 1 there is something to repair (without `--apply`); 2 no repair can help, or it failed.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Keys } from "../base/key_ring.ts";
import { LOG_SEGMENT_BYTES_DEFAULT } from "../base/limits.ts";
import { systemRandom } from "../base/random.ts";
import { NodeDisk, nodeFiles } from "../disk/node_disk.ts";
import { advice } from "../engine/recovery.ts";
import { applyRepair, planRepair, type RepairPlan } from "../engine/repair.ts";
import { crc32c } from "../platform/checksum.ts";
import { nativeFileCalls } from "../platform/file_calls.ts";
import { PortableLogIo } from "../platform/log_io.ts";
import { KEY_USAGE, takeKeys } from "./key_options.ts";

export const REPAIR_USAGE = `usage: emberlog repair DIR [--apply] [--json] ${KEY_USAGE}\n`;

const DONE = 0;
const NEEDED = 1;
const FAILED = 2;

/** Runs the command with the words behind `repair`; writes text, or one JSON object, to `out` and resolves to the exit code. */
export async function run(args: readonly string[], out: (text: string) => void): Promise<number> {
  const apply = args.includes("--apply");
  const json = args.includes("--json");
  try {
    const given = takeKeys(args.filter((word) => word !== "--apply" && word !== "--json"));
    const [directory, ...more] = given?.rest ?? [];
    if (given === undefined || directory === undefined || more.length > 0 || directory.startsWith("--")) {
      out(REPAIR_USAGE);
      return FAILED;
    }
    const outcome = await repair(directory, given.keys, apply, json ? () => {} : out, systemClock);
    if (json) out(`${JSON.stringify({ directory, ...outcome })}\n`);
    return outcome.exitCode;
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError)) throw thrown;
    const { code, message, file, offset } = thrown;
    const failure = { state: "error", exitCode: FAILED, code, message, file, offset };
    out(json ? `${JSON.stringify(failure)}\n` : `${message}\n`);
    return FAILED;
  }
}

/** What `--json` prints beside the directory. */
interface Outcome {
  readonly state: "sound" | "repairable" | "repaired" | "impossible";
  readonly exitCode: number;
  readonly decision: string;
  readonly why: string;
  readonly next: string;
  readonly keep: readonly { readonly file: string; readonly commands: number; readonly bytes: number }[];
  readonly setAside: readonly { readonly file: string; readonly offset: number; readonly bytes: number }[];
  /** The last command that is kept, and the last that is known to have existed. */
  readonly lastSequence: number;
  readonly knownSequence: number;
  readonly notes: readonly string[];
}

async function repair(
  directory: string,
  keys: Keys,
  apply: boolean,
  say: (text: string) => void,
  clock: Clock,
): Promise<Outcome> {
  const disk = new NodeDisk(nativeFileCalls());
  if (disk.status(directory)?.kind !== "directory") {
    throw new EmberlogError("DATA_MISSING", `there is no directory ${directory}`, { file: directory });
  }
  const plan = planRepair(disk, directory, crc32c, keys);
  say(`found      ${plan.why}\n`);
  if (plan.kind === "nothing") {
    const next = "nothing to repair: a start does what is to be done by itself";
    say(`${next}\n`);
    return outcomeOf(plan, "sound", DONE, next);
  }
  if (plan.kind === "impossible") {
    const next = advice(directory, plan.decision);
    say(`no repair can help. To go on: ${next}\n`);
    return outcomeOf(plan, "impossible", FAILED, next);
  }
  say(asText(plan));
  if (!apply) {
    const next = `\`emberlog repair ${directory} --apply\` does it`;
    say(`nothing was changed; ${next}\n`);
    return outcomeOf(plan, "repairable", NEEDED, next);
  }
  const logIo = new PortableLogIo(nodeFiles, () => clock.monotonicUs());
  const setAside = await applyRepair(
    {
      disk,
      directory,
      logIo,
      clock,
      random: systemRandom(),
      crc32c,
      keys,
      policy: "always",
      segmentBytesMax: LOG_SEGMENT_BYTES_DEFAULT,
    },
    plan,
  );
  for (const { file, offset, bytes, copy } of setAside)
    say(`copied     ${bytes} bytes of ${file} from ${offset} on to ${copy}\n`);
  const next = `a start replays commands up to ${plan.lastSequence}`;
  say(`repaired   ${next}\n`);
  return { ...outcomeOf(plan, "repaired", DONE, next), setAside };
}

function outcomeOf(plan: RepairPlan, state: Outcome["state"], exitCode: number, next: string): Outcome {
  const { decision, why, kept, aside, lastSequence, knownSequence, notes } = plan;
  const keep = kept.map(({ name, scan }) => ({ file: name, commands: scan.commands, bytes: scan.endOffset }));
  return { state, exitCode, decision, why, next, keep, setAside: aside, lastSequence, knownSequence, notes };
}

function asText({ kept, images, aside, lastSequence, knownSequence, notes }: RepairPlan): string {
  let text = "";
  for (const { name, sequence, lengthBytes } of images)
    text += `keep       ${name}: commands up to ${sequence}, ${lengthBytes} bytes\n`;
  for (const { name, scan } of kept) {
    text += `keep       ${name}: ${scan.commands} commands, up to ${scan.lastSequence}, ${scan.endOffset} bytes\n`;
  }
  for (const { file, offset, bytes, reason } of aside)
    text += `set aside  ${file} from ${offset} on, ${bytes} bytes: ${reason}\n`;
  const lost =
    knownSequence > lastSequence
      ? `commands ${lastSequence + 1} to ${knownSequence}, and what followed`
      : "no command known of";
  text += `lost       ${lost}\n`;
  for (const note of notes) text += `note       ${note}\n`;
  return text;
}
