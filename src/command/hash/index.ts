/** All commands on hashes. */
import type { CommandDefinition } from "../definition.ts";
import { hdel } from "./delete.ts";
import { hexists, hget, hlen, hmget, hstrlen } from "./get.ts";
import { hgetall, hkeys, hvals } from "./get_all.ts";
import { hmset, hset, hsetnx } from "./set.ts";

export const hashCommands: readonly CommandDefinition[] = [
  hdel,
  hexists,
  hget,
  hgetall,
  hkeys,
  hlen,
  hmget,
  hmset,
  hset,
  hsetnx,
  hstrlen,
  hvals,
];
