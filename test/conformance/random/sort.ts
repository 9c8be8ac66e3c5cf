/**
 * Random SORTs. Left out is what has no order of its own: the members of a set unsorted, and equal texts of sets and sorted sets, whose order
 * is that of each server's table.
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
  switch (source.below(6)) {
    case 0:
      return ["SORT", source.key(), "ALPHA", ...limit(source), ...gets(source), ...order, "STORE", source.key()];
    case 1:
      return ["SORT", source.key(), "BY", "nosort", ...limit(source), ...gets(source), ...order, "STORE", source.key()];
    case 2:
      return ["SORT", source.key(), "BY", source.pick(PATTERNS), ...limit(source), ...gets(source), ...order];
    case 3:
      return ["SORT", source.key(), "BY", source.pick(PATTERNS), ...limit(source), ...order, "STORE", source.key()];
    case 4:
      return ["SORT_RO", source.key(), ...limit(source), ...gets(source), ...order];
    default:
      return ["SORT", source.key(), ...limit(source), ...gets(source), ...order];
  }
}
