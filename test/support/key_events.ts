/**
 * Keyspace events as a subscriber hears them, command by command: a message behind each command tells that all of its events have arrived.
 */
import { decodeReply, plain } from "./reply_value.ts";
import type { Argument, RespClient } from "./resp_client.ts";

const MARK = "end of events";

export class EventListener {
  private readonly listener: RespClient;
  private readonly marker: RespClient;
  private readonly client: RespClient;

  private constructor(listener: RespClient, marker: RespClient, client: RespClient) {
    this.listener = listener;
    this.marker = marker;
    this.client = client;
  }

  /** On a server that has `notify-keyspace-events` set. */
  static async start(server: { connect(): Promise<RespClient> }): Promise<EventListener> {
    const listener = await server.connect();
    await listener.command("PSUBSCRIBE", "__key*__:*");
    await listener.command("SUBSCRIBE", MARK);
    return new EventListener(listener, await server.connect(), await server.connect());
  }

  /** Runs one command; its reply, and the messages that it led to as "channel message". */
  async run(args: readonly Argument[]): Promise<{ reply: string; events: string[] }> {
    const reply = await this.client.command(...args);
    await this.marker.command("PUBLISH", MARK, "");
    const events: string[] = [];
    for (;;) {
      const message = plain(decodeReply(await this.listener.reply()));
      if (!Array.isArray(message)) throw new Error(`no message: ${JSON.stringify(message)}`);
      if (message[0] === "message") return { reply: reply.toString("latin1"), events };
      events.push(`${message[2]} ${message[3]}`);
    }
  }

  close(): void {
    this.listener.close();
    this.marker.close();
    this.client.close();
  }
}
