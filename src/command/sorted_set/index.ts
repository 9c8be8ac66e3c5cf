/** All commands on sorted sets. */
import type { CommandDefinition } from "../definition.ts";

export const sortedSetCommands: readonly CommandDefinition[] = [];
