/**
 * Values as the model and the oracle know them. They never change: a command makes new ones. Two values are the same when their canonical
 * texts are, which leave out what has expired and the order of what has none.
 */
export interface Field {
  readonly value: string;
  /** When it expires, wall clock ms; 0: never. */
  readonly expireMs: number;
}

export interface Values {
  readonly string: string;
  readonly list: readonly string[];
  readonly hash: ReadonlyMap<string, Field>;
  readonly set: ReadonlySet<string>;
  readonly zset: ReadonlyMap<string, number>;
}
export type Kind = keyof Values;

export type Value = { readonly [K in Kind]: { readonly kind: K; readonly is: Values[K] } }[Kind];

export interface Entry {
  readonly value: Value;
  /** When it expires, wall clock ms; 0: never. */
  readonly expireMs: number;
}

/** An entry as it was found in a recovered server. */
export interface FoundEntry {
  /** The canonical text of its value. */
  readonly text: string;
  readonly expireMs: number;
}

export const text = (value: string): Value => ({ kind: "string", is: value });

/** Is a field with this time there? */
export function fieldIsThere({ expireMs }: Field, nowMs: number): boolean {
  return expireMs === 0 || expireMs >= nowMs;
}

/** Nothing: there is no such key, or it has expired. */
export function visible(entry: Entry | undefined, nowMs: number): Entry | undefined {
  return entry !== undefined && entry.expireMs !== 0 && nowMs > entry.expireMs ? undefined : entry;
}

/** The canonical text; "" for a hash none of whose fields is there any more. */
export function canonical(value: Value, nowMs: number): string {
  switch (value.kind) {
    case "string":
      return `string ${value.is}`;
    case "list":
      return `list ${JSON.stringify(value.is)}`;
    case "hash": {
      const fields = [...value.is].filter(([, field]) => fieldIsThere(field, nowMs));
      return fields.length === 0 ? "" : `hash ${JSON.stringify(fields.sort(byName))}`;
    }
    case "set":
      return `set ${JSON.stringify([...value.is].sort())}`;
    case "zset":
      return `zset ${JSON.stringify([...value.is].sort(byName))}`;
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** Members of a sorted set in its order. */
export function ranked(scores: ReadonlyMap<string, number>): string[] {
  return [...scores.keys()].sort((a, b) => scores.get(a)! - scores.get(b)! || (a < b ? -1 : 1));
}
