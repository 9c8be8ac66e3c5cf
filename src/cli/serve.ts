/**
 * `emberlog [serve] [redis.conf] [--directive value ...]`: reads the configuration, starts the server, and stops it
 * gracefully at SIGTERM or SIGINT.
 *
 * Exit codes: 0 after a graceful stop, 1 for a configuration or a start that failed and for a forced stop; else what
 * the server ended with (a failed sync under `appendfsync always` ends it, see D9).
 */
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { collectInPlace } from "../platform/collector.ts";
import { inlineFurther } from "../platform/optimizer.ts";
import { greeting, startupLines } from "../server/banner.ts";
import { parseCommandLine } from "../server/config/command_line.ts";
import type { Config } from "../server/config/config.ts";
import { loadConfig } from "../server/config/load.ts";
import { Logger, type LogLevel } from "../server/logger.ts";
import { shutdownOptions } from "../server/shutdown.ts";
import { systemFiles } from "./config_files.ts";
import { containerLimitBytes, memoryAdvice, readSystemFile } from "./container_memory.ts";
import { openLogSink, removePidFile, writePidFile } from "./process_files.ts";
import { SignalPolicy } from "./signal_policy.ts";

/** Enough for V8 to optimise the common commands, little beside what a start takes anyway. */
const WARM_UP_MS = 300;

export async function runServe(argv: readonly string[], printError: (text: string) => void): Promise<number> {
  let config: Config;
  let logger: Logger;
  try {
    config = loadConfig(parseCommandLine(argv), systemFiles());
    logger = new Logger(config.text("loglevel") as LogLevel, systemClock, openLogSink(config.path("logfile")));
  } catch (error) {
    if (!(error instanceof EmberlogError)) throw error;
    printError(`${error.message}\n`);
    return 1;
  }
  config.onChange(["loglevel"], () => {
    logger.level = config.text("loglevel") as LogLevel;
    return undefined;
  });
  config.onWarning = (line) => logger.warning(line);
  logger[greeting().level](greeting().text);
  if (config.file === undefined)
    logger.notice("No configuration file was given: the defaults and the command line apply");
  for (const line of config.warnings()) logger.warning(line);
  const advice = memoryAdvice(containerLimitBytes(readSystemFile), config.integer("maxmemory"));
  if (advice !== undefined) logger.warning(advice);

  const pidFile = config.path("pidfile");
  if (pidFile !== undefined) {
    const problem = writePidFile(pidFile);
    if (problem !== undefined) logger.warning(`Can't write the pid file '${pidFile}': ${problem}`);
  }
  try {
    return await serve(config, logger);
  } finally {
    if (pidFile !== undefined) removePidFile(pidFile);
  }
}

async function serve(config: Config, logger: Logger): Promise<number> {
  const signals = new SignalPolicy(systemClock);
  let stop: ((name: string) => void) | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    const action = signals.decide(name);
    if (action === "ignore") return;
    if (action === "force") {
      logger.warning("You insist... exiting now.");
      process.exit(1);
    }
    // Until the server is ready nothing was acknowledged, and a start that is cut off changes nothing.
    if (stop === undefined) process.exit(0);
    stop(name);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  try {
    // Loaded late, so that `emberlog ping` and a mistake in the configuration are answered at once.
    inlineFurther();
    collectInPlace();
    const { startServer } = await import("../server/server.ts");
    const server = await startServer({ config, logger, warmUpMs: WARM_UP_MS });
    stop = (name) => {
      logger.notice(`Received ${name}, stopping: requests in hand are finished and the log is synced`);
      const words = config.text(name === "SIGINT" ? "shutdown-on-sigint" : "shutdown-on-sigterm").split(" ");
      server.shutdown.begin(shutdownOptions(words));
    };
    server.shutdown.onCalledOff = () => signals.forget();
    for (const line of startupLines(server.report)) logger[line.level](line.text);
    server.turns.beginAccounting();
    const code = await server.closed;
    if (code === 0) logger.notice("Stopped, bye bye...");
    return code;
  } catch (error) {
    if (!(error instanceof EmberlogError)) throw error;
    logger.warning(error.message);
    return 1;
  } finally {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
  }
}
