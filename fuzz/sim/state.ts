/** Reads the whole state of a recovered server the way a client would. */
import { ReplyReader } from "../../src/protocol/reply_reader.ts";
import { type Entry, nameOf } from "./model.ts";
import { encode } from "./requests.ts";
import { SIM_DATABASES, type SimServer } from "./server.ts";

export const CONTROL_SLOT = 7;

/** `received` gives what the control connection has received so far, and forgets it. */
export function readState(server: SimServer, received: () => Uint8Array): Map<string, Entry> {
  const ask = (requests: readonly string[][]): unknown[] => {
    const bytes = Uint8Array.from(Buffer.from(requests.map(encode).join(""), "latin1"));
    server.run([{ slot: CONTROL_SLOT, bytes }]);
    const reader = new ReplyReader(received());
    return requests.map(() => reader.read());
  };
  const state = new Map<string, Entry>();
  for (let database = 0; database < SIM_DATABASES; database++) {
    const [, keys] = ask([
      ["SELECT", String(database)],
      ["KEYS", "*"],
    ]);
    const names = (keys as Buffer[]).map((key) => key.toString("latin1"));
    const values = ask(
      names.flatMap((name) => [
        ["GET", name],
        ["PEXPIRETIME", name],
      ]),
    );
    names.forEach((name, i) => {
      const expireMs = Number(values[2 * i + 1]);
      state.set(nameOf(database, name), {
        value: (values[2 * i] as Buffer).toString("latin1"),
        expireMs: expireMs < 0 ? 0 : expireMs,
      });
    });
  }
  return state;
}
