/** The grammar of `emberlog backup …` and `emberlog restore`; what they do stands in backup.ts and restore.ts. */
import type { Command } from "commander";
import { type Keys, NO_KEYS } from "../base/key_ring.ts";
import type { BackupListOptions, BackupNowOptions, BackupVerifyOptions } from "./backup.ts";
import type { BackupCatalogueOptions } from "./backup_catalogue.ts";
import type { BackupDrillOptions } from "./backup_drill.ts";
import type { BackupIdentityOptions } from "./backup_identity.ts";
import type { BackupPruneOptions } from "./backup_prune.ts";
import type { BackupStatusOptions } from "./backup_status.ts";
import type { HistoryOptions } from "./history.ts";
import { describeKeyOptions, takeKeys } from "./key_options.ts";
import type { Terminal } from "./progress.ts";
import type { RestoreOptions } from "./restore.ts";
import type { TimelineOptions } from "./timeline.ts";

/** `words` stand behind the first word; `done` gets the exit code; `terminal` shows how far something is. */
export function addBackupCommands(
  program: Command,
  words: readonly string[],
  out: (text: string) => void,
  done: (code: number) => void,
  terminal: Terminal,
): void {
  describeKeyOptions(
    program
      .command("restore")
      .description("write a data directory as it was, out of a backup")
      .requiredOption("--from <url>", "file:///path or s3://bucket/prefix")
      .requiredOption("--dir <directory>", "where to: empty, or not there yet")
      .option("--to <time>", "as of a time: 2026-11-21T10:00:00.250Z")
      .option("--to-sequence <number>", "as after a command's number")
      .option("--before <command>", "as before the last command of that name: FLUSHALL")
      .option("--before-command <regex>", "as before the last command that matches, words separated by spaces")
      .option("--ttl <keep|shift>", "keys expire when they did; or live as long from now as they had left", "keep")
      .option("--claim <number>", "not of the newest claim but of this one (backup list)")
      .option("--identity <file>", "the identity of age that opens the objects")
      .option("--dry-run", "say what would be fetched, and fetch nothing")
      .option("--json", "one JSON object instead of text"),
  ).action(async (options: RestoreOptions) => {
    const { runRestore } = await import("./restore.ts");
    done(await runRestore(options, keysIn(words), out, terminal));
  });
  describeKeyOptions(
    program
      .command("timeline")
      .description("what was written when, what can be restored, and which commands emptied much")
      .option("--from <url>", "file:///path or s3://bucket/prefix")
      .option("--dir <directory>", "a data directory, also while a server runs on it")
      .option("--claim <number>", "not of the newest claim but of this one (backup list)")
      .option("--since <time>", "nothing older: 2026-11-21T10:00:00Z")
      .option("--until <time>", "nothing newer")
      .option("--json", "one JSON object instead of a chart"),
  ).action(async (options: TimelineOptions) => {
    const { runTimeline } = await import("./timeline.ts");
    done(await runTimeline(options, keysIn(words), out));
  });
  describeKeyOptions(
    program
      .command("history <key>")
      .description("each version of one key, with its time; and one of them back into a running server")
      .option("--from <url>", "file:///path or s3://bucket/prefix")
      .option("--dir <directory>", "a data directory, also while a server runs on it")
      .option("--claim <number>", "not of the newest claim but of this one (backup list)")
      .option("--db <number>", "the key's database", "0")
      .option("--hex", "the key is given in hex digits")
      .option("--since <time>", "nothing older than what was current then: 2026-11-21T10:00:00Z")
      .option("--until <time>", "nothing newer")
      .option("--sequence <number>", "nothing newer than this command")
      .option("--limit <versions>", "so many of the newest versions", "100")
      .option("--identity <file>", "the identity of age that opens the objects")
      .option("--restore-into <server>", "redis://host[:port][/database]: put the newest of these versions back there")
      .option("--replace", "over what is there under that key")
      .option("--ttl <keep|shift>", "expire when it did; or live as long from now as it had left", "keep")
      .option("--user <name>", "user name for AUTH")
      .option("--password <password>", "password for AUTH (default: $EMBERLOG_PASSWORD, which ps does not show)")
      .option("--json", "one JSON object instead of text")
      .addHelpText("after", "\nExit codes: 0 told, or put back; 1 there is no version of the key; 2 it failed."),
  ).action(async (key: string, options: HistoryOptions) => {
    const { runHistory } = await import("./history.ts");
    done(await runHistory(key, options, keysIn(words), out));
  });
  const backup = program
    .command("backup")
    .description("bring a data directory into a store, and look at what is there");
  describeKeyOptions(
    backup
      .command("now <directory>")
      .description("store what the directory holds in sealed files, also while a server runs on it")
      .requiredOption("--to <url>", "file:///path or s3://bucket/prefix")
      .option("--recipient <age1…>", "who can read it; may be repeated", collect, [])
      .option("--unencrypted", "store readable objects in a remote store")
      .option("--single-writer", "nothing else writes there: for stores without conditional writes")
      .option("--json", "one JSON object instead of text"),
  ).action(async (directory: string, options: BackupNowOptions) => {
    const { backupNow } = await import("./backup.ts");
    done(await backupNow(directory, options, keysIn(words), out, terminal));
  });
  backup
    .command("identity <file>")
    .description("make what opens backups, and tell the recipient that they are sealed for")
    .option("--show", "tell the recipients of an identity file that is there")
    .option("--json", "one JSON object instead of text")
    .action(async (file: string, options: BackupIdentityOptions) => {
      const { backupIdentity } = await import("./backup_identity.ts");
      done(await backupIdentity(file, options, out));
    });
  backup
    .command("status")
    .description("who writes there, how far it reaches, what it takes")
    .option("--from <url>", "file:///path or s3://bucket/prefix")
    .option("--dir <directory>", "a data directory: what of it is not there yet; without --from its catalogue is asked")
    .option("--json", "one JSON object instead of text")
    .addHelpText("after", "\nExit codes: 0 a backup without holes; 1 none, or with holes; 2 the store can't be read.")
    .action(async (options: BackupStatusOptions) => {
      const { backupStatus } = await import("./backup_status.ts");
      done(await backupStatus(options, out));
    });
  describeKeyOptions(
    backup
      .command("drill")
      .description("restore for real into a scratch folder, compare what comes out, and record the result")
      .requiredOption("--from <url>", "file:///path or s3://bucket/prefix")
      .option("--identity <file>", "the identity of age that opens the objects")
      .option("--scratch <directory>", "where the scratch folder is made (default: TMPDIR)")
      .option("--no-record", "write no record into the store")
      .option("--json", "one JSON object instead of text")
      .addHelpText("after", "\nExit codes: 0 it works; 1 it does not; 2 it could not be tried."),
  ).action(async (options: BackupDrillOptions) => {
    const { backupDrill } = await import("./backup_drill.ts");
    done(await backupDrill(options, keysIn(words), out, terminal));
  });
  backup
    .command("prune")
    .description("remove what the retention no longer keeps")
    .requiredOption("--from <url>", "file:///path or s3://bucket/prefix")
    .requiredOption(
      "--keep <retention>",
      '"7d daily 14 weekly 8 monthly 12": each command of 7 days, then single images',
    )
    .option("--dir <directory>", "the data directory whose backup it is")
    .option("--claim <number>", "instead of --dir: the claim that must be the newest one")
    .option("--dry-run", "say what would go, and remove nothing")
    .option("--strangers", "remove old objects of servers that the newest one did not go on from, too")
    .option("--json", "one JSON object instead of text")
    .addHelpText(
      "after",
      "\nExit codes: 0 done; 1 some objects are locked in the store; 2 it failed, or it is another's.",
    )
    .action(async (options: BackupPruneOptions) => {
      const { backupPrune } = await import("./backup_prune.ts");
      done(await backupPrune(options, out));
    });
  backup
    .command("catalogue")
    .description("make the catalogue in a data directory anew from what the store holds")
    .requiredOption("--from <url>", "file:///path or s3://bucket/prefix")
    .requiredOption("--dir <directory>", "the data directory, also while a server runs on it")
    .option("--json", "one JSON object instead of text")
    .action(async (options: BackupCatalogueOptions) => {
      const { backupCatalogue } = await import("./backup_catalogue.ts");
      done(await backupCatalogue(options, out));
    });
  backup
    .command("list")
    .description("what is there, and what can be restored")
    .option("--from <url>", "file:///path or s3://bucket/prefix")
    .option("--dir <directory>", "ask the catalogue in a data directory instead")
    .option("--claim <number>", "not of the newest claim but of this one (backup list)")
    .option("--json", "one JSON object instead of text")
    .action(async (options: BackupListOptions) => {
      const { backupList } = await import("./backup.ts");
      done(await backupList(options, out));
    });
  backup
    .command("verify")
    .description("compare every object with its checksum; with an identity, its content too")
    .requiredOption("--from <url>", "file:///path or s3://bucket/prefix")
    .option("--identity <file>", "the identity of age that opens the objects")
    .option("--no-record", "write no record into the store")
    .option("--json", "one JSON object instead of text")
    .addHelpText("after", "\nExit codes: 0 sound; 1 damaged; 2 it could not be verified.")
    .action(async (options: BackupVerifyOptions) => {
      const { backupVerify } = await import("./backup.ts");
      done(await backupVerify(options, out, terminal));
    });
}

function keysIn(words: readonly string[]): Keys {
  return takeKeys(words)?.keys ?? NO_KEYS;
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
