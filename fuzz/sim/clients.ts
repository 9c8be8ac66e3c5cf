/**
 * The simulated clients: what each has sent, what the model says it must get, and what has arrived. What has arrived whole is known
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
  /** Sent in part: the rest of the bytes, and the request. */
  unsent = "";
  unsentRequest: string[] | undefined;
  private readonly expected: Expected[] = [];
  private inbox = "";

  constructor(slot: number, session: ModelSession) {
    this.slot = slot;
    this.session = session;
  }

  get waiting(): number {
    return this.expected.length;
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
}

function quote(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
