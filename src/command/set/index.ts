/** All commands on sets. */
import type { CommandDefinition } from "../definition.ts";
import { scard, sismember, smembers, smismember } from "./members.ts";
import { sadd } from "./sadd.ts";
import { spop } from "./spop.ts";
import { srem } from "./srem.ts";

export const setCommands: readonly CommandDefinition[] = [sadd, scard, sismember, smembers, smismember, spop, srem];
