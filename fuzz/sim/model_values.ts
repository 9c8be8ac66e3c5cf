/**
 * The commands of one key, or of keys of one type, on the model's values: each gives its reply to the byte and changes keys through the store.
 *
 * Where the server draws lots (SPOP, SRANDMEMBER …) or may answer in any order, what it answered is looked at: it must be one of the right
 * answers, and what follows from it is done.
 */
import { array, bulk, bulks, integer, NIL, NIL_ARRAY, OK, stringsOf, WRONG_TYPE } from "./replies.ts";
import { type Entry, type Field, fieldIsThere, type Kind, ranked, text, type Value, type Values } from "./value.ts";

/** What commands work on. */
export interface Store {
  readonly nowMs: number;
  /** What a reader sees of a key; seeing it is noted. */
  look(database: number, key: string): Entry | undefined;
  put(database: number, key: string, entry: Entry | undefined): void;
  /** The key counts as changed for those who watch it. */
  touch(db: number, key: string): void;
  /** What the server has answered. */
  answer(): string;
}

/** The server's answer can't be right. */
export class WrongAnswer extends Error {}

class WrongType extends Error {}

type Run = (store: Store, db: number, args: readonly string[]) => string;

const NOT_AN_INTEGER = "-ERR value is not an integer or out of range\r\n";
const NO_SUCH_KEY = "-ERR no such key\r\n";

/** Runs a command of this file; undefined where there is none of the name. */
export function runOnValues(store: Store, db: number, name: string, args: readonly string[]): string | undefined {
  const run = RUNS[name];
  if (run === undefined) return undefined;
  try {
    return run(store, db, args);
  } catch (thrown) {
    if (thrown instanceof WrongType) return WRONG_TYPE;
    throw thrown;
  }
}

function get<K extends Kind>(store: Store, db: number, key: string, kind: K): Values[K] | undefined {
  const value = store.look(db, key)?.value;
  if (value === undefined) return undefined;
  if (value.kind !== kind) throw new WrongType();
  return value.is as Values[K];
}

/** Replaces the value of a key, which keeps its expiry; an empty one is no key. */
function set(store: Store, db: number, key: string, value: Value): void {
  const { is } = value;
  const empty = value.kind === "list" ? value.is.length === 0 : typeof is !== "string" && "size" in is && is.size === 0;
  const expireMs = store.look(db, key)?.expireMs ?? 0;
  store.put(db, key, empty ? undefined : { value, expireMs });
}

/** The same, in a key that begins anew. */
function store(into: Store, db: number, key: string, value: Value): void {
  if (into.look(db, key) !== undefined) into.put(db, key, undefined);
  set(into, db, key, value);
}

function slice<T>(items: readonly T[], first: string, last: string): T[] {
  const from = Number(first) < 0 ? Math.max(0, items.length + Number(first)) : Number(first);
  const to = Number(last) < 0 ? items.length + Number(last) : Number(last);
  return items.slice(from, Math.max(from, to + 1));
}

/** The answer, which must hold `wanted` in some order. */
function inAnyOrder(from: Store, wanted: readonly string[]): string {
  const answer = from.answer();
  const found = stringsOf(answer);
  if (found === undefined || JSON.stringify([...found].sort()) !== JSON.stringify([...wanted].sort())) {
    throw new WrongAnswer(`${JSON.stringify(answer)} is not ${JSON.stringify(wanted)} in some order`);
  }
  return answer;
}

/** The `count` members that the answer holds, which must be different ones of `members`. */
function drawn(from: Store, members: readonly string[], count: number): string[] {
  const answer = from.answer();
  const found = stringsOf(answer);
  const wanted = Math.min(count, members.length);
  if (found?.length !== wanted || new Set(found).size !== wanted || !found.every((each) => members.includes(each))) {
    throw new WrongAnswer(`${JSON.stringify(answer)} does not hold ${wanted} of ${JSON.stringify(members)}`);
  }
  return found;
}

function push(at: Store, db: number, [key, ...values]: readonly string[], left: boolean): string {
  const before = get(at, db, key!, "list") ?? [];
  const items = left ? [...values.reverse(), ...before] : [...before, ...values];
  set(at, db, key!, { kind: "list", is: items });
  return integer(items.length);
}

function pop(at: Store, db: number, [key, count]: readonly string[], left: boolean): string {
  const items = get(at, db, key!, "list");
  if (items === undefined) return count === undefined ? NIL : NIL_ARRAY;
  const number = Math.min(items.length, Number(count ?? 1));
  const taken = left ? items.slice(0, number) : items.slice(items.length - number).reverse();
  set(at, db, key!, { kind: "list", is: left ? items.slice(number) : items.slice(0, items.length - number) });
  return count === undefined ? bulk(taken[0]) : bulks(taken);
}

function move(at: Store, db: number, [from, to, wherefrom, whereto]: readonly string[]): string {
  const items = get(at, db, from!, "list");
  if (items === undefined) return NIL;
  get(at, db, to!, "list");
  const value = wherefrom === "LEFT" ? items[0]! : items[items.length - 1]!;
  const left = wherefrom === "LEFT" ? items.slice(1) : items.slice(0, -1);
  // A list that is moved within is never empty, so it keeps its expiry.
  if (from !== to) set(at, db, from!, { kind: "list", is: left });
  const others = from === to ? left : (get(at, db, to!, "list") ?? []);
  set(at, db, to!, { kind: "list", is: whereto === "LEFT" ? [value, ...others] : [...others, value] });
  return bulk(value);
}

function popScores(at: Store, db: number, [key, count]: readonly string[], least: boolean): string {
  const scores = get(at, db, key!, "zset");
  if (scores === undefined) return "*0\r\n";
  const order = ranked(scores);
  const taken = (least ? order : order.reverse()).slice(0, Number(count ?? 1));
  const left = new Map(scores);
  for (const member of taken) left.delete(member);
  set(at, db, key!, { kind: "zset", is: left });
  return bulks(taken.flatMap((member) => [member, String(scores.get(member))]));
}

function fieldOf(at: Store, db: number, key: string, field: string): Field | undefined {
  const found = get(at, db, key, "hash")?.get(field);
  return found !== undefined && fieldIsThere(found, at.nowMs) ? found : undefined;
}

function setField(at: Store, db: number, key: string, field: string, to: Field | undefined): void {
  const fields = new Map(get(at, db, key, "hash") ?? []);
  if (to === undefined) fields.delete(field);
  else fields.set(field, to);
  set(at, db, key, { kind: "hash", is: fields });
}

/** What is done with the union, the intersection or the difference of sets. */
function combine(keep: (sets: readonly ReadonlySet<string>[]) => Set<string>): Run {
  return (at, db, [to, ...keys]) => {
    const sets = keys.map((key) => get(at, db, key, "set") ?? new Set<string>());
    const result = keep(sets);
    if (result.size > 0 || at.look(db, to!) !== undefined) store(at, db, to!, { kind: "set", is: result });
    return integer(result.size);
  };
}

const RUNS: Readonly<Record<string, Run>> = {
  GET: (at, db, [key]) => bulk(get(at, db, key!, "string")),
  GETSET: (at, db, [key, value]) => {
    const before = get(at, db, key!, "string");
    at.put(db, key!, { value: text(value!), expireMs: 0 });
    return bulk(before);
  },
  GETDEL: (at, db, [key]) => {
    const before = get(at, db, key!, "string");
    if (before !== undefined) at.put(db, key!, undefined);
    return bulk(before);
  },
  INCR: (at, db, [key]) => {
    const before = get(at, db, key!, "string");
    if (before !== undefined && !/^-?[0-9]{1,15}$/.test(before)) return NOT_AN_INTEGER;
    const sum = Number(before ?? 0) + 1;
    set(at, db, key!, text(String(sum)));
    return integer(sum);
  },
  APPEND: (at, db, [key, value]) => {
    const joined = (get(at, db, key!, "string") ?? "") + value;
    set(at, db, key!, text(joined));
    return integer(joined.length);
  },
  STRLEN: (at, db, [key]) => integer(get(at, db, key!, "string")?.length ?? 0),
  MSET: (at, db, args) => {
    for (let i = 0; i < args.length; i += 2) at.put(db, args[i]!, { value: text(args[i + 1]!), expireMs: 0 });
    return OK;
  },
  MGET: (at, db, args) =>
    array(
      args.map((key) => {
        const value = at.look(db, key)?.value;
        return bulk(value?.kind === "string" ? value.is : undefined);
      }),
    ),

  LPUSH: (at, db, args) => push(at, db, args, true),
  RPUSH: (at, db, args) => push(at, db, args, false),
  LPOP: (at, db, args) => pop(at, db, args, true),
  RPOP: (at, db, args) => pop(at, db, args, false),
  LLEN: (at, db, [key]) => integer(get(at, db, key!, "list")?.length ?? 0),
  LRANGE: (at, db, [key, first, last]) => bulks(slice(get(at, db, key!, "list") ?? [], first!, last!)),
  LSET: (at, db, [key, index, value]) => {
    const items = [...(get(at, db, key!, "list") ?? [])];
    if (items.length === 0) return NO_SUCH_KEY;
    const i = Number(index) < 0 ? items.length + Number(index) : Number(index);
    if (i < 0 || i >= items.length) return "-ERR index out of range\r\n";
    items[i] = value!;
    set(at, db, key!, { kind: "list", is: items });
    return OK;
  },
  LTRIM: (at, db, [key, first, last]) => {
    const items = get(at, db, key!, "list");
    if (items === undefined) return OK;
    const left = slice(items, first!, last!);
    if (left.length < items.length) set(at, db, key!, { kind: "list", is: left });
    // For those who watch the key it counts as a change all the same.
    else at.touch(db, key!);
    return OK;
  },
  LREM: (at, db, [key, , value]) => {
    const items = get(at, db, key!, "list");
    const left = items?.filter((each) => each !== value) ?? [];
    if (items !== undefined && left.length < items.length) set(at, db, key!, { kind: "list", is: left });
    return integer((items?.length ?? 0) - left.length);
  },
  LMOVE: move,

  HSET: (at, db, [key, ...pairs]) => {
    let added = 0;
    for (let i = 0; i < pairs.length; i += 2) {
      if (fieldOf(at, db, key!, pairs[i]!) === undefined) added++;
      setField(at, db, key!, pairs[i]!, { value: pairs[i + 1]!, expireMs: 0 });
    }
    return integer(added);
  },
  HDEL: (at, db, [key, ...fields]) => {
    let removed = 0;
    for (const field of fields) {
      if (fieldOf(at, db, key!, field) === undefined) continue;
      removed++;
      setField(at, db, key!, field, undefined);
    }
    return integer(removed);
  },
  HGET: (at, db, [key, field]) => bulk(fieldOf(at, db, key!, field!)?.value),
  HMGET: (at, db, [key, ...fields]) => array(fields.map((field) => bulk(fieldOf(at, db, key!, field)?.value))),
  HINCRBY: (at, db, [key, field, by]) => {
    const before = fieldOf(at, db, key!, field!);
    if (before !== undefined && !/^-?[0-9]{1,15}$/.test(before.value)) return "-ERR hash value is not an integer\r\n";
    const sum = Number(before?.value ?? 0) + Number(by);
    setField(at, db, key!, field!, { value: String(sum), expireMs: before?.expireMs ?? 0 });
    return integer(sum);
  },
  HGETALL: (at, db, [key]) => {
    const fields = [...(get(at, db, key!, "hash") ?? [])].filter(([, field]) => fieldIsThere(field, at.nowMs));
    return inAnyOrder(
      at,
      fields.flatMap(([name, { value }]) => [name, value]),
    );
  },
  HRANDFIELD: (at, db, [key]) => {
    const fields = [...(get(at, db, key!, "hash") ?? [])].filter(([, field]) => fieldIsThere(field, at.nowMs));
    return bulk(
      drawn(
        at,
        fields.map(([name]) => name),
        1,
      )[0],
    );
  },
  HPEXPIRE: (at, db, [key, ms, , , field]) => {
    const before = fieldOf(at, db, key!, field!);
    if (before === undefined) return "*1\r\n:-2\r\n";
    setField(at, db, key!, field!, { value: before.value, expireMs: at.nowMs + Number(ms) });
    return "*1\r\n:1\r\n";
  },
  HPERSIST: (at, db, [key, , , field]) => {
    const before = fieldOf(at, db, key!, field!);
    if (before === undefined) return "*1\r\n:-2\r\n";
    if (before.expireMs === 0) return "*1\r\n:-1\r\n";
    setField(at, db, key!, field!, { value: before.value, expireMs: 0 });
    return "*1\r\n:1\r\n";
  },
  HPTTL: (at, db, [key, , , field]) => {
    const before = fieldOf(at, db, key!, field!);
    if (before === undefined) return "*1\r\n:-2\r\n";
    return array([integer(before.expireMs === 0 ? -1 : before.expireMs - at.nowMs)]);
  },

  SADD: (at, db, [key, ...members]) => {
    const before = get(at, db, key!, "set") ?? new Set<string>();
    const after = new Set([...before, ...members]);
    if (after.size > before.size) set(at, db, key!, { kind: "set", is: after });
    return integer(after.size - before.size);
  },
  SREM: (at, db, [key, ...members]) => {
    const before = get(at, db, key!, "set") ?? new Set<string>();
    const after = new Set([...before].filter((member) => !members.includes(member)));
    if (after.size < before.size) set(at, db, key!, { kind: "set", is: after });
    return integer(before.size - after.size);
  },
  SISMEMBER: (at, db, [key, member]) => integer(get(at, db, key!, "set")?.has(member!) === true ? 1 : 0),
  SCARD: (at, db, [key]) => integer(get(at, db, key!, "set")?.size ?? 0),
  SMEMBERS: (at, db, [key]) => inAnyOrder(at, [...(get(at, db, key!, "set") ?? [])]),
  SPOP: (at, db, [key, count]) => {
    const before = get(at, db, key!, "set");
    if (before === undefined) return count === undefined ? NIL : "*0\r\n";
    const taken = drawn(at, [...before], Number(count ?? 1));
    set(at, db, key!, { kind: "set", is: new Set([...before].filter((member) => !taken.includes(member))) });
    return count === undefined ? bulk(taken[0]) : bulks(taken);
  },
  SRANDMEMBER: (at, db, [key]) => bulk(drawn(at, [...(get(at, db, key!, "set") ?? [])], 1)[0]),
  SMOVE: (at, db, [from, to, member]) => {
    const before = get(at, db, from!, "set");
    if (before === undefined) return integer(0);
    const target = get(at, db, to!, "set") ?? new Set<string>();
    if (!before.has(member!)) return integer(0);
    if (from === to) return integer(1);
    set(at, db, from!, { kind: "set", is: new Set([...before].filter((each) => each !== member)) });
    // Who watches a set that has the member already is not told, as in redis-server.
    if (!target.has(member!)) set(at, db, to!, { kind: "set", is: new Set([...target, member!]) });
    return integer(1);
  },
  SUNIONSTORE: combine((sets) => new Set(sets.flatMap((each) => [...each]))),
  SDIFFSTORE: combine(([first, ...others]) => new Set([...first!].filter((m) => !others.some((each) => each.has(m))))),

  ZADD: (at, db, [key, score, member]) => {
    const before = get(at, db, key!, "zset") ?? new Map<string, number>();
    if (before.get(member!) !== Number(score)) {
      set(at, db, key!, { kind: "zset", is: new Map([...before, [member!, Number(score)]]) });
    }
    return integer(before.has(member!) ? 0 : 1);
  },
  ZINCRBY: (at, db, [key, by, member]) => {
    const before = get(at, db, key!, "zset") ?? new Map<string, number>();
    const sum = (before.get(member!) ?? 0) + Number(by);
    set(at, db, key!, { kind: "zset", is: new Map([...before, [member!, sum]]) });
    return bulk(String(sum));
  },
  ZREM: (at, db, [key, member]) => {
    const before = get(at, db, key!, "zset");
    if (before?.has(member!) !== true) return integer(0);
    set(at, db, key!, { kind: "zset", is: new Map([...before].filter(([each]) => each !== member)) });
    return integer(1);
  },
  ZSCORE: (at, db, [key, member]) => bulk(get(at, db, key!, "zset")?.get(member!)?.toString()),
  ZCARD: (at, db, [key]) => integer(get(at, db, key!, "zset")?.size ?? 0),
  ZRANGE: (at, db, [key, first, last]) => bulks(slice(ranked(get(at, db, key!, "zset") ?? new Map()), first!, last!)),
  ZPOPMIN: (at, db, args) => popScores(at, db, args, true),
  ZPOPMAX: (at, db, args) => popScores(at, db, args, false),
  ZRANDMEMBER: (at, db, [key]) => bulk(drawn(at, [...(get(at, db, key!, "zset") ?? new Map()).keys()], 1)[0]),
  ZREMRANGEBYRANK: (at, db, [key, first, last]) => {
    const before = get(at, db, key!, "zset");
    if (before === undefined) return integer(0);
    const gone = slice(ranked(before), first!, last!);
    if (gone.length > 0) {
      set(at, db, key!, { kind: "zset", is: new Map([...before].filter(([member]) => !gone.includes(member))) });
    }
    return integer(gone.length);
  },
  ZRANGESTORE: (at, db, [to, from, first, last]) => {
    const scores = get(at, db, from!, "zset") ?? new Map<string, number>();
    const kept = slice(ranked(scores), first!, last!);
    const result = new Map(kept.map((member) => [member, scores.get(member)!]));
    if (result.size > 0 || at.look(db, to!) !== undefined) store(at, db, to!, { kind: "zset", is: result });
    return integer(result.size);
  },
};
