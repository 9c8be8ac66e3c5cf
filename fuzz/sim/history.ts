/**
 * Every write in the order of execution, and the state after any prefix of them: what recovery must give back.
 */
import { canonical, type Entry, type FoundEntry, visible } from "./value.ts";

export interface Change {
  readonly database: number;
  readonly key: string;
  /** Undefined: removed. */
  readonly entry: Entry | undefined;
}

interface Write {
  readonly number: number;
  /** When it was executed. */
  readonly changes: readonly Change[];
}

export type State = Map<string, Entry>;
/** What a recovered server holds. */
export type FoundState = ReadonlyMap<string, FoundEntry>;

export function nameOf(database: number, key: string): string {
  return `${database}:${key}`;
}

export class History {
  private readonly writes: Write[] = [];

  get length(): number {
    return this.writes.length;
  }

  /** Returns the number of the write: 1, 2, 3 …. */
  add(changes: readonly Change[]): number {
    const number = this.writes.length + 1;
    this.writes.push({ number, changes });
    return number;
  }

  /**
   * The longest prefix of at least `least` writes whose state, as it is visible at `nowMs`, equals `found`, and that state; undefined if there
   * is none. That prefix is the truth from then on. The longest, because what really happened may be any that fits, and a repair later
   * may go back to between two of them: a set that was added and emptied looks as if it had never been there.
   */
  settle(found: FoundState, least: number, nowMs: number): State | undefined {
    const state: State = new Map();
    let longest = -1;
    for (let number = 0; number <= this.writes.length; number++) {
      if (number > 0) applyTo(state, this.writes[number - 1]!);
      if (number >= least && isSame(state, found, nowMs)) longest = number;
    }
    if (longest < 0) return undefined;
    this.writes.length = longest;
    const settled: State = new Map();
    for (const write of this.writes) applyTo(settled, write);
    return settled;
  }

  /** Is `found` the state after `number` writes, as it is visible at `nowMs`? */
  fits(found: FoundState, number: number, nowMs: number): boolean {
    const state: State = new Map();
    for (const write of this.writes.slice(0, number)) applyTo(state, write);
    return isSame(state, found, nowMs);
  }

  /** How the state after `number` writes differs from `found`, for people. */
  difference(found: FoundState, number: number, nowMs: number): string {
    const state: State = new Map();
    for (const write of this.writes.slice(0, number)) applyTo(state, write);
    const wrong: string[] = [];
    for (const name of new Set([...state.keys(), ...found.keys()])) {
      const entry = visible(state.get(name), nowMs);
      const text = entry === undefined ? "" : canonical(entry.value, nowMs);
      const expected = text === "" ? "nothing" : shown({ text, expireMs: entry!.expireMs });
      const other = found.get(name);
      const got = other === undefined ? "nothing" : shown(other);
      if (expected !== got) wrong.push(`${name} holds ${got} instead of ${expected}`);
    }
    return wrong.slice(0, 4).join("; ");
  }
}

/** How `b` differs from `a`, at the first name that shows it; "": nowhere. */
export function firstDifference(a: FoundState, b: FoundState): string {
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const [one, other] = [a.get(name), b.get(name)];
    if (one?.text !== other?.text || one?.expireMs !== other?.expireMs)
      return `${name} holds ${other?.text} instead of ${one?.text}`;
  }
  return "";
}

function applyTo(state: State, { changes }: Write): void {
  for (const { database, key, entry } of changes) {
    if (entry === undefined) state.delete(nameOf(database, key));
    else state.set(nameOf(database, key), entry);
  }
}

function isSame(state: State, found: FoundState, nowMs: number): boolean {
  let count = 0;
  for (const [name, entry] of state) {
    if (visible(entry, nowMs) === undefined) continue;
    const other = found.get(name);
    const text = canonical(entry.value, nowMs);
    if (text === "") continue;
    count++;
    if (other === undefined || other.text !== text || other.expireMs !== entry.expireMs) return false;
  }
  return count === found.size;
}

function shown({ text, expireMs }: FoundEntry): string {
  return `${text.length > 60 ? `${text.slice(0, 60)}… (${text.length})` : text}${expireMs === 0 ? "" : ` until ${expireMs}`}`;
}
