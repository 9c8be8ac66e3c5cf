/** BACKUP: what the server's backup is doing, and doing it now. Emberlog's own; the same words as `emberlog backup`. */

import type { CatalogueEvent } from "../../backup/catalogue_keeper.ts";
import { joinedRanges } from "../../backup/history.ts";
import type { Call } from "../../command/call.ts";
import { type CommandDefinition, token } from "../../command/definition.ts";
import { replyHelp } from "../../command/help.ts";
import { SYNTAX_ERROR } from "../../command/messages.ts";
import type { ReplyWriter } from "../../protocol/reply_writer.ts";
import { holdRequest } from "../blocking/held.ts";
import { backupSection } from "../info/backup_section.ts";
import type { Server } from "../server.ts";

const SINCE = "0.1.0";
const FLAGS = ["admin", "noscript", "no_multi"] as const;
/** Of a backup that has gone on for years the oldest are told by `emberlog backup list`. */
const IMAGES_SHOWN_MAX = 100;

const HELP = [
  "DRILL",
  "    Restore what the store has into a scratch folder and compare; answers when that is",
  "    done. It takes the memory and the disk space of the data once more.",
  "LIST",
  "    Show what is in the store: claims, images, and the commands between which every",
  "    state can be restored.",
  "NOW [FULL]",
  "    Take an image (FULL: a full one) and ship it and everything written so far;",
  "    answers when all of it is in the store.",
  "PRUNE",
  "    Remove from the store what backup-retention no longer keeps.",
  "STATUS",
  "    Show what the server ships where, how far the store lags behind, what went wrong, and",
  "    the last errors, verifications and drills that the catalogue tells of.",
  "VERIFY",
  "    Compare every object in the store with its checksum, and with backup-identity set",
  "    its content too; answers when that is done.",
];

export function backupCommand(server: Server): CommandDefinition {
  return {
    name: "BACKUP",
    group: "server",
    since: SINCE,
    summary: "A container for commands of backups.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: "HELP",
        group: "server",
        since: SINCE,
        summary: "Returns helpful text about the different subcommands.",
        complexity: "O(1)",
        arity: 2,
        flags: ["loading", "stale"],
        run: (call) => replyHelp(call, "BACKUP", HELP),
      },
      {
        name: "DRILL",
        group: "server",
        since: SINCE,
        summary: "Restores what the store has into a scratch folder and compares.",
        complexity: "O(N) where N is the number of keys and of commands since the last full image",
        arity: 2,
        flags: FLAGS,
        tips: ["nondeterministic_output"],
        run: (call) => drill(call, server),
      },
      {
        name: "LIST",
        group: "server",
        since: SINCE,
        summary: "Returns what is in the store that the server ships to, and what can be restored.",
        complexity: "O(N) where N is the number of objects in the store",
        arity: 2,
        flags: FLAGS,
        tips: ["nondeterministic_output"],
        run: (call) => list(call, server),
      },
      {
        name: "NOW",
        group: "server",
        since: SINCE,
        summary: "Takes an image and ships it and everything written so far.",
        complexity: "O(N) where N is the number of keys written since the last image",
        arity: -2,
        flags: FLAGS,
        args: [token("FULL", { optional: true })],
        run: (call) => now(call, server),
      },
      {
        name: "PRUNE",
        group: "server",
        since: SINCE,
        summary: "Removes from the store what backup-retention no longer keeps.",
        complexity: "O(N) where N is the number of objects in the store",
        arity: 2,
        flags: FLAGS,
        run: (call) => prune(call, server),
      },
      {
        name: "STATUS",
        group: "server",
        since: SINCE,
        summary: "Returns what the server ships where, and how far the store lags behind.",
        complexity: "O(N) where N is the number of segments of the log",
        arity: 2,
        flags: ["admin", "noscript", "loading", "stale"],
        tips: ["nondeterministic_output"],
        run: (call) => status(call, server),
      },
      {
        name: "VERIFY",
        group: "server",
        since: SINCE,
        summary: "Compares every object in the store with its checksum.",
        complexity: "O(N) where N is the number of bytes in the store",
        arity: 2,
        flags: FLAGS,
        tips: ["nondeterministic_output"],
        run: (call) => verify(call, server),
      },
    ],
  };
}

/** Answers when `work` is done; an error of the world is the reply. */
function answerLater<T>(
  call: Call,
  server: Server,
  work: () => Promise<T>,
  write: (reply: ReplyWriter, result: T) => void,
): void {
  if (server.backups.shipping === undefined) {
    return call.reply.error("ERR no backup is configured: start with backup-target URL");
  }
  const answer = holdRequest(server, call);
  work().then(
    (result) => answer((reply) => write(reply, result)),
    (thrown: unknown) => {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      answer((reply) => reply.error(`ERR ${message.replaceAll(/[\r\n]+/g, " ")}`));
    },
  );
}

function now(call: Call, server: Server): void {
  const full = call.argc === 3 && call.is(2, "FULL");
  if (call.argc > 2 && !full) return call.reply.error(SYNTAX_ERROR);
  answerLater(
    call,
    server,
    () => server.backups.now(full),
    (reply, { shippedSequence, imageSequence, claim }) => {
      reply.map(3);
      reply.text("shipped-sequence");
      reply.integer(shippedSequence);
      reply.text("image-sequence");
      reply.integer(imageSequence);
      reply.text("claim");
      reply.integer(claim);
    },
  );
}

function prune(call: Call, server: Server): void {
  answerLater(
    call,
    server,
    () => server.backups.required().care.prune(),
    (reply, { removed, bytes, windowFirst, points, locked }) => {
      reply.map(5);
      reply.text("removed");
      reply.integer(removed);
      reply.text("bytes");
      reply.integer(bytes);
      reply.text("window-from-sequence");
      reply.integer(windowFirst);
      reply.text("points-kept");
      reply.integer(points.length);
      reply.text("locked");
      reply.integer(locked.length);
    },
  );
}

function drill(call: Call, server: Server): void {
  answerLater(
    call,
    server,
    () => server.backups.required().care.drill(),
    (reply, { ok, sequence, keys, restoreMs, loadMs, recorded, compared, wrong }) => {
      reply.map(8);
      reply.text("status");
      reply.text(ok ? "ok" : "damaged");
      reply.text("sequence");
      reply.integer(sequence);
      reply.text("keys");
      reply.integer(keys);
      reply.text("restore-ms");
      reply.integer(restoreMs);
      reply.text("load-ms");
      reply.integer(loadMs);
      reply.text("image-recorded-digest");
      reply.text(recorded?.digest ?? "");
      reply.text("image-confirmed-by");
      reply.array(compared.length);
      for (const way of compared) reply.text(way);
      reply.text("wrong");
      reply.array(wrong.length);
      for (const line of wrong) reply.text(line);
    },
  );
}

function status(call: Call, server: Server): void {
  const { shipping } = server.backups;
  if (shipping === undefined) return writeStatus(call.reply, server, []);
  // Without a catalogue, or where its thread has ended, there is no history to tell.
  const recent = shipping.recent().catch(() => []);
  answerLater(
    call,
    server,
    () => recent,
    (reply, events) => writeStatus(reply, server, events),
  );
}

function writeStatus(reply: ReplyWriter, server: Server, events: readonly CatalogueEvent[]): void {
  const fields = backupSection({ server });
  reply.map(fields.length + 1);
  for (const [name, value] of fields) {
    reply.text(name.replace(/^backup_/, "").replaceAll("_", "-"));
    if (typeof value === "number") reply.integer(value);
    else reply.text(value);
  }
  reply.text("recent");
  reply.array(events.length);
  for (const { ms, text } of events) reply.text(`${new Date(ms).toISOString()} ${text.replaceAll(/[\r\n]+/g, " ")}`);
}

function list(call: Call, server: Server): void {
  answerLater(
    call,
    server,
    () => server.backups.required().shipping.list(),
    (reply, { claims, segments, generations, ranges }) => {
      const pieces = segments.reduce((sum, segment) => sum + segment.pieces.length, 0);
      reply.map(7);
      reply.text("target");
      reply.text(server.backups.required().shipping.place);
      reply.text("claims");
      reply.integer(claims.length);
      reply.text("segments");
      reply.integer(segments.length);
      reply.text("segment-objects");
      reply.integer(pieces);
      reply.text("segment-bytes");
      reply.integer(segments.reduce((sum, { size }) => sum + size, 0));
      reply.text("images");
      const shown = generations.slice(-IMAGES_SHOWN_MAX);
      reply.array(shown.length);
      for (const { object } of shown) {
        reply.map(2);
        reply.text("sequence");
        reply.integer(object.sequence);
        reply.text("time");
        reply.text(new Date(object.lastMs).toISOString());
      }
      reply.text("restorable");
      const joined = joinedRanges(ranges);
      reply.array(joined.length);
      for (const { first, last } of joined) {
        reply.map(2);
        reply.text("from-sequence");
        reply.integer(first);
        reply.text("to-sequence");
        reply.integer(last);
      }
    },
  );
}

function verify(call: Call, server: Server): void {
  answerLater(
    call,
    server,
    () => server.backups.required().care.verify(),
    (reply, { objects, bytes, opened, wrong, gaps }) => {
      reply.map(6);
      reply.text("status");
      reply.text(wrong.length + gaps.length === 0 ? "ok" : "damaged");
      reply.text("objects");
      reply.integer(objects);
      reply.text("bytes");
      reply.integer(bytes);
      reply.text("opened");
      reply.text(opened ? "yes" : "no");
      reply.text("wrong");
      reply.array(wrong.length);
      for (const line of wrong) reply.text(line);
      reply.text("gaps");
      reply.array(gaps.length);
      for (const { after, before } of gaps) {
        reply.map(2);
        reply.text("after-sequence");
        reply.integer(after);
        reply.text("before-sequence");
        reply.integer(before);
      }
    },
  );
}
