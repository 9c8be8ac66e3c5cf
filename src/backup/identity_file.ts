/** The file of identities that open a backup. */
import { EmberlogError } from "../base/errors.ts";
import { type Disk, readWholeFile } from "../disk/disk.ts";
import { Identities } from "./age_header.ts";

/** Bytes. */
const IDENTITY_FILE_BYTES_MAX = 1024 * 1024;

/** null where no file is given. Throws CONFIG_INVALID. */
export async function readIdentities(disk: Disk, file: string | null): Promise<Identities | null> {
  if (file === null) return null;
  const bytes = readWholeFile(disk, file, IDENTITY_FILE_BYTES_MAX);
  if (bytes === undefined) throw new EmberlogError("CONFIG_INVALID", `there is no identity file ${file}`, { file });
  return Identities.parse(Buffer.from(bytes).toString("utf8"), file);
}
