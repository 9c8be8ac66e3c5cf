/** Runs bench/standstill.c beside a server: how often, and for how long, the machine stopped the server's core. Its head says how that is known. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { compiled } from "./programs.ts";

/** Stops of 1 ms and more in one period. */
export interface Stops {
  readonly count: number;
  readonly longestMs: number;
  readonly totalMs: number;
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
    const [count, longestMs, totalMs] = String(answer).trim().split(" ").map(Number);
    return { count: count!, longestMs: longestMs!, totalMs: totalMs! };
  }

  end(): void {
    this.child?.stdin?.end();
  }
}
