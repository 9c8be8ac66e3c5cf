/**
 * Where a running Emberlog keeps its data, if that is on this machine: then its files tell the data of one moment, without asking the server for
 * anything and without a second copy in its memory, and its keys need not be read one by one.
 */
import { latin1 } from "../base/bytes.ts";
import type { Disk } from "../disk/disk.ts";
import { joinPath } from "../disk/file_names.ts";
import type { RedisClient } from "./redis_client.ts";

/** The data directory of the server; undefined: it is elsewhere, writes no log, or is no Emberlog. */
export async function localDirectory(client: RedisClient, disk: Disk): Promise<string | undefined> {
  const [info, config] = await client.batch([["INFO"], ["CONFIG", "GET", "dir"]]);
  const text = info instanceof Uint8Array ? latin1(info) : "";
  // A file named after a random number, in a directory that a process has locked: nobody else's.
  const segment = /^log_segment:(\S+)/m.exec(text)?.[1];
  const directory = Array.isArray(config) && config[1] instanceof Uint8Array ? Buffer.from(config[1]).toString() : "";
  if (!/^server_name:emberlog/m.test(text) || segment === undefined || directory === "") return undefined;
  if (disk.status(directory)?.kind !== "directory" || disk.holder(directory) === undefined) return undefined;
  return disk.status(joinPath(directory, segment)) === undefined ? undefined : directory;
}
