/**
 * Runs the suites in order and counts honestly: `tsx scripts/suites.ts test` is `npm test`, `... ci` is what .ci/run
 * does after installing. Every suite runs even when an earlier one failed. The last line is
 *
 *   N passed, N failed, N skipped
 *
 * where a vitest suite counts its tests, any other step counts as one check, and a suite that ends with an error
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
}

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
      vitest("tests", 5),
      vitest("smoke without the addon", 3, "vitest.fallback.config.ts", WITHOUT_ADDON),
    ];
  }
  if (which !== "ci") throw new Error("usage: tsx scripts/suites.ts test|ci");
  const asan = "native/asan.sh";
  return [
    ...script("lint", 5),
    ...plan("test"),
    vitest("all tests without the addon", 8, undefined, WITHOUT_ADDON),
    vitest("long tests", 12, "vitest.long.config.ts"),
    ...(existsSync(asan) ? [{ name: "addon under AddressSanitizer", command: ["bash", asan], limitMinutes: 5 }] : []),
    ...script("fuzz", 5, "--", "--seconds", "120"),
    ...script("bench:versus", 4, "--", "--smoke"),
    ...script("bench:versus", 4, "--", "--smoke", "--tests", "all"),
    ...script("bench:memory", 2, "--", "--smoke"),
  ];
}

/** Runs one step, its output passed on, its whole process group ended at the time limit. */
function execute(command: readonly string[], env: Step["env"], limitMinutes: number): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, ...env },
      detached: true,
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      console.log(`\ntime limit of ${limitMinutes} minutes passed`);
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, limitMinutes * 60_000);
    const finish = (code: number): void => {
      clearTimeout(timer);
      resolve(late ? 124 : code);
    };
    child.once("error", (error) => {
      console.log(error.message);
      finish(127);
    });
    child.once("exit", (code, signal) => finish(code ?? (signal === null ? 1 : 128)));
  });
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

async function runVitest(step: Step): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "emberlog-suite-"));
  const file = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const code = await execute([...step.command, ...reporters], step.env, step.limitMinutes);
  const report = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as VitestReport) : undefined;
  rmSync(folder, { recursive: true, force: true });
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const failed = report.numFailedTests > 0 || code === 0 ? report.numFailedTests : 1;
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests + report.numTodoTests };
}

async function runStep(step: Step): Promise<Counts> {
  if (step.vitest === true) return runVitest(step);
  const code = await execute(step.command, step.env, step.limitMinutes);
  return code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

const rows: string[] = [];
const total = { passed: 0, failed: 0, skipped: 0 };
for (const step of plan(process.argv[2])) {
  console.log(`\n=== ${step.name}: ${step.command.join(" ")}`);
  const startMs = performance.now();
  const counts = await runStep(step);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  rows.push(`${step.name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped, ${seconds} s`);
  // Nothing that follows means anything without a build.
  if (step === build && counts.failed > 0) break;
}
console.log(`\n${rows.map((row) => `  ${row}`).join("\n")}\n`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
