/**
 * The words after `emberlog`. `serve` and everything unknown follow Redis's grammar (a file, then --directive value);
 * the other words are commands of their own.
 *
 * Returns exit codes instead of exiting, so that tests call it.
 */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { EmberlogError } from "../base/errors.ts";
import { type Keys, NO_KEYS } from "../base/key_ring.ts";
import { VERSION } from "../base/version.ts";
import { addBackupCommands } from "./backup_commands.ts";
import { describeKeyOptions } from "./key_options.ts";
import { ping } from "./ping.ts";

export interface Output {
  out(text: string | Uint8Array): void;
  error(text: string): void;
}

const HELP = `
Serving:
  emberlog                                       serve with the defaults: port 6379, data in ./data, durable
  emberlog /etc/emberlog.conf                    with a configuration file in Redis's syntax
  emberlog /etc/emberlog.conf --port 6380        the last value wins
  emberlog --save "" --appendfsync always        directives alone; a lone "-" reads lines from standard input

Exit codes: 0 done, or stopped gracefully; 1 failed (see also check --help).`;

/** Runs the command line (without node and script) and resolves to the exit code. */
export async function runProgram(argv: readonly string[], output: Output): Promise<number> {
  const [word, ...rest] = argv;
  const serves = word === undefined || word === "serve" || !PROGRAM_WORDS.has(word);
  if (serves && !(word === "serve" && isHelp(rest[0]))) {
    const { runServe } = await import("./serve.ts");
    return runServe(word === "serve" ? rest : argv, output.error);
  }
  let code = 0;
  const program = buildProgram(rest, output, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(word === "serve" ? ["--help"] : [...argv], { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    // People have been told on the other stream.
    if (argv.includes("--json")) {
      output.out(`${JSON.stringify({ error: "USAGE", message: error.message.replace(/^error: /, "") })}\n`);
    }
    return 1;
  }
}

const PROGRAM_WORDS = new Set([
  "check",
  "repair",
  "dump",
  "import",
  "export",
  "backup",
  "restore",
  "timeline",
  "history",
  "key",
  "ping",
  "help",
  "--help",
  "-h",
  "--version",
  "-v",
]);

function isHelp(argument: string | undefined): boolean {
  return argument === "--help" || argument === "-h";
}

/** `words` stand behind the command's name; check and dump read them themselves once commander has found no mistake. */
function buildProgram(words: readonly string[], output: Output, done: (code: number) => void): Command {
  const program = new Command("emberlog")
    .description("A durable, Redis-compatible in-memory store: acknowledged means durable.")
    .version(`Emberlog ${VERSION} (Redis 7.2.4 compatible)`, "-v, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", HELP)
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.error });
  program
    .command("serve [file] [options...]")
    .description("serve (the default): a configuration file, then --directive value ...");
  describeKeyOptions(program.command("check <directory>"))
    .description("verify a data directory and explain what is in it; changes nothing")
    .option("--json", "one JSON object instead of text")
    .addHelpText("after", "\nExit codes: 0 sound; 1 a start will cut a torn tail; 2 damaged, a start will refuse.")
    .action(async () => {
      const { run } = await import("./check.ts");
      done(await run(words, output.out));
    });
  describeKeyOptions(program.command("repair <directory>"))
    .description("say what can be kept of a damaged data directory, and what is lost; --apply does it")
    .option("--apply", "do it; what is not kept is copied into quarantine/ first")
    .option("--json", "one JSON object instead of text")
    .addHelpText(
      "after",
      "\nExit codes: 0 nothing to repair, or done; 1 there is something to repair; 2 it can't be repaired.",
    )
    .action(async () => {
      const { run } = await import("./repair.ts");
      done(await run(words, output.out));
    });
  describeKeyOptions(program.command("dump <directory|file>"))
    .description("print the frames and commands of a data directory's log, or of one segment's file")
    .option("--json", "JSON lines instead of text")
    .option("--resp", "the commands alone, as redis-cli --pipe takes them")
    .option("--from <sequence>", "begin at this sequence number")
    .option("--limit <commands>", "end after so many commands")
    .option("--around <offset>", "the frames and bytes around an offset of one segment, damaged or not")
    .option("--segment <name>", "with --around: which segment; the last when not given")
    .addHelpText(
      "after",
      "\nExit codes: 0 all was read; 1 the tail is torn (with --around: a reader stops in this segment); 2 it ended at damage.",
    )
    .action(async () => {
      const { run } = await import("./dump.ts");
      done(await run(words, output.out, output.error));
    });
  addKeyCommand(program, output, done);
  addTransferCommands(program, words, output, done);
  addBackupCommands(program, words, output.out, done, process.stderr.isTTY ? output.error : undefined);
  program
    .command("ping")
    .description("health check: exit code 0 when a server answers PONG")
    .option("--host <host>", "host name or address", "127.0.0.1")
    .option("-p, --port <port>", "port", parsePort, 6379)
    .option("--socket <path>", "unix socket instead of host and port")
    .option("--user <name>", "user name for AUTH")
    .option("--password <password>", "password for AUTH (default: $EMBERLOG_PASSWORD, which ps does not show)")
    .option("--timeout <ms>", "give up after this many milliseconds", parseTimeout, 2000)
    .action(async (options: PingOptions) => {
      const { host, port, socket, user, timeout } = options;
      const password = options.password ?? process.env["EMBERLOG_PASSWORD"];
      try {
        output.out(`${await ping({ host, port, socket, username: user, password, timeoutMs: timeout })}\n`);
        done(0);
      } catch (error) {
        output.error(`${(error as Error).message}\n`);
        done(1);
      }
    });
  return program;
}

/** import and export. */
function addTransferCommands(
  program: Command,
  words: readonly string[],
  output: Output,
  done: (code: number) => void,
): void {
  const terminal = process.stderr.isTTY ? output.error : undefined;
  const keysOf = async (): Promise<Keys> => {
    const { takeKeys } = await import("./key_options.ts");
    return takeKeys(words)?.keys ?? NO_KEYS;
  };
  const access = (command: Command): Command =>
    command
      .option("--user <name>", "user name for AUTH")
      .option("--password <password>", "password for AUTH (default: $EMBERLOG_PASSWORD, which ps does not show)")
      .option("--json", "one JSON object instead of text")
      .option("--replace", "write over what is there");
  describeKeyOptions(access(program.command("import")))
    .description("make a data directory of the data of a Redis or Valkey: a file, a directory, a running server")
    .requiredOption(
      "--from <source>",
      "dump.rdb, an .aof, a directory of redis-server, or redis://host[:port][/database]",
    )
    .requiredOption("--dir <directory>", "the data directory to be made")
    .option("--skip-unsupported", "leave out streams and values of modules instead of refusing all")
    .option("--allow-truncated", "leave out a command that is cut off at the end of an append-only file")
    .option(
      "--databases <count>",
      "databases that the server will have",
      (text) => parseWhole(text, 1, 16, "1 to 16"),
      16,
    )
    .addHelpText("after", "\nExit codes: 0 imported; 1 not, and the directory is as it was.")
    .action(async (options: TransferOptions & { from: string; dir: string }) => {
      const { runImport } = await import("./import.ts");
      const { from, dir, databases = 16, user } = options;
      const args = {
        from,
        dir,
        databases,
        user,
        password: options.password ?? process.env["EMBERLOG_PASSWORD"],
        replace: options.replace === true,
        skipUnsupported: options.skipUnsupported === true,
        allowTruncated: options.allowTruncated === true,
        json: options.json === true,
        keys: await keysOf(),
      };
      done(await runImport(args, { ...output, terminal }));
    });
  describeKeyOptions(access(program.command("export")))
    .description("write the data as redis-server 7.0 and later load it")
    .option(
      "--from <server>",
      "redis://host[:port][/database]: a running server; an Emberlog on this machine as of one moment, any other key by key",
    )
    .option("--dir <directory>", "a data directory, as of one moment, also while a server runs on it")
    .option("--rdb <file>", "the RDB file to be made")
    .option("--aof <directory>", "the append-only directory to be made (appendonlydir)")
    .addHelpText("after", "\nExit codes: 0 exported; 1 not.")
    .action(async (options: TransferOptions & { from?: string; dir?: string; rdb?: string; aof?: string }) => {
      const { from, dir, rdb, aof, user } = options;
      if ((from === undefined) === (dir === undefined) || (rdb === undefined) === (aof === undefined)) {
        output.error("error: one of --from and --dir, and one of --rdb and --aof\n");
        return done(1);
      }
      const { runExport } = await import("./export.ts");
      const target = {
        kind: rdb === undefined ? ("aof" as const) : ("rdb" as const),
        path: rdb ?? aof ?? "",
        replace: options.replace === true,
      };
      const password = options.password ?? process.env["EMBERLOG_PASSWORD"];
      const args = { from, dir, target, user, password, json: options.json === true, keys: await keysOf() };
      done(await runExport(args, { ...output, terminal }));
    });
}

interface TransferOptions {
  readonly user?: string;
  readonly password?: string;
  readonly json?: boolean;
  readonly replace?: boolean;
  readonly skipUnsupported?: boolean;
  readonly allowTruncated?: boolean;
  readonly databases?: number;
}

function addKeyCommand(program: Command, output: Output, done: (code: number) => void): void {
  const print = async (text: (commands: typeof import("./key.ts")) => string): Promise<void> => {
    try {
      output.out(text(await import("./key.ts")));
      done(0);
    } catch (error) {
      if (!(error instanceof EmberlogError)) throw error;
      output.error(`${error.message}\n`);
      done(1);
    }
  };
  const key = program.command("key").description("make keys of encryption at rest, and tell their ids");
  const anyMode = [
    "--encryption-key-permissions <strict|any>",
    "any: a file that others may read is all right",
  ] as const;
  key
    .command("generate")
    .description("a new key: to standard output, or into a file of its own")
    .option("--out <file>", "the file, which must not exist; only its owner may read it")
    .action(({ out }: { out?: string }) => print(({ generate }) => generate(out)));
  key
    .command("rotate <file>")
    .description("put a new key in front of those in a file; then ENCRYPTION ROTATE makes the server use it")
    .option(...anyMode)
    .action((file: string, options: KeyFileOptions) => print(({ rotate }) => rotate(file, isAny(options))));
  key
    .command("ids <file>")
    .description("the ids of the keys in a file, the newest first: what INFO and messages call them")
    .option(...anyMode)
    .action((file: string, options: KeyFileOptions) => print(({ ids }) => ids(file, isAny(options))));
}

interface KeyFileOptions {
  readonly encryptionKeyPermissions?: string;
}

function isAny({ encryptionKeyPermissions }: KeyFileOptions): boolean {
  return encryptionKeyPermissions === "any";
}

interface PingOptions {
  readonly host: string;
  readonly port: number;
  readonly socket: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly timeout: number;
}

function parsePort(text: string): number {
  return parseWhole(text, 1, 65535, "a port");
}

function parseTimeout(text: string): number {
  return parseWhole(text, 1, 86_400_000, "a number of milliseconds");
}

function parseWhole(text: string, min: number, max: number, what: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < min || value > max) {
    throw new InvalidArgumentError(`It is not ${what}.`);
  }
  return value;
}
