/** All commands on lists. */
import type { CommandDefinition } from "../definition.ts";

export const listCommands: readonly CommandDefinition[] = [];
