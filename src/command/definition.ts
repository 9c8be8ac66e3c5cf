/**
 * What a command is: one definition carries everything that is known about it, and COMMAND INFO, DOCS and GETKEYS, arity
 * errors, ACL categories, routing and the docs pages are derived from it. Nothing about a command is written twice.
 */
import type { Call } from "./call.ts";

export type CommandGroup =
  | "string"
  | "bitmap"
  | "generic"
  | "connection"
  | "server"
  | "transactions"
  | "scripting"
  | "cluster"
  | "hash"
  | "list"
  | "set"
  | "sorted-set"
  | "stream"
  | "pubsub"
  | "hyperloglog"
  | "geo";

/** Redis's command flags, in the words that COMMAND INFO prints. */
export type CommandFlag =
  | "write"
  | "readonly"
  | "denyoom"
  | "admin"
  | "pubsub"
  | "noscript"
  | "blocking"
  | "loading"
  | "stale"
  | "skip_monitor"
  | "skip_slowlog"
  | "asking"
  | "fast"
  | "no_auth"
  | "may_replicate"
  | "no_mandatory_keys"
  | "no_async_loading"
  | "no_multi"
  | "movablekeys"
  | "allow_busy"
  | "touches_arbitrary_keys";

/** Flags of a key specification, as COMMAND INFO prints them. */
export type KeyFlag =
  | "RO"
  | "RW"
  | "OW"
  | "RM"
  | "access"
  | "insert"
  | "update"
  | "delete"
  | "not_key"
  | "incomplete"
  | "variable_flags";

/** Where the keys of a request stand. `last` counts from `first`; negative from the end, as Redis has it. */
export interface KeySpec {
  readonly flags: readonly KeyFlag[];
  readonly begin:
    | { readonly index: number }
    | { readonly keyword: string; readonly startFrom: number }
    | { readonly unknown: true };
  readonly find:
    | { readonly last: number; readonly step: number; readonly limit: number }
    | { readonly keyCountIndex: number; readonly firstKey: number; readonly step: number }
    | { readonly unknown: true };
  readonly notes?: string;
}

export interface FoundKey {
  /** Index of the argument, the command's name being 0. */
  readonly index: number;
  readonly flags: readonly KeyFlag[];
}

export type ArgumentType =
  | "string"
  | "integer"
  | "double"
  | "key"
  | "pattern"
  | "unix-time"
  | "pure-token"
  | "oneof"
  | "block";

export interface Argument {
  readonly name: string;
  readonly type: ArgumentType;
  readonly token?: string;
  readonly since?: string;
  readonly deprecatedSince?: string;
  readonly summary?: string;
  readonly display?: string;
  readonly keySpec?: number;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  readonly multipleToken?: boolean;
  readonly args?: readonly Argument[];
}

export interface CommandDefinition {
  /** Upper case; a subcommand carries its own name only ("GETNAME"). */
  readonly name: string;
  readonly group: CommandGroup;
  readonly since: string;
  readonly summary: string;
  readonly complexity?: string;
  /** Arguments with the name; negative: at least that many. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** ACL categories besides those that flags and group imply, without "@". */
  readonly categories?: readonly string[];
  readonly keys?: readonly KeySpec[];
  readonly args?: readonly Argument[];
  readonly tips?: readonly string[];
  readonly history?: readonly (readonly [version: string, change: string])[];
  readonly deprecated?: { readonly since: string; readonly replacedBy: string };
  /** For the system's own use, not for applications. */
  readonly system?: boolean;
  readonly subcommands?: readonly CommandDefinition[];
  /** What a request does to its keys, where a key specification says "variable_flags": `argc` arguments from index `at` on. */
  keyFlags?(call: Call, at: number, argc: number): readonly KeyFlag[];
  /** The keys of a request whose specifications are "unknown", as far as the arguments tell; `argc` and `at` as above. */
  moreKeys?(call: Call, at: number, argc: number): readonly FoundKey[];
  /** Its reply may tell of keys in other databases than the session's. */
  readonly otherDatabases?: boolean;
  /** Indices of the arguments that neither the slow log nor MONITOR may show; `args` are all of them as latin1 texts. */
  secrets?(args: readonly string[]): readonly number[];
  /** Executes a request. A container without a default action has none. */
  run?(call: Call): void;
  /**
   * Executes several requests at once, where that costs less than one after the other: `count` of them, 2 or more, that are alike but for
   * their last arguments, the next one's `call.argc` behind the one's before. Returns how many it has executed, from the first on, as `run` would
   * have: each has changed the dataset, has been answered without an error, and is to be logged as it came. 0: none, and nothing has happened.
   */
  runAlike?(call: Call, count: number): number;
}

/** One key at `index`, or with `last` and `step` several. */
export function keysAt(flags: readonly KeyFlag[], index = 1, last = 0, step = 1): KeySpec {
  return { flags, begin: { index }, find: { last, step, limit: 0 } };
}

export function argument(name: string, type: ArgumentType, more: Omit<Argument, "name" | "type"> = {}): Argument {
  return { name, type, ...more };
}

/** A keyword that is an argument by itself. */
export function token(text: string, more: Omit<Argument, "name" | "type" | "token"> = {}): Argument {
  return { name: text.toLowerCase(), type: "pure-token", token: text, ...more };
}

export function oneOf(
  name: string,
  args: readonly Argument[],
  more: Omit<Argument, "name" | "type" | "args"> = {},
): Argument {
  return { name, type: "oneof", args, ...more };
}

export function block(
  name: string,
  args: readonly Argument[],
  more: Omit<Argument, "name" | "type" | "args"> = {},
): Argument {
  return { name, type: "block", args, ...more };
}
