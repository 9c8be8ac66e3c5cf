/** All commands on sets. */
import type { CommandDefinition } from "../definition.ts";

export const setCommands: readonly CommandDefinition[] = [];
