/** What import and export have in common: a line that shows how far it is, one outcome as text or as an object, and exit codes 0 and 1. */
import { EmberlogError } from "../base/errors.ts";
import { Progress } from "./progress.ts";

export interface TransferArguments {
  readonly from: string | undefined;
  readonly dir: string | undefined;
  readonly json: boolean;
}

export interface Streams {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Writes to a terminal; undefined where there is none. */
  readonly terminal: ((text: string) => void) | undefined;
}

/** Runs `work`, tells its outcome and resolves to the exit code. What is no EmberlogError is thrown. */
export async function runTransfer<Outcome extends object>(
  what: string,
  { from, dir, json }: TransferArguments,
  { out, error, terminal }: Streams,
  work: (progress: Progress) => Promise<Outcome>,
  asText: (outcome: Outcome & { seconds: number }) => string,
): Promise<number> {
  const progress = new Progress(what, json ? undefined : terminal);
  try {
    const outcome = await work(progress);
    progress.end();
    const told = { ...outcome, seconds: Math.round(progress.seconds * 1000) / 1000 };
    out(json ? `${JSON.stringify({ from, dir, ...told })}\n` : asText(told));
    return 0;
  } catch (thrown) {
    progress.end();
    if (!(thrown instanceof EmberlogError)) throw thrown;
    const { code, message, file, offset } = thrown;
    if (json) out(`${JSON.stringify({ from, dir, error: { code, message, file, offset } })}\n`);
    else error(`${message}\n`);
    return 1;
  }
}
