#!/usr/bin/env node
/** The program: hands the command line on and exits with what comes back. */
import { runProgram } from "./cli/program.ts";

process.exitCode = await runProgram(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
