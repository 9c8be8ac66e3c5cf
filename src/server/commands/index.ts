/** The commands that speak about the server itself. */
import { debugCommand } from "../../command/debug/index.ts";
import type { CommandDefinition } from "../../command/definition.ts";
import { reloadFromMemory } from "../../engine/reload.ts";
import { Counters } from "../info/counters.ts";
import { MicrosecondClock } from "../microseconds.ts";
import type { Server } from "../server.ts";
import { aclCommand } from "./acl/index.ts";
import { auth } from "./auth.ts";
import { backupCommand } from "./backup.ts";
import { clientCommand } from "./client/index.ts";
import { cluster } from "./cluster/index.ts";
import { asking, readonly, readwrite } from "./cluster/modes.ts";
import { command } from "./command/index.ts";
import { configCommand } from "./config/index.ts";
import { echo } from "./echo.ts";
import { encryptionCommand } from "./encryption.ts";
import { functionCommand } from "./function/index.ts";
import { hello } from "./hello.ts";
import { info } from "./info.ts";
import { latencyCommand } from "./latency/index.ts";
import { lolwut } from "./lolwut.ts";
import { moduleCommand } from "./module/index.ts";
import { monitor } from "./monitor.ts";
import { ping } from "./ping.ts";
import { protectedRefusal } from "./protection.ts";
import { pubsubCommands } from "./pubsub/index.ts";
import { quit } from "./quit.ts";
import { reset } from "./reset.ts";
import { role } from "./role.ts";
import { savingCommands } from "./saving.ts";
import { shutdown } from "./shutdown.ts";
import { slowlogCommand } from "./slowlog.ts";
import { time } from "./time.ts";
import { wait, waitaof } from "./wait.ts";

export function serverCommands(server: Server): readonly CommandDefinition[] {
  const counters = new Counters(server);
  const clock = new MicrosecondClock(server.clock);
  return [
    auth(server),
    hello(server),
    ping,
    echo,
    quit,
    reset(server),
    clientCommand(server),
    command,
    configCommand(server, counters),
    info(server, counters, clock),
    time(clock),
    ...savingCommands(server),
    wait(server),
    waitaof(server),
    role,
    shutdown(server),
    aclCommand(server),
    slowlogCommand(server),
    latencyCommand(server),
    encryptionCommand(server),
    backupCommand(server),
    monitor(server),
    lolwut,
    functionCommand,
    moduleCommand(server),
    cluster,
    ...pubsubCommands(server),
    readonly,
    readwrite,
    asking,
    debugCommand({
      refusal: (call) => protectedRefusal(server, call, "DEBUG", "enable-debug-command"),
      log: (message) => server.logger.warning(message),
      pauseTimer: (paused) => {
        server.housekeeping.paused = paused;
      },
      changeReplicationId: () => server.changeReplicationId(),
      reload: () => reload(server),
      loadLog: () => (server.storage === undefined ? "ERR there is no log to load (appendonly no)" : reload(server)),
    }),
  ];
}

/** What is stored takes the place of what is in memory; without a log, a copy in memory does. */
function reload(server: Server): string | undefined {
  if (server.storage === undefined) {
    server.engine.commit();
    reloadFromMemory(server.engine);
    return undefined;
  }
  return server.storage.reload() ? undefined : "ERR the log is being written, try again";
}
