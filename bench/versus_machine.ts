/** What a measurement must be read with: the machine, its cores, and what the kernel says about the processes measured. */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

/** The kernel's clock ticks a second, which /proc counts processor time in. */
const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly commit: string;
  readonly filesystem: string;
  /** Can server and client have a core each? */
  readonly pinned: boolean;
}

export function describeMachine(dataDir: string): Machine {
  const list = cpus();
  const taskset = spawnSync("taskset", ["--version"]).error === undefined;
  return {
    cpu: list[0]?.model ?? "unknown",
    cores: list.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: commit(),
    filesystem: spawnSync("stat", ["-f", "-c", "%T", dataDir], { encoding: "utf8" }).stdout.trim(),
    pinned: taskset && list.length >= 2,
  };
}

/** The first line of a report. */
export function headOf(date: string, machine: Machine): string {
  const { commit, cpu, cores, memoryGiB, kernel, node, filesystem } = machine;
  return `${date}, commit ${commit}, ${cpu}, ${cores} cores, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}, data on ${filesystem}`;
}

function commit(): string {
  const git = (...args: string[]): string => spawnSync("git", args, { encoding: "utf8" }).stdout?.trim() ?? "";
  const head = git("rev-parse", "--short", "HEAD");
  if (head === "") return "unknown";
  return git("status", "--porcelain", "--", "src", "native") === "" ? head : `${head}+changes`;
}

export interface CpuSeconds {
  readonly user: number;
  readonly system: number;
}

/** Processor time of a process so far, all its threads. */
export function processCpu(pid: number): CpuSeconds {
  const fields = statFields(`/proc/${pid}/stat`);
  return { user: fields[11]! / TICKS_PER_SECOND, system: fields[12]! / TICKS_PER_SECOND };
}

/** Threads of a server that do not work at the lowest priority: those that are none of a snapshot's. */
export function otherThreads(pid: number): ReadonlySet<string> {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return new Set(tasks.filter((task) => statFields(`/proc/${pid}/task/${task}/stat`)[16] !== 19));
}

/** Processor time of a server's threads that are not among `others`, and of the processes that it has forked. */
export function snapshotCpuSeconds(pid: number, others: ReadonlySet<string>): number {
  let ticks = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      const fields = statFields(`/proc/${pid}/task/${task}/stat`);
      // A thread that must hurry has another priority for a while.
      if (!others.has(task)) ticks += fields[11]! + fields[12]!;
      for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ")) {
        if (child === "") continue;
        const own = statFields(`/proc/${child}/stat`);
        ticks += own[11]! + own[12]!;
      }
    } catch {
      // It has ended meanwhile.
    }
  }
  return ticks / TICKS_PER_SECOND;
}

/** Processor time of this process's children that have ended. */
export function endedChildrenCpu(): CpuSeconds {
  const fields = statFields("/proc/self/stat");
  return { user: fields[13]! / TICKS_PER_SECOND, system: fields[14]! / TICKS_PER_SECOND };
}

/** The numbers behind the command's name, which may hold spaces; the first is the state and reads as NaN. */
function statFields(path: string): number[] {
  const text = readFileSync(path, "utf8");
  return text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
}

/** Resident memory of a process, bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
}
