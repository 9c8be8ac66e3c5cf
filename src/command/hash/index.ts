/** All commands on hashes. */
import type { CommandDefinition } from "../definition.ts";
import { hdel } from "./delete.ts";
import { hexpire, hexpireat, hpexpire, hpexpireat } from "./expire.ts";
import { hexists, hget, hlen, hmget, hstrlen } from "./get.ts";
import { hgetall, hkeys, hvals } from "./get_all.ts";
import { hgetdel, hgetex } from "./get_change.ts";
import { hincrby, hincrbyfloat } from "./increment.ts";
import { hrandfield } from "./random.ts";
import { hscan } from "./scan.ts";
import { hmset, hset, hsetnx } from "./set.ts";
import { hsetex } from "./setex.ts";
import { hexpiretime, hpersist, hpexpiretime, hpttl, httl } from "./ttl.ts";

export const hashCommands: readonly CommandDefinition[] = [
  hdel,
  hexists,
  hexpire,
  hexpireat,
  hexpiretime,
  hget,
  hgetall,
  hgetdel,
  hgetex,
  hincrby,
  hincrbyfloat,
  hkeys,
  hlen,
  hmget,
  hmset,
  hpersist,
  hpexpire,
  hpexpireat,
  hpexpiretime,
  hpttl,
  hrandfield,
  hscan,
  hset,
  hsetex,
  hsetnx,
  hstrlen,
  httl,
  hvals,
];
