#!/usr/bin/env node
/** The program: hands the command line on and exits with what comes back. */
import { runProgram } from "./cli/program.ts";

const argv = process.argv.slice(2);
const prints = argv[0] === "check" || argv[0] === "dump";
process.stdout.on("error", () => {
  // `emberlog dump | head`: nobody reads on. A server, however, outlives whoever read its log.
  if (prints) process.exit(0);
});

process.exitCode = await runProgram(argv, {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
// What is asked for is done. Should anything still keep the event loop alive, it must not keep the process.
setTimeout(() => process.exit(), 1000).unref();
