/**
 * `emberlog backup identity FILE`: makes what opens backups, and prints the recipient that the server seals them for. The file is one of
 * age-keygen's, so that the standard `age` tool takes it, and `backup identity --show FILE` tells the recipients of one that is there.
 *
 * Never written over anything: an identity that is lost is lost with all backups made for it.
 */
import { Identities } from "../backup/age_header.ts";
import { systemClock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { createKeyFile } from "../disk/key_files.ts";
import { readIdentities, withErrors } from "./backup_options.ts";

export interface BackupIdentityOptions {
  readonly show?: boolean;
  readonly json?: boolean;
}

export function backupIdentity(
  file: string,
  { show = false, json = false }: BackupIdentityOptions,
  out: (text: string) => void,
): Promise<number> {
  return withErrors(json, out, async () => {
    const recipients = show ? await shown(file) : [await make(file)];
    if (json) out(`${JSON.stringify({ file, recipients })}\n`);
    else if (show) out(recipients.map((recipient) => `${recipient}\n`).join(""));
    else {
      out(`identity   ${file}: keep a copy where the backups are not; without it nobody reads them\n`);
      out(`recipient  ${recipients[0]}\n`);
    }
    return 0;
  });
}

async function shown(file: string): Promise<string[]> {
  const identities = await readIdentities(file);
  if (identities === null) throw new EmberlogError("CONFIG_INVALID", "no identity file was given");
  return identities.recipients();
}

async function make(file: string): Promise<string> {
  const { identity, recipient } = await Identities.generate();
  const made = new Date(systemClock.wallMs()).toISOString();
  createKeyFile(file, `# created: ${made}\n# public key: ${recipient}\n${identity}\n`);
  return recipient;
}
