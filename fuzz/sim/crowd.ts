/**
 * The clients of one life, and what they are owed: they send, the model follows the server request by request as that executes them, and each
 * answer and message is held against what it must be, at the moment of execution and again when it arrives.
 */
import { type Random, uniform } from "../../src/base/random.ts";
import { deliveries, keyOf, type Message, subscription } from "./channels.ts";
import { quote, SimClient } from "./clients.ts";
import type { Counts } from "./counts.ts";
import { type Model, type ModelReply, ModelSession } from "./model.ts";
import { WrongAnswer } from "./model_values.ts";
import { encode, Requests } from "./requests.ts";
import { CONTROL_SLOT, type Executed, type Listener } from "./server.ts";
import type { SimClock } from "./world.ts";

/** What the oracle says when it is broken. */
export class Violation extends Error {}

export interface CrowdOptions {
  readonly model: Model;
  readonly clock: SimClock;
  readonly counts: Counts;
  readonly clients: number;
  readonly expiry: boolean;
  readonly say: ((line: string) => void) | undefined;
}

export class Crowd implements Listener {
  hash = 0x811c9dc5;
  private clients: SimClient[] = [];
  private readonly options: CrowdOptions;
  private readonly requests = new Requests();
  /** What the control connection has received. */
  private control: Uint8Array[] = [];
  /** Messages of the request that is being executed. */
  private messages: Message[] = [];

  constructor(options: CrowdOptions) {
    this.options = options;
    options.model.receiversOf = (message) => deliveries(this.clients, message).length;
  }

  /** New connections to a server that has just started. */
  connect(): void {
    this.clients = Array.from({ length: this.options.clients }, (_, slot) => new SimClient(slot, new ModelSession()));
  }

  /** The server is gone, and with it all connections. */
  leave(): void {
    this.clients = [];
    this.messages = [];
  }

  /** Some clients send some requests: the bytes of each. */
  compose(random: Random): { slot: number; bytes: Uint8Array }[] {
    const { clients } = this;
    const first = uniform(random, clients.length);
    const count = 1 + uniform(random, clients.length);
    return Array.from({ length: count }, (_, i) => {
      const client = clients[(first + i) % clients.length]!;
      return { slot: client.slot, bytes: Uint8Array.from(Buffer.from(this.send(client, random), "latin1")) };
    });
  }

  /** What one client sends: whole requests, perhaps the rest of one and the beginning of another. */
  private send(client: SimClient, random: Random): string {
    let bytes = client.unsent;
    if (client.unsentRequest !== undefined) client.sent.push(client.unsentRequest);
    client.unsent = "";
    client.unsentRequest = undefined;
    let last: string[] | undefined;
    for (let i = uniform(random, 4); i >= 0; i--) {
      const mayWait = this.othersAreAwake(client);
      const heard = this.clients.some((other) => other !== client && other.session.subscriptions > 0);
      const { requests } = this;
      const again = last === undefined || uniform(random, 2) === 0 ? undefined : requests.alike(last, random);
      const request = again ?? requests.draw({ random, client, expiry: this.options.expiry, mayWait, heard });
      last = client.subscriptions.size > 0 ? undefined : request;
      client.follow(request);
      const encoded = encode(request);
      if (uniform(random, 30) === 0) {
        const at = 1 + uniform(random, encoded.length - 1);
        client.unsent = encoded.slice(at);
        client.unsentRequest = request;
        return bytes + encoded.slice(0, at);
      }
      bytes += encoded;
      client.sent.push(request);
    }
    return bytes;
  }

  /** Somebody neither waits nor listens, nor is about to. */
  private othersAreAwake(client: SimClient): boolean {
    const sleeps = ({ session, sent, subscriptions, unsentRequest }: SimClient): boolean =>
      session.waiting !== undefined ||
      subscriptions.size > 0 ||
      [...sent, unsentRequest ?? []].some(([name]) => name?.startsWith("B") === true);
    return this.clients.some((other) => other !== client && !sleeps(other));
  }

  /** What clients were told so far they may pass on without its being on stable storage. */
  forgetKnowledge(): void {
    for (const { session } of this.clients) session.known = 0;
  }

  executed(event: Executed): void {
    const client = this.clients[event.slot];
    if (client === undefined) throw new Violation(`a request of client ${event.slot} is executed, who is not there`);
    const shown = event.args.join(" ").slice(0, 70);
    if (event.resumedFor === undefined) {
      const next = client.sent.shift();
      if (next === undefined || next.length !== event.args.length || next.some((arg, i) => arg !== event.args[i])) {
        throw new Violation(
          `client ${client.slot} has sent ${quote(next?.join(" ") ?? "nothing")}, executed is ${shown}`,
        );
      }
      this.options.counts.add("requests");
    } else this.options.counts.add("requests that waited and went on");
    const { text, shows } = this.follow(client, event);
    if (event.answer !== undefined && event.answer !== text) {
      throw new Violation(
        `client ${client.slot} is answered ${quote(event.answer)} instead of ${quote(text)} for ${shown}`,
      );
    }
    this.options.say?.(`  ${client.slot}> ${shown} = ${text.slice(0, 40).trim()} (write ${shows})`);
    if (text !== "") client.expect(event.args, text, shows);
    this.deliver(client, shows);
  }

  private follow(client: SimClient, { args, resumedFor, refusal, answer = "" }: Executed): ModelReply {
    const { model, clock } = this.options;
    const { session } = client;
    const at = { nowMs: clock.wallMs(), refusal, answer };
    if (resumedFor !== undefined) return this.guarded(() => model.resume(session, resumedFor, at));
    const subscribed = subscription(client, args);
    if (subscribed !== undefined) return { text: subscribed, shows: 0 };
    if (args[0] === "PUBLISH" && !session.inMulti) {
      const [message] = this.messages;
      if (this.messages.length !== 1 || message!.channel !== args[1] || message!.payload !== args[2]) {
        throw new Violation(`PUBLISH ${args[1]} ${args[2]} has published ${JSON.stringify(this.messages)}`);
      }
      return { text: `:${deliveries(this.clients, message!).length}\r\n`, shows: 0 };
    }
    return this.guarded(() => model.execute(session, args, at));
  }

  private guarded(follow: () => ModelReply): ModelReply {
    try {
      return follow();
    } catch (thrown) {
      if (thrown instanceof WrongAnswer) throw new Violation(thrown.message);
      throw thrown;
    }
  }

  published(channel: string, payload: string): void {
    this.messages.push({ channel, payload });
  }

  /** What was published by a request of `client`, or by the timer, is on its way. */
  deliver(client: SimClient | undefined, shows: number): void {
    const { model, counts } = this.options;
    if (this.messages.length === 0) return;
    for (const message of this.messages) {
      const key = keyOf(message);
      const change = key === undefined ? 0 : model.changeOf(key.database, key.key);
      // Nobody can tell of more than there is: what the timer removes is no write.
      const known = key === undefined ? Math.max(client?.session.known ?? 0, shows) : Math.min(change, model.writes);
      for (const [receiver, text] of deliveries(this.clients, message)) {
        receiver.expect(["message", message.channel], text, known);
        counts.add(key === undefined ? "messages to subscribers" : "notifications");
      }
    }
    this.messages = [];
  }

  /** What must be true when a turn has ended: "" where it is. */
  settled(): string {
    for (const { session, sent, slot } of this.clients) {
      if (session.waiting === undefined && sent.length > 0) {
        return `${sent.length} requests of client ${slot} are not executed`;
      }
      const key = this.options.model.wakes(session);
      if (key !== "") return `client ${slot} waits, and ${key} has something`;
      if (session.waiting !== undefined) this.options.counts.add("turns that end while a client waits");
    }
    return "";
  }

  received(slot: number, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.hash = Math.imul(this.hash ^ bytes[i]!, 0x01000193);
    if (slot === CONTROL_SLOT) this.control.push(bytes.slice());
    else this.clients[slot]?.receive(bytes);
  }

  takeControl(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.control.splice(0)));
  }

  /** Takes what has arrived; the last write that anybody has been shown by it. */
  take(): number {
    let last = 0;
    for (const client of this.clients) {
      const shown = client.take();
      if (typeof shown === "string") throw new Violation(shown);
      if (shown > last) last = shown;
    }
    return last;
  }
}
