/**
 * What a row of the directive table says. One row is the whole truth about a name: its aliases, its kind of value, its
 * default, when it may change, and what Emberlog makes of it. Parsing, CONFIG GET, CONFIG SET, CONFIG REWRITE, the
 * start-up warnings and the documentation are derived from the rows.
 *
 *   honoured   the server acts on it
 *   inert      accepted and shown, without effect; a value other than the default earns one warning with the reason
 *   refused    a value other than the default is an error with the reason: ignoring it would break what it promises
 */
import type { Kind } from "./values.ts";

export type Status = "honoured" | "inert" | "refused";

/**
 * `runtime`: CONFIG SET may change it. `start`: only the file or the command line. `protected`: as start, but CONFIG SET
 * answers that it is protected, as Redis does.
 */
export type Mutability = "runtime" | "start" | "protected";

export interface Directive {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly kind: Kind;
  /** The default, in the text that CONFIG GET shows. */
  readonly initial: string;
  readonly mutability: Mutability;
  /** Found by its exact name only, never by a pattern. */
  readonly hidden: boolean;
  readonly status: Status;
  /** Why it is inert or refused; empty when honoured. */
  readonly reason: string;
}

export interface RowOptions {
  readonly aliases?: readonly string[];
  readonly mutability?: Mutability;
  readonly hidden?: boolean;
}

function row(
  status: Status,
  reason: string,
  name: string,
  kind: Kind,
  initial: string,
  options: RowOptions,
): Directive {
  const { aliases = [], mutability = "runtime", hidden = false } = options;
  return { name, aliases, kind, initial, mutability, hidden, status, reason };
}

export function honoured(name: string, kind: Kind, initial: string, options: RowOptions = {}): Directive {
  return row("honoured", "", name, kind, initial, options);
}

/** Makes rows that are inert for one common reason. */
export function inertBecause(reason: string) {
  return (name: string, kind: Kind, initial: string, options: RowOptions = {}): Directive =>
    row("inert", reason, name, kind, initial, options);
}

/** Makes rows that are refused for one common reason. */
export function refusedBecause(reason: string) {
  return (name: string, kind: Kind, initial: string, options: RowOptions = {}): Directive =>
    row("refused", reason, name, kind, initial, options);
}

export const START = { mutability: "start" } as const satisfies RowOptions;
export const PROTECTED = { mutability: "protected" } as const satisfies RowOptions;
export const HIDDEN = { hidden: true } as const satisfies RowOptions;
