/**
 * Random SORTs. Left out is what has no order of its own: the members of a set unsorted, and equal texts of sets and sorted sets, whose order
 * is that of each server's table. Numeric sorting is left to the tables of cases: redis-server 7.0.15 refuses it at random, because it looks at
 * an errno that an earlier command has left (a number that APPEND made too large for a double, say).
 */
import type { Argument } from "../../support/resp_client.ts";
import type { CommandSource, RandomCommand } from "../random_commands.ts";

const PATTERNS: readonly Argument[] = ["key:00000000000*", "key:*", "*", "*->field", "key:00000000000*->f", "a*"];

function gets(source: CommandSource): Argument[] {
  const options: Argument[] = [];
  for (let i = source.below(3); i > 0; i--) options.push("GET", source.below(2) === 0 ? "#" : source.pick(PATTERNS));
  return options;
}

function limit(source: CommandSource): string[] {
  if (source.below(2) === 0) return [];
  return ["LIMIT", String(source.below(8) - 1), source.below(20) === 0 ? "x" : String(source.below(10) - 1)];
}

export function sortSource(source: CommandSource): RandomCommand {
  const order = source.pick([[], ["ASC"], ["DESC"]]);
  const words = source.below(2) === 0 ? ["ALPHA"] : ["BY", "nosort"];
  return ["SORT", source.key(), ...words, ...limit(source), ...gets(source), ...order, "STORE", source.key()];
}
