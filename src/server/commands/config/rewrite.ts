/** CONFIG REWRITE: the configuration file takes on the values of now; a crash leaves the old file or the new one. // D2 */
import { basename, dirname } from "node:path";
import { latin1, latin1Bytes } from "../../../base/bytes.ts";
import { EmberlogError } from "../../../base/errors.ts";
import { CONFIG_FILE_BYTES_MAX } from "../../../base/limits.ts";
import type { Call } from "../../../command/call.ts";
import { DiskError, readWholeFile } from "../../../disk/disk.ts";
import { errorText } from "../../../disk/errno.ts";
import { NodeDisk } from "../../../disk/node_disk.ts";
import { replaceFile } from "../../../disk/replace_file.ts";
import type { Server } from "../../server.ts";

export function configRewrite(call: Call, server: Server): void {
  const { config, logger } = server;
  const { file } = config;
  if (file === undefined) return call.reply.error("ERR The server is running without a config file");
  try {
    const disk = new NodeDisk();
    // A file that was removed meanwhile is written anew.
    const present = readWholeFile(disk, file, CONFIG_FILE_BYTES_MAX) ?? new Uint8Array(0);
    const name = basename(file);
    replaceFile(disk, dirname(file), name, `${name}.rewrite.tmp`, latin1Bytes(config.rewrite(latin1(present))));
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError)) throw thrown;
    logger.warning(`CONFIG REWRITE failed: ${thrown.message}`);
    const reason = thrown instanceof DiskError ? errorText(thrown.errno) : thrown.message;
    return call.reply.error(`ERR Rewriting config file: ${reason}`);
  }
  logger.notice("CONFIG REWRITE executed with success.");
  call.reply.ok();
}
