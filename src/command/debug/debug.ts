/**
 * DEBUG: one command that looks at its first argument, as in Redis, where its subcommands are no commands of their own either.
 *
 * Absent on purpose: what crashes the server, what belongs to replication and cluster, and the internals of data structures that differ here.
 */

import { globMatches } from "../../base/glob.ts";
import { DEBUG_SLEEP_MS_MAX } from "../../base/limits.ts";
import type { Call } from "../call.ts";
import type { CommandDefinition } from "../definition.ts";
import { replyHelp } from "../help.ts";
import { NOT_AN_INTEGER, wrongSubcommand } from "../messages.ts";
import { replyDigest, replyObject, replyTables, replyValueDigests } from "./data.ts";
import type { DebugHost } from "./host.ts";
import { populate } from "./populate.ts";
import { replyProtocol } from "./protocol.ts";
import { printListpack, printQuicklist, replyKeyTable, setPackedThreshold } from "./structures.ts";

const HELP = [
  "CHANGE-REPL-ID",
  "    Change the replication IDs of the instance.",
  "    Dangerous: should be used only for testing the replication subsystem.",
  "DIGEST",
  "    Output a hex signature representing the current DB content.",
  "DIGEST-VALUE <key> [<key> ...]",
  "    Output a hex signature of the values of all the specified keys.",
  "ERROR <string>",
  "    Return a Redis protocol error with <string> as message. Useful for clients",
  "    unit tests to simulate Redis errors.",
  "HTSTATS <dbid> [full]",
  "    Return hash table statistics of the specified Redis database.",
  "HTSTATS-KEY <key> [full]",
  "    Like HTSTATS but for the hash table stored at <key>'s value.",
  "LISTPACK <key>",
  "    Show low level info about the listpack encoding of <key>.",
  "LOADAOF",
  "    Flush the AOF buffers on disk and reload the AOF in memory.",
  "LOG <message>",
  "    Write <message> to the server log.",
  "OBJECT <key>",
  "    Show low level info about `key` and associated value.",
  "PAUSE-CRON <0|1>",
  "    Stop periodic cron job processing.",
  "POPULATE <count> [<prefix>] [<size>]",
  "    Create <count> string keys named key:<num>. If <prefix> is specified then",
  "    it is used instead of the 'key' prefix.",
  "PROTOCOL <type>",
  "    Reply with a test value of the specified type. <type> can be: string,",
  "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
  "    true, false.",
  "QUICKLIST <key> [<0|1>]",
  "    Show low level info about the quicklist encoding of <key>.",
  "QUICKLIST-PACKED-THRESHOLD <size>",
  "    Sets the threshold for elements to be inserted as plain vs packed nodes",
  "    Default value is 1GB, allows values up to 4GB. Setting to 0 restores to default.",
  "RELOAD [option ...]",
  "    Store the dataset, and load it back to memory from what is stored.",
  "REPLYBUFFER PEAK-RESET-TIME <NEVER||RESET|time>",
  "    Sets the time (in milliseconds) to wait between client reply buffer peak resets.",
  "    In case NEVER is provided the last observed peak will never be reset",
  "    In case RESET is provided the peak reset time will be restored to the default value",
  "REPLYBUFFER RESIZING <0|1>",
  "    Enable or disable the reply buffer resize cron job",
  "SET-ACTIVE-EXPIRE <0|1>",
  "    Setting it to 0 disables expiring keys in background when they are not",
  "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
  "    default.",
  "SET-DISABLE-DENY-SCRIPTS <0|1>",
  "    Enables or disables scripts' access to commands that deny it. There are no scripts.",
  "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
  "    Enables or disables checksum checks for RDB files and RESTORE's payload. There are none.",
  "SLEEP <seconds>",
  "    Stop the server for <seconds>. Decimals allowed.",
  "STRINGMATCH-LEN <pattern> <string>",
  "    Return 1 when the string matches the glob pattern, 0 when it does not.",
];

const NOT_STORED = "ERR nothing is stored that could be loaded";

interface Subcommand {
  /** Arguments with DEBUG itself, at least and at most. */
  readonly min: number;
  readonly max: number;
  run(call: Call, host: DebugHost): void;
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  HELP: { min: 2, max: 2, run: (call) => replyHelp(call, "DEBUG", HELP) },
  "CHANGE-REPL-ID": { min: 2, max: 2, run: changeReplicationId },
  DIGEST: { min: 2, max: 2, run: replyDigest },
  "DIGEST-VALUE": { min: 2, max: Number.MAX_SAFE_INTEGER, run: replyValueDigests },
  ERROR: { min: 3, max: 3, run: (call) => call.reply.error(call.text(2)) },
  HTSTATS: { min: 3, max: 4, run: replyTables },
  "HTSTATS-KEY": { min: 3, max: 4, run: replyKeyTable },
  LISTPACK: { min: 3, max: 3, run: printListpack },
  LOADAOF: {
    min: 2,
    max: 2,
    run: (call, host) => replyOutcome(call, host.loadLog === undefined ? NOT_STORED : host.loadLog(call)),
  },
  LOG: { min: 3, max: 3, run: log },
  OBJECT: { min: 3, max: 4, run: replyObject },
  // The timer's own work stands still: tests of what it does need that.
  "PAUSE-CRON": { min: 3, max: 3, run: pauseTimer },
  POPULATE: { min: 3, max: 5, run: populate },
  PROTOCOL: { min: 3, max: 3, run: replyProtocol },
  QUICKLIST: { min: 3, max: 4, run: printQuicklist },
  "QUICKLIST-PACKED-THRESHOLD": { min: 3, max: 3, run: setPackedThreshold },
  RELOAD: { min: 2, max: Number.MAX_SAFE_INTEGER, run: reload },
  REPLYBUFFER: { min: 4, max: 4, run: setReplyBuffer },
  "SET-ACTIVE-EXPIRE": { min: 3, max: 3, run: setActiveExpire },
  // Switches of things that do not exist here: what test suites set is accepted.
  "DICT-RESIZING": { min: 3, max: 3, run: (call) => call.reply.ok() },
  "CLIENT-ENFORCE-REPLY-LIST": { min: 3, max: 3, run: (call) => call.reply.ok() },
  "SET-DISABLE-DENY-SCRIPTS": { min: 3, max: 3, run: (call) => call.reply.ok() },
  "SET-SKIP-CHECKSUM-VALIDATION": { min: 3, max: 3, run: (call) => call.reply.ok() },
  SLEEP: { min: 3, max: 3, run: sleep },
  "STRINGMATCH-LEN": { min: 4, max: 4, run: matchText },
};

/** DEBUG for a server: `host` says who may use it and does what only a server can. */
export function debugCommand(host: DebugHost): CommandDefinition {
  return {
    name: "DEBUG",
    group: "server",
    since: "1.0.0",
    summary: "A container for debugging commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: ["admin", "noscript", "loading", "stale"],
    system: true,
    run(call) {
      const refusal = call.replaying ? undefined : host.refusal(call);
      if (refusal !== undefined) return call.reply.error(refusal);
      const subcommand = subcommands[call.text(1).toUpperCase()];
      if (subcommand === undefined || call.argc < subcommand.min || call.argc > subcommand.max)
        return replyUnknown(call);
      subcommand.run(call, host);
    },
  };
}

function replyUnknown(call: Call): void {
  call.reply.error(wrongSubcommand("DEBUG", call.text(1)));
}

function replyOutcome(call: Call, error: string | undefined): void {
  if (error === undefined) call.reply.ok();
  else call.reply.error(error);
}

/** As atoi: digits in front count, everything else is zero. */
function leadingNumber(call: Call, i: number): number {
  return Number.parseInt(call.text(i), 10) || 0;
}

function setActiveExpire(call: Call): void {
  call.dataset.activeExpiry = leadingNumber(call, 2) !== 0;
  call.reply.ok();
}

function pauseTimer(call: Call, host: DebugHost): void {
  host.pauseTimer?.(leadingNumber(call, 2) !== 0);
  call.reply.ok();
}

function changeReplicationId(call: Call, host: DebugHost): void {
  host.changeReplicationId?.();
  call.reply.ok();
}

function matchText(call: Call): void {
  const { input } = call;
  const matches = globMatches(input, call.start(2), call.length(2), input, call.start(3), call.length(3), false);
  call.reply.integer(matches ? 1 : 0);
}

/** Stops the thread, and with it every client, on purpose. */
function sleep(call: Call): void {
  const ms = Math.min((Number.parseFloat(call.text(2)) || 0) * 1000, DEBUG_SLEEP_MS_MAX);
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  call.reply.ok();
}

function log(call: Call, host: DebugHost): void {
  host.log?.(`DEBUG LOG: ${call.text(2)}`);
  call.reply.ok();
}

function reload(call: Call, host: DebugHost): void {
  const options: string[] = [];
  for (let i = 2; i < call.argc; i++) options.push(call.text(i).toUpperCase());
  if (options.some((option) => option !== "MERGE" && option !== "NOFLUSH" && option !== "NOSAVE")) {
    return call.reply.error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
  }
  replyOutcome(call, host.reload === undefined ? NOT_STORED : host.reload(call, options));
}

function setReplyBuffer(call: Call, host: DebugHost): void {
  if (call.is(2, "RESIZING")) host.setReplyBufferResizing?.(leadingNumber(call, 3) !== 0);
  else if (!call.is(2, "PEAK-RESET-TIME")) return replyUnknown(call);
  else if (call.is(3, "NEVER")) host.setReplyBufferPeakReset?.(-1);
  else if (call.is(3, "RESET")) host.setReplyBufferPeakReset?.(undefined);
  else {
    const ms = call.integer64(3);
    if (ms === undefined) return call.reply.error(NOT_AN_INTEGER);
    host.setReplyBufferPeakReset?.(Number(ms));
  }
  call.reply.ok();
}
