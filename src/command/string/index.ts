/** All string commands. */
import type { CommandDefinition } from "../definition.ts";
import { get } from "./get.ts";
import { set } from "./set.ts";

export const stringCommands: readonly CommandDefinition[] = [get, set];
