/**
 * The simulated clients: what each has sent, what it must get, and what has arrived. What has arrived whole is known
 * to a client from then on, and the oracle holds the server to it.
 */
import type { ModelSession } from "./model.ts";

interface Expected {
  readonly request: string;
  readonly text: string;
  readonly shows: number;
}

export class SimClient {
  readonly slot: number;
  readonly session: ModelSession;
  /** Sent whole and not executed yet. */
  readonly sent: (readonly string[])[] = [];
  /** Sent in part: the rest of the bytes, and the request. */
  unsent = "";
  unsentRequest: readonly string[] | undefined;
  /** What its session will be when all that was sent, or begun, is executed: as far as drawing the next request needs it. */
  database = 0;
  inMulti = false;
  readonly subscriptions = new Set<string>();
  private readonly expected: Expected[] = [];
  private inbox = "";

  constructor(slot: number, session: ModelSession) {
    this.slot = slot;
    this.session = session;
  }

  expect(request: readonly string[], text: string, shows: number): void {
    this.expected.push({ request: request.join(" ").slice(0, 60), text, shows });
  }

  receive(bytes: Uint8Array): void {
    this.inbox += Buffer.from(bytes).toString("latin1");
  }

  /** Takes the replies that have arrived; returns the last write that they show, or what is wrong with them. */
  take(): number | string {
    let shows = 0;
    for (;;) {
      const { inbox } = this;
      if (inbox === "") return shows;
      const next = this.expected[0];
      if (next === undefined) return `client ${this.slot} got ${quote(inbox)} without a request`;
      if (!inbox.startsWith(next.text)) {
        if (next.text.startsWith(inbox)) return shows;
        return `client ${this.slot} got ${quote(inbox)} instead of ${quote(next.text)} for ${next.request}`;
      }
      this.inbox = inbox.slice(next.text.length);
      this.expected.shift();
      if (next.shows > shows) shows = next.shows;
    }
  }

  /** What a request that is sent now makes of the session. */
  follow([name, argument]: readonly string[]): void {
    if (name === "MULTI") this.inMulti = true;
    else if (name === "EXEC" || name === "DISCARD") this.inMulti = false;
    else if (name === "SELECT") this.database = Number(argument);
    else if (name === "SUBSCRIBE" || name === "PSUBSCRIBE") this.subscriptions.add(argument!);
    else if (name === "UNSUBSCRIBE" || name === "PUNSUBSCRIBE") this.subscriptions.delete(argument!);
  }
}

export function quote(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
