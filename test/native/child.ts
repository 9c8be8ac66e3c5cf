/** Runs a small TypeScript program in a child process, where it may crash, exhaust descriptors or end as it likes. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

/** `before` are shell commands, such as ulimit, that hold for the child; `onOutput` sees all that it has printed so far. */
export function runChild(program: string, before = "true", onOutput: (out: string) => void = () => {}): Promise<Ended> {
  const file = new URL(`./programs/${program}`, import.meta.url).pathname;
  const child = spawn("sh", ["-c", `${before}; exec "$0" --import "$1" "$2"`, process.execPath, tsx, file], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
    onOutput(out);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, out, err })));
}
