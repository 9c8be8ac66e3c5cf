/** Which arguments of a request the slow log and MONITOR must not show: a definition says it, here it is asked. */
import { latin1 } from "../../base/bytes.ts";
import type { CommandDefinition } from "../../command/definition.ts";

/** What stands in the place of an argument that nobody may see. */
export const REDACTED = "(redacted)";

const NONE: readonly number[] = [];

/** Indices of the arguments of a request, whose pairs (start, length) begin at pair `first` of `args`. */
export function secretsOf(
  definition: CommandDefinition,
  input: Uint8Array,
  args: Int32Array,
  first: number,
  argc: number,
): readonly number[] {
  if (definition.secrets === undefined) return NONE;
  const texts: string[] = [];
  for (let i = first; i < first + argc; i++) {
    const start = args[i << 1]!;
    texts.push(latin1(input, start, start + args[(i << 1) + 1]!));
  }
  return definition.secrets(texts);
}
