/** SORT and SORT_RO. */
import type { CommandDefinition } from "../definition.ts";

export const sortCommands: readonly CommandDefinition[] = [];
