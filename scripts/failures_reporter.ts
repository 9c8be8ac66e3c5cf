/**
 * A reporter of vitest that keeps each failure as it happens, a JSON string a line, in the file that EMBERLOG_FAILURES names: a run that
 * reaches its time limit is ended before it tells of anything.
 */
import { appendFileSync } from "node:fs";
import type { Reporter, TestCase } from "vitest/node";

export default class FailuresReporter implements Reporter {
  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    const file = process.env["EMBERLOG_FAILURES"];
    if (result.state !== "failed" || file === undefined) return;
    const messages = result.errors.map((error) => error.stack ?? error.message);
    appendFileSync(file, `${JSON.stringify(`${test.module.moduleId}: ${test.fullName}\n${messages.join("\n")}`)}\n`);
  }
}
