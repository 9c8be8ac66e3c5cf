/** An empty engine with the commands of the dataset, for tools. */
import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { datasetCommands } from "../command/commands.ts";
import { CommandTable } from "../command/table.ts";
import { Engine } from "../engine/engine.ts";
import { nativeMemoryCalls } from "../platform/memory_calls.ts";

export function plainEngine(databases: number): Engine {
  const memoryCalls = nativeMemoryCalls();
  return new Engine({
    clock: systemClock,
    random: systemRandom(),
    table: new CommandTable(datasetCommands),
    databases,
    ...(memoryCalls === undefined ? {} : { memoryCalls }),
  });
}
