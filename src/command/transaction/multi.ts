/**
 * MULTI, EXEC, DISCARD, WATCH, UNWATCH.
 *
 * Requests between MULTI and EXEC are kept as their bytes and executed one after the other by the executor. All their effects are one
 * unit of the log: recovered whole or not at all. // D18
 */
import { RequestParser } from "../../protocol/request_parser.ts";
import type { Call } from "../call.ts";
import { argument, type CommandDefinition, keysAt } from "../definition.ts";

export const multi: CommandDefinition = {
  name: "MULTI",
  group: "transactions",
  since: "1.2.0",
  summary: "Starts a transaction.",
  complexity: "O(1)",
  arity: 1,
  flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
  run(call) {
    const session = call.session;
    if (session.inMulti) return call.reply.error("ERR MULTI calls can not be nested");
    session.inMulti = true;
    session.refresh();
    call.reply.ok();
  },
};

export const exec: CommandDefinition = {
  name: "EXEC",
  group: "transactions",
  since: "1.2.0",
  summary: "Executes all commands in a transaction.",
  complexity: "Depends on commands in the transaction",
  arity: 1,
  flags: ["noscript", "loading", "stale", "skip_slowlog"],
  run(call) {
    const session = call.session;
    if (!session.inMulti) return call.reply.error("ERR EXEC without MULTI");
    const requests = session.queued.slice();
    const { queuedBits: bits, queuedBytes: bytes } = session;
    const failed = session.multiFailed;
    const broken = session.watchBroken || watchedKeyExpired(call);
    endTransaction(call);
    if (failed) return call.reply.error("EXECABORT Transaction discarded because of previous errors.");
    if (broken) return call.reply.nilArray();
    const refusal = call.executor.refusalOfTransaction(bits, bytes);
    if (refusal !== undefined) return call.reply.error(`EXECABORT Transaction discarded because of: ${refusal}`);
    executeQueued(call, requests);
    return undefined;
  },
};

export const discard: CommandDefinition = {
  name: "DISCARD",
  group: "transactions",
  since: "2.0.0",
  summary: "Discards a transaction.",
  complexity: "O(N), when N is the number of queued commands",
  arity: 1,
  flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
  run(call) {
    if (!call.session.inMulti) return call.reply.error("ERR DISCARD without MULTI");
    endTransaction(call);
    call.reply.ok();
  },
};

export const watch: CommandDefinition = {
  name: "WATCH",
  group: "transactions",
  since: "2.2.0",
  summary: "Monitors changes to keys to determine the execution of a transaction.",
  complexity: "O(1) for every key.",
  arity: -2,
  flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
  keys: [keysAt(["RO"], 1, -1)],
  args: [argument("key", "key", { keySpec: 0, multiple: true })],
  run(call) {
    if (call.session.inMulti) return call.reply.error("ERR WATCH inside MULTI is not allowed");
    for (let i = 1; i < call.argc; i++) {
      // A key that has expired already is removed before it is watched, so that its removal breaks nothing. Watching is no access.
      call.db.lookup(call.input, call.start(i), call.length(i), call.hash(i), true);
      call.watchers.watch(call.session, call.db.index, call.copyOf(i));
    }
    call.reply.ok();
  },
};

export const unwatch: CommandDefinition = {
  name: "UNWATCH",
  group: "transactions",
  since: "2.2.0",
  summary: "Forgets about watched keys of a transaction.",
  complexity: "O(1)",
  arity: 1,
  flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
  run(call) {
    call.watchers.unwatch(call.session);
    call.reply.ok();
  },
};

/** Forgets the queue and the watched keys: for EXEC, DISCARD and RESET. */
export function endTransaction(call: Call): void {
  const session = call.session;
  session.inMulti = false;
  session.multiFailed = false;
  session.forgetQueue();
  call.watchers.unwatch(session);
  session.refresh();
}

/** Watched keys that have expired since: looking them up removes them, which breaks the watch. */
function watchedKeyExpired(call: Call): boolean {
  if (call.session.watched.size === 0) return false;
  for (const name of [...call.session.watched]) {
    const colon = name.indexOf(":");
    const key = Uint8Array.from(name.slice(colon + 1), (character) => character.charCodeAt(0));
    const db = call.dataset.database(Number(name.slice(0, colon)));
    db.lookup(key, 0, key.length, db.hash(key, 0, key.length), true);
  }
  return call.session.watchBroken;
}

function executeQueued(call: Call, requests: readonly Uint8Array[]): void {
  const { input, args, first, argc, firstHash, hashed, journal, executor } = call;
  call.reply.array(requests.length);
  const parser = new RequestParser(16);
  journal.beginUnit();
  call.inTransaction = true;
  call.hashed = false;
  call.first = 0;
  for (const request of requests) {
    parser.reset();
    parser.next(request, 0, request.length);
    call.input = request;
    call.args = parser.args;
    call.argc = parser.argc;
    executor.runQueued(call, request);
    if (call.keysReady) call.waitHost?.commandDone();
  }
  // The source of a verbatim run must not be let go before it is copied.
  journal.effects.finish();
  journal.endUnit();
  call.inTransaction = false;
  call.input = input;
  call.args = args;
  call.first = first;
  call.argc = argc;
  call.firstHash = firstHash;
  call.hashed = hashed;
  // The effects are the queued commands': EXEC itself is never logged as a request.
  journal.explicit = 1;
}
