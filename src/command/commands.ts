/** The commands that need nothing but the dataset: what the in-process API and the server have in common. */

import { bitmapCommands } from "./bitmap/index.ts";
import type { CommandDefinition } from "./definition.ts";
import { hashCommands } from "./hash/index.ts";
import { keyspaceCommands } from "./keyspace/index.ts";
import { listCommands } from "./list/index.ts";
import { setCommands } from "./set/index.ts";
import { sortCommands } from "./sort/index.ts";
import { sortedSetCommands } from "./sorted_set/index.ts";
import { stringCommands } from "./string/index.ts";
import { discard, exec, multi, unwatch, watch } from "./transaction/multi.ts";

export const datasetCommands: readonly CommandDefinition[] = [
  ...keyspaceCommands,
  ...stringCommands,
  ...bitmapCommands,
  ...hashCommands,
  ...listCommands,
  ...setCommands,
  ...sortedSetCommands,
  ...sortCommands,
  multi,
  exec,
  discard,
  watch,
  unwatch,
];
