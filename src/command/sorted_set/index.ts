/** All commands on sorted sets. */
import type { CommandDefinition } from "../definition.ts";
import { zadd, zincrby } from "./zadd.ts";
import { zcount, zlexcount } from "./zcount.ts";
import { zrange, zrangebylex, zrangebyscore, zrevrange, zrevrangebylex, zrevrangebyscore } from "./zrange.ts";
import { zrem } from "./zrem.ts";
import { zremrangebylex, zremrangebyrank, zremrangebyscore } from "./zremrange.ts";
import { zcard, zmscore, zrank, zrevrank, zscore } from "./zscore.ts";

export const sortedSetCommands: readonly CommandDefinition[] = [
  zadd,
  zcard,
  zcount,
  zincrby,
  zlexcount,
  zmscore,
  zrange,
  zrangebylex,
  zrangebyscore,
  zrank,
  zrem,
  zremrangebylex,
  zremrangebyrank,
  zremrangebyscore,
  zrevrange,
  zrevrangebylex,
  zrevrangebyscore,
  zrevrank,
  zscore,
];
