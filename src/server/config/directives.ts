/**
 * The table of directives: every name that redis-server 7.0.15 knows, and Emberlog's own. A name that stands nowhere
 * here is an error wherever it is met.
 */
import { check } from "../../base/check.ts";
import type { Directive } from "./directive.ts";
import { backupDirectives } from "./directives_backup.ts";
import { dataDirectives } from "./directives_data.ts";
import { replicationDirectives } from "./directives_replication.ts";
import { serverDirectives } from "./directives_server.ts";

export const directives: readonly Directive[] = [
  ...serverDirectives,
  ...dataDirectives,
  ...backupDirectives,
  ...replicationDirectives,
];

const byName = new Map<string, Directive>();
for (const directive of directives) {
  for (const name of [directive.name, ...directive.aliases]) {
    check(!byName.has(name), "a directive's name stands in the table once");
    byName.set(name, directive);
  }
}

/** The row of a name or an alias, in any case of letters. */
export function findDirective(name: string): Directive | undefined {
  return byName.get(name.toLowerCase());
}

/** Every name that CONFIG GET can show, aliases included, in the table's order. */
export function allNames(): IterableIterator<[string, Directive]> {
  return byName.entries();
}

/**
 * Words that only a file or the command line may use, with the number of arguments they take and why they are refused.
 * `include` is the one that works: the loader handles it before it looks here.
 */
export const fileOnlyWords: ReadonlyMap<string, { readonly argumentsMin: number; readonly reason: string }> = new Map([
  ["include", { argumentsMin: 1, reason: "" }],
  ["rename-command", { argumentsMin: 2, reason: "commands can't be renamed yet" }],
  [
    "user",
    { argumentsMin: 1, reason: "access control lists do not exist yet; only `requirepass` protects the server" },
  ],
  ["loadmodule", { argumentsMin: 1, reason: "modules do not exist" }],
  ["sentinel", { argumentsMin: 1, reason: "sentinel mode does not exist" }],
]);

/** Names that Redis 7 accepts and forgets because older versions knew them. */
export const forgottenNames: readonly string[] = [
  "list-max-ziplist-entries",
  "list-max-ziplist-value",
  "lua-replicate-commands",
];
