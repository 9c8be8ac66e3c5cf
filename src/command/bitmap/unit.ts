/** What BITCOUNT and BITPOS say of their range: BYTE or BIT. */
import type { Call } from "../call.ts";
import { type Argument, argument, block, oneOf, token } from "../definition.ts";
import { SYNTAX_ERROR } from "../messages.ts";

/** Does argument i say BIT? -1: neither that nor BYTE, and the error has been replied. */
export function readUnit(call: Call, i: number): number {
  if (call.is(i, "BIT")) return 1;
  if (call.is(i, "BYTE")) return 0;
  call.reply.error(SYNTAX_ERROR);
  return -1;
}

/** The arguments [start [end [BYTE | BIT]]]. */
export const rangeArgument: Argument = block(
  "range",
  [
    argument("start", "integer"),
    block(
      "end-unit-block",
      [argument("end", "integer"), oneOf("unit", [token("BYTE"), token("BIT")], { optional: true, since: "7.0.0" })],
      { optional: true },
    ),
  ],
  { optional: true },
);
