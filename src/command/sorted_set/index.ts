/** All commands on sorted sets. */
import type { CommandDefinition } from "../definition.ts";
import { zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore } from "./combine.ts";
import { bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin } from "./pop.ts";
import { zadd, zincrby } from "./zadd.ts";
import { zcount, zlexcount } from "./zcount.ts";
import { zrandmember } from "./zrandmember.ts";
import { zrange, zrangebylex, zrangebyscore, zrevrange, zrevrangebylex, zrevrangebyscore } from "./zrange.ts";
import { zrangestore } from "./zrangestore.ts";
import { zrem } from "./zrem.ts";
import { zremrangebylex, zremrangebyrank, zremrangebyscore } from "./zremrange.ts";
import { zscan } from "./zscan.ts";
import { zcard, zmscore, zrank, zrevrank, zscore } from "./zscore.ts";

export const sortedSetCommands: readonly CommandDefinition[] = [
  bzmpop,
  bzpopmax,
  bzpopmin,
  zadd,
  zcard,
  zcount,
  zdiff,
  zdiffstore,
  zincrby,
  zinter,
  zintercard,
  zinterstore,
  zlexcount,
  zmpop,
  zmscore,
  zpopmax,
  zpopmin,
  zrandmember,
  zrange,
  zrangebylex,
  zrangebyscore,
  zrangestore,
  zrank,
  zrem,
  zremrangebylex,
  zremrangebyrank,
  zremrangebyscore,
  zrevrange,
  zrevrangebylex,
  zrevrangebyscore,
  zrevrank,
  zscan,
  zscore,
  zunion,
  zunionstore,
];
