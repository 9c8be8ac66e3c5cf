/**
 * Runs the suites in order and counts honestly: `tsx scripts/suites.ts test` is `npm test`, `... ci` is what .ci/run
 * does after installing. Every suite runs even when an earlier one failed. The last line is
 *
 *   N passed, N failed, N skipped
 *
 * and before it stands, once more, what failed and how, and then a line for each: a log may be long, and only its end
 * kept. In the counts, a vitest suite counts its tests, any other step counts as one check, and a suite that ends with an error
 * although no test failed (a file that does not load, an unhandled rejection, a time-out) counts as one failure.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A vitest run, whose tests are counted; else the exit code decides one check. */
  readonly vitest?: boolean;
  readonly limitMinutes: number;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed, to be told at the end. */
  readonly failures: readonly string[];
}

/** Of one failure, characters told again at the end. */
const FAILURE_CHARS_MAX = 2000;
/** Of one failure, characters in the list of all. */
const FAILURE_LINE_CHARS_MAX = 220;
/** What a process wrote at its end has arrived after this, ms. */
const PIPE_MS = 200;

const WITHOUT_ADDON = { EMBERLOG_NATIVE: "0" };

const build: Step = { name: "build", command: ["npm", "run", "-s", "build:dist"], limitMinutes: 3 };

function vitest(name: string, limitMinutes: number, config?: string, env: Step["env"] = {}): Step {
  const command = ["npx", "--no-install", "vitest", "run", ...(config === undefined ? [] : ["--config", config])];
  return { name, command, env, vitest: true, limitMinutes };
}

function script(name: string, limitMinutes: number, ...args: string[]): Step[] {
  const exists = name in (JSON.parse(readFileSync("package.json", "utf8")) as { scripts: object }).scripts;
  return exists ? [{ name, command: ["npm", "run", "-s", name, ...args], limitMinutes }] : [];
}

function plan(which: string | undefined): Step[] {
  if (which === "test") {
    return [
      build,
      vitest("tests", 10),
      vitest("smoke without the addon", 3, "vitest.fallback.config.ts", WITHOUT_ADDON),
    ];
  }
  if (which !== "ci") throw new Error("usage: tsx scripts/suites.ts test|ci");
  const asan = "native/asan.sh";
  return [
    ...script("lint", 5),
    ...plan("test"),
    vitest("all tests without the addon", 12, undefined, WITHOUT_ADDON),
    vitest("long tests", 20, "vitest.long.config.ts"),
    ...(existsSync(asan) ? [{ name: "addon under AddressSanitizer", command: ["bash", asan], limitMinutes: 5 }] : []),
    ...script("fuzz", 5, "--", "--seconds", "90"),
    ...script("bench:versus", 4, "--", "--smoke"),
    ...script("bench:versus", 4, "--", "--smoke", "--tests", "all"),
    ...script("bench:memory", 2, "--", "--smoke"),
    ...script("bench:sync", 2, "--", "--smoke"),
    ...script("bench:images", 3, "--", "--smoke"),
    ...script("bench:subscribers", 2, "--", "--smoke"),
  ];
}

interface Ended {
  readonly code: number;
  /** The end of what it printed. */
  readonly tail: string;
}

/** Runs one step, its output passed on, its whole process group ended at the time limit. */
function execute(command: readonly string[], env: Step["env"], limitMinutes: number): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      detached: true,
    });
    let tail = "";
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ] as const) {
      from.on("data", (bytes: Buffer) => {
        to.write(bytes);
        tail = (tail + bytes.toString()).slice(-FAILURE_CHARS_MAX);
      });
    }
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      console.log(`\ntime limit of ${limitMinutes} minutes passed`);
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, limitMinutes * 60_000);
    const finish = (code: number): void => {
      clearTimeout(timer);
      resolve({
        code: late ? 124 : code,
        tail: late ? `${tail}\n(time limit of ${limitMinutes} minutes passed)` : tail,
      });
    };
    child.once("error", (error) => {
      console.log(error.message);
      finish(127);
    });
    // Not "close": a process that was left behind may hold the pipes for ever.
    child.once("exit", (code, signal) => setTimeout(finish, PIPE_MS, code ?? (signal === null ? 1 : 128)));
  });
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** Each failed test, or file that did not load, with the beginning of what it said. */
function failuresOf(report: VitestReport): string[] {
  return report.testResults.flatMap((file) => {
    const tests = file.assertionResults.filter((test) => test.status === "failed");
    if (file.status === "failed" && tests.length === 0) return [`${file.name}: ${file.message ?? ""}`];
    return tests.map((test) => `${file.name}: ${test.fullName}\n${test.failureMessages?.join("\n") ?? ""}`);
  });
}

async function runVitest(step: Step): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "emberlog-suite-"));
  const file = join(folder, "report.json");
  const asTheyCome = join(folder, "failures.jsonl");
  const reporters = ["default", "json", "./scripts/failures_reporter.ts"].map((name) => `--reporter=${name}`);
  const command = [...step.command, ...reporters, `--outputFile.json=${file}`];
  const { code, tail } = await execute(command, { ...step.env, EMBERLOG_FAILURES: asTheyCome }, step.limitMinutes);
  const soFar = existsSync(asTheyCome) ? readFileSync(asTheyCome, "utf8").trim().split("\n") : [];
  const report = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as VitestReport) : undefined;
  rmSync(folder, { recursive: true, force: true });
  if (report === undefined) {
    const found = soFar.map((line) => JSON.parse(line) as string);
    return { passed: 0, failed: 1 + found.length, skipped: 0, failures: [...found, tail] };
  }
  const failures = failuresOf(report);
  const failed = report.numFailedTests > 0 || code === 0 ? report.numFailedTests : 1;
  return {
    passed: report.numPassedTests,
    failed,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: failed > 0 && failures.length === 0 ? [tail] : failures,
  };
}

async function runStep(step: Step): Promise<Counts> {
  if (step.vitest === true) return runVitest(step);
  const { code, tail } = await execute(step.command, step.env, step.limitMinutes);
  return code === 0
    ? { passed: 1, failed: 0, skipped: 0, failures: [] }
    : { passed: 0, failed: 1, skipped: 0, failures: [tail] };
}

const rows: string[] = [];
const failures: string[] = [];
const failed: string[] = [];
const total = { passed: 0, failed: 0, skipped: 0 };
for (const step of plan(process.argv[2])) {
  console.log(`\n=== ${step.name}: ${step.command.join(" ")}`);
  const startMs = performance.now();
  const counts = await runStep(step);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  for (const text of counts.failures) {
    failures.push(`FAILED in ${step.name}: ${text.slice(0, FAILURE_CHARS_MAX)}`);
    const line = text.replaceAll(`${process.cwd()}/`, "").replace(/\s+/g, " ");
    failed.push(`  ${step.name}: ${line.slice(0, FAILURE_LINE_CHARS_MAX)}`);
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  rows.push(`${step.name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped, ${seconds} s`);
  // Nothing that follows means anything without a build.
  if (step === build && counts.failed > 0) break;
}
if (failures.length > 0) console.log(`\n${failures.join("\n\n")}`);
console.log(`\n${rows.map((row) => `  ${row}`).join("\n")}\n`);
if (failed.length > 0) console.log(`Failed:\n${failed.join("\n")}\n`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
