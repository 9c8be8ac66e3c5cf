/**
 * The server's command line, by Redis's grammar:
 *
 *   [file] [-] --directive value value --other "value" ...
 *
 * The first argument is a file unless it begins with "-". A lone "-", first or last, asks for standard input. All
 * options together become the text of further configuration lines, read after the file, so that the last value wins.
 * An argument after "--name" is a value even if it begins with "--"; `--save --port 1` means an empty save, because
 * scripts that print an empty list produce that.
 */
import { quoteArgument, splitArguments } from "./syntax.ts";

export interface CommandLine {
  readonly file: string | undefined;
  readonly standardInput: boolean;
  /** Configuration lines, one an option. */
  readonly lines: readonly string[];
}

export function parseCommandLine(argv: readonly string[]): CommandLine {
  const first = argv[0];
  const file = first !== undefined && !first.startsWith("-") ? first : undefined;
  const lines: string[] = [];
  let standardInput = false;
  let lastHasValue = true;
  for (let i = file === undefined ? 0 : 1; i < argv.length; i++) {
    const argument = argv[i]!;
    const next = argv[i + 1];
    if (argument === "-" && (i === 0 || i === argv.length - 1)) {
      standardInput = true;
    } else if (lastHasValue && argument.startsWith("--")) {
      lines.push(argument.slice(2));
      lastHasValue = splitArguments(argument)?.length !== 1;
      const isEmptySave = argument.toLowerCase() === "--save" && (next === undefined || next.startsWith("--"));
      if (isEmptySave) {
        lines[lines.length - 1] += ' ""';
        lastHasValue = true;
      }
    } else {
      if (lines.length === 0) lines.push("");
      lines[lines.length - 1] += ` ${quoteArgument(argument)}`;
      lastHasValue = true;
    }
  }
  return { file, standardInput, lines };
}
