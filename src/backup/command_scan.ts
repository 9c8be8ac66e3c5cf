/** The commands inside a unit of the log, one by one, for whoever looks for one or cuts between two. */

import { latin1 } from "../base/bytes.ts";
import { check } from "../base/check.ts";
import { REQUEST, RequestParser } from "../protocol/request_parser.ts";

export interface ScannedCommand {
  readonly sequence: number;
  /** Where it ends in the payload. */
  readonly end: number;
  /** In upper case. */
  readonly name: string;
  /** Arguments, the name first, a character a byte. */
  readonly words: readonly string[];
  /** Between this one and the next nothing may be cut: both are in one transaction. */
  readonly joined: boolean;
}

/** The commands in payload[start, end), the first one numbered `firstSequence`. */
export function* scanCommands(
  payload: Uint8Array,
  start: number,
  end: number,
  firstSequence: number,
): Generator<ScannedCommand> {
  const parser = new RequestParser();
  let sequence = firstSequence;
  let inTransaction = false;
  for (let at = start; at < end; sequence++) {
    parser.reset();
    check(parser.next(payload, at, end) === REQUEST, "a verified unit holds whole requests");
    const words: string[] = [];
    for (let i = 0; i < parser.argc; i++) {
      const from = parser.args[2 * i]!;
      words.push(latin1(payload, from, from + parser.args[2 * i + 1]!));
    }
    const name = (words[0] ?? "").toUpperCase();
    if (name === "MULTI") inTransaction = true;
    if (name === "EXEC") inTransaction = false;
    at = parser.end;
    yield { sequence, end: at, name, words, joined: inTransaction };
  }
}
