/**
 * What follows from a command's definition: its ACL categories, its flags, the old three-number range of its keys, the keys of a
 * request. COMMAND answers from here, and so will access control and routing; nothing of it is written into a definition.
 *
 * The rules and the order of the words are Redis's, because clients compare them.
 */
import { parseIntegerSafe } from "../base/integer.ts";
import type { Call } from "./call.ts";
import type { CommandDefinition, CommandFlag, CommandGroup, FoundKey, KeyFlag, KeySpec } from "./definition.ts";
import { type CommandTable, UNKNOWN_COMMAND } from "./table.ts";

/** All categories, in the order in which COMMAND INFO names them. */
export const CATEGORIES: readonly string[] = [
  "keyspace",
  "read",
  "write",
  "set",
  "sortedset",
  "list",
  "hash",
  "string",
  "bitmap",
  "hyperloglog",
  "geo",
  "stream",
  "pubsub",
  "admin",
  "fast",
  "slow",
  "blocking",
  "dangerous",
  "connection",
  "transaction",
  "scripting",
];

/** The category that belongs to a group; groups without one are served by the definitions' own. */
const CATEGORY_OF_GROUP: Partial<Readonly<Record<CommandGroup, string>>> = {
  string: "string",
  bitmap: "bitmap",
  connection: "connection",
  transactions: "transaction",
  scripting: "scripting",
  hash: "hash",
  list: "list",
  set: "set",
  "sorted-set": "sortedset",
  stream: "stream",

  hyperloglog: "hyperloglog",
  geo: "geo",
};

/** What COMMAND INFO shows; Redis keeps "may_replicate" and "touches_arbitrary_keys" to itself. */
const FLAGS: readonly CommandFlag[] = [
  "write",
  "readonly",
  "denyoom",
  "admin",
  "pubsub",
  "noscript",
  "blocking",
  "loading",
  "stale",
  "skip_monitor",
  "skip_slowlog",
  "asking",
  "fast",
  "no_auth",
  "no_mandatory_keys",
  "no_async_loading",
  "no_multi",
  "movablekeys",
  "allow_busy",
];

const KEY_FLAGS: readonly KeyFlag[] = [
  "RO",
  "RW",
  "OW",
  "RM",
  "access",
  "update",
  "insert",
  "delete",
  "not_key",
  "incomplete",
  "variable_flags",
];

/** A command that only holds subcommands: it belongs to no group's category, they do. */
function isContainer(definition: CommandDefinition): boolean {
  return definition.subcommands !== undefined && definition.run === undefined;
}

/** The ACL categories without "@", in Redis's order. */
export function categoriesOf(definition: CommandDefinition): string[] {
  const { flags, group } = definition;
  const own = new Set(definition.categories ?? []);
  const implied = isContainer(definition) ? undefined : CATEGORY_OF_GROUP[group];
  if (implied !== undefined) own.add(implied);
  if (flags.includes("write")) own.add("write");
  if (flags.includes("readonly") && !own.has("scripting")) own.add("read");
  if (flags.includes("admin")) own.add("admin").add("dangerous");
  if (flags.includes("pubsub")) own.add("pubsub");
  if (flags.includes("blocking")) own.add("blocking");
  own.add(flags.includes("fast") ? "fast" : "slow");
  return CATEGORIES.filter((category) => own.has(category));
}

/** The flags as COMMAND INFO prints them; "movablekeys" follows from the key specifications. */
export function flagsOf(definition: CommandDefinition): string[] {
  const movable = keyRangeOf(definition).movable;
  return FLAGS.filter((flag) => definition.flags.includes(flag) || (movable && flag === "movablekeys")).map((flag) =>
    // The one that Redis prints in upper case.
    flag === "touches_arbitrary_keys" ? flag.toUpperCase() : flag,
  );
}

/** Flags of keys in the order in which they are printed. */
export function orderedKeyFlags(flags: readonly KeyFlag[]): KeyFlag[] {
  return KEY_FLAGS.filter((flag) => flags.includes(flag));
}

/** First key, last key (negative: from the end) and step, as clients older than key specifications know them; 0, 0, 0 without keys. */
export interface KeyRange {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** There are keys that the range does not tell. */
  readonly movable: boolean;
}

export function keyRangeOf(definition: CommandDefinition): KeyRange {
  const specs = definition.keys ?? [];
  let movable = definition.flags.includes("movablekeys");
  if (specs.length === 1 && isRange(specs[0]!)) {
    const { begin, find, flags } = specs[0];
    const last = find.last >= 0 ? begin.index + find.last : find.last;
    return { first: begin.index, last, step: find.step, movable: movable || flags.includes("incomplete") };
  }
  let first = 0;
  let last = 0;
  for (const spec of specs) {
    // Ranges that follow each other without a gap join into one; everything else is told by the specifications alone.
    if (!isRange(spec) || spec.find.step !== 1 || (last !== 0 && last !== spec.begin.index - 1)) {
      movable = true;
      continue;
    }
    if (spec.flags.includes("incomplete")) movable = true;
    if (first === 0 || spec.begin.index < first) first = spec.begin.index;
    last = spec.find.last >= 0 ? spec.begin.index + spec.find.last : spec.find.last;
    if (last < 0) break;
  }
  return { first, last, step: first === 0 ? 0 : 1, movable };
}

interface RangeSpec extends KeySpec {
  readonly begin: { readonly index: number };
  readonly find: { readonly last: number; readonly step: number; readonly limit: number };
}

function isRange(spec: KeySpec): spec is RangeSpec {
  return "index" in spec.begin && "last" in spec.find;
}

/** May a request of this command name keys? */
export function hasKeys(definition: CommandDefinition): boolean {
  return (definition.keys ?? []).some((spec) => !spec.flags.includes("not_key"));
}

/** Is this number of arguments, the name included, right? */
export function arityFits(definition: CommandDefinition, argc: number): boolean {
  return definition.arity > 0 ? argc === definition.arity : argc >= -definition.arity;
}

/** The id of the command or subcommand that the arguments of `call` from index `at` on name, or UNKNOWN_COMMAND. */
export function commandIdAt(table: CommandTable, call: Call, at: number): number {
  const id = table.lookup(call.input, call.start(at), call.length(at));
  if (id === UNKNOWN_COMMAND || at + 1 >= call.argc || table.definitions[id]!.subcommands === undefined) return id;
  return subcommandId(table, id, call.text(at + 1));
}

/** The id of "get", "config|get", in any case of letters, or UNKNOWN_COMMAND. */
export function commandIdOf(table: CommandTable, fullName: string): number {
  const [name, subcommand, ...more] = fullName.split("|");
  const bytes = Uint8Array.from(name!, (character) => character.charCodeAt(0));
  const id = table.lookup(bytes, 0, bytes.length);
  if (id === UNKNOWN_COMMAND || subcommand === undefined) return id;
  return more.length > 0 ? UNKNOWN_COMMAND : subcommandId(table, id, subcommand);
}

function subcommandId(table: CommandTable, container: number, name: string): number {
  const upper = name.toUpperCase();
  return (
    table.subcommandIds(container).find((id) => table.definitions[id]!.name.toUpperCase() === upper) ?? UNKNOWN_COMMAND
  );
}

/**
 * The keys of a request, `argc` arguments of `call` from index `at` on. Undefined when a specification does not fit the arguments: what
 * the command itself would call a syntax error.
 */
export function keysOf(definition: CommandDefinition, call: Call, at: number, argc: number): FoundKey[] | undefined {
  const found: FoundKey[] = [];
  for (const spec of definition.keys ?? []) {
    if (spec.flags.includes("not_key") || "unknown" in spec.begin) continue;
    const start = startOf(spec, call, at, argc);
    // The keyword of an optional part is not there.
    if (start === 0) continue;
    const keys = boundsOf(spec, call, at, argc, start);
    if (keys === undefined || keys.last >= argc || keys.last < keys.first || keys.first >= argc) return undefined;
    const flags = spec.flags.includes("variable_flags")
      ? (definition.keyFlags?.(call, at, argc) ?? spec.flags)
      : spec.flags;
    for (let index = keys.first; index <= keys.last; index += keys.step) found.push({ index, flags });
  }
  if (definition.moreKeys !== undefined) found.push(...definition.moreKeys(call, at, argc));
  return found;
}

/** Where a specification's keys begin; 0: its keyword does not occur. */
function startOf(spec: KeySpec, call: Call, at: number, argc: number): number {
  const { begin } = spec;
  if ("index" in begin) return begin.index;
  if ("unknown" in begin) return 0;
  const forward = begin.startFrom > 0;
  const step = forward ? 1 : -1;
  const end = forward ? argc - 1 : 1;
  for (let i = forward ? begin.startFrom : argc + begin.startFrom; i !== end && i > 0 && i < argc; i += step) {
    if (call.is(at + i, begin.keyword)) return i + 1;
  }
  return 0;
}

interface KeyBounds {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

function boundsOf(spec: KeySpec, call: Call, at: number, argc: number, start: number): KeyBounds | undefined {
  const { find } = spec;
  if ("last" in find) {
    const { last, step, limit } = find;
    if (last >= 0) return { first: start, last: start + last, step };
    // A limit n means: the n-th part of what is left.
    return { first: start, last: limit <= 1 ? argc + last : start + Math.trunc((argc - start) / limit) + last, step };
  }
  if ("unknown" in find) return undefined;
  const countIndex = start + find.keyCountIndex;
  if (countIndex >= argc) return undefined;
  const count = parseIntegerSafe(call.input, call.start(at + countIndex), call.length(at + countIndex));
  if (!(count >= 0)) return undefined;
  const first = start + find.firstKey;
  return { first, last: first + (count - 1) * find.step, step: find.step };
}
