/** All commands on hashes. */
import type { CommandDefinition } from "../definition.ts";

export const hashCommands: readonly CommandDefinition[] = [];
