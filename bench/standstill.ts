/** Runs bench/standstill.c beside a server: when the machine stopped the server's core or withdrew memory. Its head says how that is known. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { compiled } from "./programs.ts";

/** Stops of 1 ms and more in one period, and how long memory was slow. */
export interface Stops {
  readonly count: number;
  readonly longestMs: number;
  readonly totalMs: number;
  readonly slowMs: number;
}

export class Standstill {
  private readonly child: ChildProcess | undefined;

  /** Watches the thread `pid` on `core`; knows nothing where there is no compiler or no Linux. */
  constructor(core: number, pid: number) {
    const program = process.platform === "linux" ? compiled("standstill") : undefined;
    if (program === undefined) return;
    this.child = spawn(program, [String(core), String(pid)], { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdin?.on("error", () => {});
  }

  /** Those since it was asked last; undefined where there is no witness. */
  async period(): Promise<Stops | undefined> {
    if (this.child === undefined || this.child.exitCode !== null) return undefined;
    this.child.stdin?.write("\n");
    const [answer] = await Promise.race([
      once(this.child.stdout!, "data"),
      once(this.child, "exit").then(() => [undefined]),
    ]);
    if (answer === undefined) return undefined;
    const [count, longestMs, totalMs, slowMs] = String(answer).trim().split(" ").map(Number);
    return { count: count!, longestMs: longestMs!, totalMs: totalMs!, slowMs: slowMs! };
  }

  end(): void {
    this.child?.stdin?.end();
  }
}
