/**
 * The oracle of acknowledged writes. Each writer issues operations 1, 2, 3 … in order, drawn from a seed; a model of the writer's keys
 * is kept by applying the same operations to a map.
 *
 * After a crash the keys of each writer must equal the model after SOME prefix of its operations that is at least as long as
 * what was acknowledged (nothing acknowledged is lost, nothing is applied twice, no holes) and at least as long as what
 * anybody has read. Units (MULTI) also append to a journal that all writers share, so the journal must hold exactly the units
 * inside those prefixes: a unit applied by half shows as a difference between the two.
 */
import { type Random, uniform } from "../../src/base/random.ts";

/** A value, and whether it has a time to live. */
export type State = Map<string, string>;

export type Operation =
  | { readonly kind: "set" | "setex" | "del" | "big"; readonly key: string }
  | { readonly kind: "mset"; readonly keys: readonly string[] }
  | { readonly kind: "incr" | "append" }
  | { readonly kind: "unit"; readonly key: string };

/** Keys of one writer that single writes hit. */
const KEYS = 24;
/** Databases that the writers are spread over. */
const DATABASES = 3;
/** Bytes behind the number in a big value: longer than what is copied by hand, shorter than a frame. */
const BIG_BYTES = 40_000;
/** Marks a value that has a time to live. */
export const TIMED = " (timed)";

export class Writer {
  readonly index: number;
  /** Number of the last operation whose replies have all arrived. */
  acknowledged = 0;
  /** When each operation since the last recovery was acknowledged. */
  readonly acknowledgedMs: number[] = [];
  /** Number of the last operation that has been sent. */
  sent = 0;
  /** Largest operation number that any reader has seen as a value. */
  seen = 0;
  /** State after operation `baseNumber`, as the last recovery showed it. */
  private base: State = new Map();
  private baseNumber = 0;
  /** Operations behind `baseNumber`. */
  private readonly operations: Operation[] = [];

  constructor(index: number) {
    this.index = index;
  }

  get database(): number {
    return this.index % DATABASES;
  }

  key(i: number): string {
    return `w${this.index}:k${i}`;
  }

  /** Every key that this writer may have written. */
  keys(): string[] {
    const keys = Array.from({ length: KEYS }, (_, i) => this.key(i));
    return [...keys, this.key(-1), this.key(-2), this.key(-3)];
  }

  /** What was acknowledged after `sinceMs` need not have survived. */
  forgive(sinceMs: number): void {
    for (const ms of this.acknowledgedMs) if (ms > sinceMs) this.acknowledged--;
  }

  /** Draws the next operation and counts it as sent. */
  draw(random: Random): Operation {
    const key = this.key(uniform(random, KEYS));
    const dice = uniform(random, 100);
    let operation: Operation;
    if (dice < 45) operation = { kind: "set", key };
    else if (dice < 55) operation = { kind: "setex", key };
    else if (dice < 60) operation = { kind: "del", key };
    else if (dice < 70)
      operation = { kind: "mset", keys: [key, this.key(uniform(random, KEYS)), this.key(uniform(random, KEYS))] };
    else if (dice < 80) operation = { kind: "incr" };
    else if (dice < 84) operation = { kind: "append" };
    else if (dice < 86) operation = { kind: "big", key: this.key(-3) };
    else operation = { kind: "unit", key };
    this.operations.push(operation);
    this.sent++;
    return operation;
  }

  /** The requests that operation `number` consists of. Each gets one reply. */
  requests(operation: Operation, number: number): string[][] {
    const value = String(number);
    switch (operation.kind) {
      case "set":
        return [["SET", operation.key, value]];
      case "setex":
        return [["SET", operation.key, value, "EX", "100000"]];
      case "del":
        return [["DEL", operation.key]];
      case "mset":
        return [["MSET", ...operation.keys.flatMap((key) => [key, value])]];
      case "incr":
        return [["INCR", this.key(-1)]];
      case "append":
        return [["APPEND", this.key(-2), `${value},`]];
      case "big":
        return [["SET", operation.key, bigValue(number)]];
      case "unit":
        return [
          ["MULTI"],
          ["SET", operation.key, value],
          ["INCR", this.key(-1)],
          ["SELECT", "0"],
          ["APPEND", "journal", `${this.index}:${number};`],
          ["SELECT", String(this.database)],
          ["EXEC"],
        ];
    }
  }

  /**
   * Finds the prefix of the operations after which the model equals `recovered`, makes it the new base, and returns the numbers of
   * the units inside it since the last base. The text says what is wrong where there is no such prefix.
   */
  settle(recovered: State, readsCount: boolean): { readonly units: number[] } | string {
    const state = new Map(this.base);
    const least = readsCount ? Math.max(this.acknowledged, this.seen) : this.acknowledged;
    const units: number[] = [];
    let nearest = "";
    for (let number = this.baseNumber; number <= this.sent; number++) {
      if (number > this.baseNumber) {
        const operation = this.operations[number - this.baseNumber - 1]!;
        this.apply(state, operation, number);
        if (operation.kind === "unit") units.push(number);
      }
      if (number < least) continue;
      const difference = firstDifference(state, recovered);
      if (difference === "") {
        this.base = state;
        this.baseNumber = number;
        this.operations.length = 0;
        this.acknowledgedMs.length = 0;
        this.acknowledged = number;
        this.sent = number;
        this.seen = number;
        return { units };
      }
      if (nearest === "") nearest = difference;
    }
    return (
      `writer ${this.index}: no prefix of its operations fits; acknowledged ${this.acknowledged}, read ${this.seen}, sent ${this.sent}; ` +
      `after operation ${least}: ${nearest}`
    );
  }

  private apply(state: State, operation: Operation, number: number): void {
    const value = String(number);
    switch (operation.kind) {
      case "set":
        state.set(operation.key, value);
        break;
      case "setex":
        state.set(operation.key, value + TIMED);
        break;
      case "del":
        state.delete(operation.key);
        break;
      case "mset":
        for (const key of operation.keys) state.set(key, value);
        break;
      case "append":
        state.set(this.key(-2), `${state.get(this.key(-2)) ?? ""}${value},`);
        break;
      case "big":
        state.set(operation.key, bigValue(number));
        break;
      case "unit":
        state.set(operation.key, value);
        this.count(state);
        break;
      case "incr":
        this.count(state);
    }
  }

  private count(state: State): void {
    state.set(this.key(-1), String(Number(state.get(this.key(-1)) ?? 0) + 1));
  }
}

function bigValue(number: number): string {
  return `${number}:`.padEnd(BIG_BYTES, "b");
}

function firstDifference(model: State, recovered: State): string {
  for (const key of new Set([...model.keys(), ...recovered.keys()])) {
    const expected = model.get(key) ?? "nothing";
    const found = recovered.get(key) ?? "nothing";
    if (expected !== found) return `${key} holds ${found.slice(-60)} instead of ${expected.slice(-60)}`;
  }
  return "";
}

/** Units since the last recovery, by writer, must be what the journal holds behind `before`. Returns what is wrong, or "". */
export function checkJournal(before: string, after: string, units: readonly (readonly number[])[]): string {
  if (!after.startsWith(before))
    return `the journal lost what it held before: ${after.length} of ${before.length} bytes`;
  const found: number[][] = units.map(() => []);
  for (const entry of after.slice(before.length).split(";").slice(0, -1)) {
    const [writer, number] = entry.split(":").map(Number);
    const list = found[writer ?? -1];
    if (list === undefined || number === undefined) return `the journal holds ${JSON.stringify(entry)}`;
    list.push(number);
  }
  for (const [writer, numbers] of units.entries()) {
    if (numbers.join() !== found[writer]!.join()) {
      const missing = numbers.filter((number) => !found[writer]!.includes(number));
      const extra = found[writer]!.filter((number) => !numbers.includes(number));
      return `units of writer ${writer} are in its keys but not in the journal: ${missing.slice(0, 5)}; in the journal but not in its keys: ${extra.slice(0, 5)}`;
    }
  }
  return "";
}
