/** `startServer` of the library: a whole server in this process, with directives given as an object. */
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { parseCommandLine } from "./config/command_line.ts";
import { loadConfig } from "./config/load.ts";
import { Logger } from "./logger.ts";
import { Server } from "./server.ts";

export interface StartServerOptions {
  /** 0: a free port is chosen. 6379 when not given. */
  readonly port?: number;
  /** Data directory. Not needed with `appendonly: "no"`. */
  readonly dir?: string;
  /** Any further directive of redis.conf by its name, `{ appendfsync: "always" }`. */
  readonly [directive: string]: string | number | undefined;
}

export interface RunningServer {
  readonly port: number;
  /** "127.0.0.1:6379", … */
  readonly addresses: readonly string[];
  /** Finishes what is in hand, syncs the log and stops. */
  close(): Promise<void>;
}

/** Starts a server and resolves when it accepts connections. Throws EmberlogError as `open` does, ADDRESS_IN_USE or CONFIG_INVALID. */
export async function startServer(
  options: StartServerOptions = {},
  log?: (line: string) => void,
): Promise<RunningServer> {
  const argv: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) argv.push(`--${name}`, String(value));
  }
  const config = loadConfig(parseCommandLine(argv), {
    workingDirectory: process.cwd(),
    readFile: (path) => {
      throw new EmberlogError("CONFIG_INVALID", `include ${path}: directives of a library's server come as an object`);
    },
    listDirectory: () => [],
    readStandardInput: () => "",
  });
  const logger = new Logger("notice", systemClock, log ?? (() => {}));
  const server = new Server({ config, logger });
  try {
    await server.start(options.port === 0);
  } catch (error) {
    await server.abandon();
    throw error;
  }
  return {
    port: server.port,
    addresses: server.listening,
    close: async () => {
      await server.close();
      await server.closed;
    },
  };
}
