/** Reads the whole state of a recovered server the way a client would. */

import { ReplyReader } from "../../src/protocol/reply_reader.ts";
import { ReplyFrame } from "../../test/support/reply_frame.ts";
import { nameOf } from "./history.ts";
import { encode } from "./requests.ts";
import { CONTROL_SLOT, SIM_DATABASES, type SimServer } from "./server.ts";
import { canonical, type FoundEntry, type Value } from "./value.ts";

/** Steps of the world that the answers to one batch of questions may take. */
const WAITS_MAX = 1000;

/** A state, and the time on the wall's clock at which it was read. */
export interface FoundAt {
  readonly state: Map<string, FoundEntry>;
  readonly nowMs: number;
}

/** What is there at one time: where an answer has waited meanwhile, all is read again. */
export function stateAt(
  server: SimServer,
  clock: { wallMs(): number },
  received: () => Uint8Array,
  wait: () => void,
): FoundAt {
  for (let again = 0; again < WAITS_MAX; again++) {
    const nowMs = clock.wallMs();
    const state = readState(server, nowMs, received, wait);
    if (clock.wallMs() === nowMs) return { state, nowMs };
  }
  throw new Error("the control connection's answers wait again and again");
}

/**
 * `received` gives what the control connection has received so far, and forgets it; `wait` lets the world go on by a step. Reading may
 * write: a field that has expired is found out by it, and under `always` the answer then waits for that to be durable.
 */
function readState(
  server: SimServer,
  nowMs: number,
  received: () => Uint8Array,
  wait: () => void,
): Map<string, FoundEntry> {
  const ask = (requests: readonly string[][]): unknown[] => {
    if (requests.length === 0) return [];
    const bytes = Uint8Array.from(Buffer.from(requests.map(encode).join(""), "latin1"));
    server.run([{ slot: CONTROL_SLOT, bytes }]);
    let answers = received();
    for (let waits = 0; waits < WAITS_MAX; waits++) {
      const replies = wholeReplies(answers, requests.length);
      if (replies !== undefined) return replies;
      wait();
      answers = Uint8Array.from(Buffer.concat([answers, received()]));
    }
    throw new Error("the control connection gets no answer");
  };
  const state = new Map<string, FoundEntry>();
  for (let database = 0; database < SIM_DATABASES; database++) {
    const [, keys] = ask([
      ["SELECT", String(database)],
      ["KEYS", "*"],
    ]);
    const names = (keys as Buffer[]).map((key) => key.toString("latin1"));
    const heads = ask(
      names.flatMap((name) => [
        ["TYPE", name],
        ["PEXPIRETIME", name],
      ]),
    );
    const types = names.map((_, i) => String(heads[2 * i]));
    const values = ask(names.map((name, i) => reading(types[i]!, name)));
    const hashes = names.filter((_, i) => types[i] === "hash");
    const fields = hashes.map((name) => strings(values[names.indexOf(name)]).filter((_, i) => i % 2 === 0));
    const times = ask(
      hashes.flatMap((name, i) =>
        fields[i]!.length === 0 ? [] : [["HPEXPIRETIME", name, "FIELDS", String(fields[i]!.length), ...fields[i]!]],
      ),
    ) as (number | bigint)[][];
    let next = 0;
    names.forEach((name, i) => {
      const expires = types[i] === "hash" && strings(values[i]).length > 0 ? times[next++]! : [];
      const text = canonical(valueFrom(types[i]!, values[i], expires), nowMs);
      const expireMs = Number(heads[2 * i + 1]);
      if (text !== "") state.set(nameOf(database, name), { text, expireMs: expireMs < 0 ? 0 : expireMs });
    });
  }
  return state;
}

/** So many replies, or undefined while some are missing. */
function wholeReplies(bytes: Uint8Array, count: number): unknown[] | undefined {
  let end = 0;
  for (let i = 0; i < count; i++) {
    const length = new ReplyFrame().length(bytes, end, bytes.length);
    if (length < 0) return undefined;
    end += length;
  }
  const reader = new ReplyReader(bytes);
  return Array.from({ length: count }, () => reader.read());
}

function reading(type: string, name: string): string[] {
  switch (type) {
    case "list":
      return ["LRANGE", name, "0", "-1"];
    case "hash":
      return ["HGETALL", name];
    case "set":
      return ["SMEMBERS", name];
    case "zset":
      return ["ZRANGE", name, "0", "-1", "WITHSCORES"];
    default:
      return ["GET", name];
  }
}

function valueFrom(type: string, reply: unknown, expires: readonly (number | bigint)[]): Value {
  const items = strings(reply);
  const pairs = items.flatMap((item, i) => (i % 2 === 0 ? [[item, items[i + 1]!] as const] : []));
  switch (type) {
    case "list":
      return { kind: "list", is: items };
    case "hash":
      return {
        kind: "hash",
        is: new Map(
          pairs.map(([name, value], i) => [name, { value, expireMs: Math.max(0, Number(expires[i] ?? 0)) }] as const),
        ),
      };
    case "set":
      return { kind: "set", is: new Set(items) };
    case "zset":
      return { kind: "zset", is: new Map(pairs.map(([name, score]) => [name, Number(score)] as const)) };
    default:
      return { kind: "string", is: items[0]! };
  }
}

function strings(reply: unknown): string[] {
  return (Array.isArray(reply) ? reply : [reply]).map((each) => (each as Buffer).toString("latin1"));
}
