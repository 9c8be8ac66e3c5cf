/** Commands on keys and databases, whatever the keys hold. */
import type { CommandDefinition } from "../definition.ts";
import { copy } from "./copy.ts";
import { del, unlink } from "./delete.ts";
import { dump } from "./dump.ts";
import { exists, touch, type } from "./exists.ts";
import { expire, expireat, pexpire, pexpireat } from "./expire.ts";
import { flushall, flushdb } from "./flush.ts";
import { dbsize, keys, randomkey } from "./keys.ts";
import { memory } from "./memory.ts";
import { move } from "./move.ts";
import { object } from "./object.ts";
import { rename, renamenx } from "./rename.ts";
import { restore } from "./restore.ts";
import { scan } from "./scan.ts";
import { select, swapdb } from "./select.ts";
import { expiretime, persist, pexpiretime, pttl, ttl } from "./ttl.ts";

export const keyspaceCommands: readonly CommandDefinition[] = [
  copy,
  dbsize,
  del,
  dump,
  exists,
  expire,
  expireat,
  expiretime,
  flushall,
  flushdb,
  keys,
  memory,
  move,
  object,
  persist,
  pexpire,
  pexpireat,
  pexpiretime,
  pttl,
  randomkey,
  rename,
  renamenx,
  restore,
  scan,
  select,
  swapdb,
  touch,
  ttl,
  type,
  unlink,
];
