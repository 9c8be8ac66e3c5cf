/**
 * From a command line to a Config: the file, standard input, then the options, the last value winning; `include` is
 * carried out where it stands. The first mistake ends it, named with file, line and reason as Redis words it.
 *
 * Reading files is the caller's (ConfigSources), so that the same code serves tests without a disk.
 */
import { isAbsolute, join } from "node:path";
import { EmberlogError } from "../../base/errors.ts";
import { CONFIG_INCLUDE_DEPTH_MAX } from "../../base/limits.ts";
import type { CommandLine } from "./command_line.ts";
import { Config } from "./config.ts";
import { fileOnlyWords, findDirective, forgottenNames } from "./directives.ts";
import { isPattern, matchesPattern } from "./pattern.ts";
import { splitArguments } from "./syntax.ts";

export interface ConfigSources {
  readonly workingDirectory: string;
  /** The file's text, one character a byte. Throws what the system said. */
  readFile(path: string): string;
  /** The names in a directory; none when it isn't one. */
  listDirectory(path: string): string[];
  readStandardInput(): string;
}

/** Throws EmberlogError CONFIG_INVALID, whose message is ready to be shown. */
export function loadConfig(commandLine: CommandLine, sources: ConfigSources): Config {
  const config = new Config(sources.workingDirectory);
  const loaded = new Set<string>();
  const { file, standardInput, lines } = commandLine;
  if (file !== undefined) {
    config.file = isAbsolute(file) ? file : join(sources.workingDirectory, file);
    loadFiles(config, file, sources, loaded, 0);
  }
  if (standardInput) loadText(config, sources.readStandardInput(), "standard input", sources, loaded, 0);
  loadText(config, lines.join("\n"), COMMAND_LINE, sources, loaded, 0);
  return config;
}

const COMMAND_LINE = "the command line";

function loadFiles(config: Config, path: string, sources: ConfigSources, loaded: Set<string>, depth: number): void {
  const full = isAbsolute(path) ? path : join(sources.workingDirectory, path);
  // A pattern that matches nothing is fine (an empty conf.d); a file that was named must be there.
  const files = isPattern(path) ? expandPattern(full, sources) : [full];
  for (const file of files) {
    let text: string;
    try {
      text = sources.readFile(file);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new EmberlogError("CONFIG_INVALID", `Fatal error, can't open config file '${file}': ${why}`, {
        file,
        cause,
      });
    }
    loadText(config, text, file, sources, loaded, depth);
  }
}

function expandPattern(path: string, sources: ConfigSources): string[] {
  let found = ["/"];
  for (const part of path.split("/").filter((each) => each !== "")) {
    found = found.flatMap((directory) => {
      if (!isPattern(part)) return [join(directory, part)];
      const names = sources.listDirectory(directory).filter((name) => {
        return matchesPattern(part, name) && (part.startsWith(".") || !name.startsWith("."));
      });
      return names.sort().map((name) => join(directory, name));
    });
  }
  return found;
}

function loadText(
  config: Config,
  text: string,
  origin: string,
  sources: ConfigSources,
  loaded: Set<string>,
  depth: number,
): void {
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/^[ \t\r]+|[ \t\r]+$/g, "");
    if (line === "" || line.startsWith("#")) continue;
    const problem = loadLine(config, line, sources, loaded, depth);
    if (problem === undefined) continue;
    const where = origin === COMMAND_LINE ? origin : `the configuration file ${origin}, at line ${index + 1}`;
    const message = `\n*** FATAL CONFIG FILE ERROR (Emberlog) ***\nReading ${where}\n>>> '${line}'\n${problem}`;
    throw new EmberlogError("CONFIG_INVALID", message, origin === COMMAND_LINE ? {} : { file: origin });
  }
}

/** Undefined when the line was taken, else what is wrong with it. */
function loadLine(
  config: Config,
  line: string,
  sources: ConfigSources,
  loaded: Set<string>,
  depth: number,
): string | undefined {
  const words = splitArguments(line);
  if (words === undefined) return "Unbalanced quotes in configuration line";
  const [name, ...args] = words;
  if (name === undefined) return undefined;
  const directive = findDirective(name);
  if (directive !== undefined) return config.assign(directive, args, loaded);
  const lower = name.toLowerCase();
  if (forgottenNames.includes(lower) && args.length === 1) return undefined;
  const word = fileOnlyWords.get(lower);
  if (word === undefined || args.length < word.argumentsMin) return "Bad directive or wrong number of arguments";
  if (word.reason !== "") return word.reason;
  if (args.length !== 1) return "Bad directive or wrong number of arguments";
  if (depth >= CONFIG_INCLUDE_DEPTH_MAX) return `Includes are nested deeper than ${CONFIG_INCLUDE_DEPTH_MAX}`;
  loadFiles(config, args[0]!, sources, loaded, depth + 1);
  return undefined;
}
