/** The commands that need nothing but the dataset: what the in-process API and the server have in common. */

import { bitmapCommands } from "./bitmap/index.ts";
import type { CommandDefinition } from "./definition.ts";
import { keyspaceCommands } from "./keyspace/index.ts";
import { stringCommands } from "./string/index.ts";
import { discard, exec, multi, unwatch, watch } from "./transaction/multi.ts";

export const datasetCommands: readonly CommandDefinition[] = [
  ...keyspaceCommands,
  ...stringCommands,
  ...bitmapCommands,
  multi,
  exec,
  discard,
  watch,
  unwatch,
];
