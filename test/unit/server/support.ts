/** A server in this process on a free port, for tests of what commands say about it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningServer, type StartServerOptions, startServer } from "../../../src/server/start.ts";
import { RespClient } from "../../support/resp_client.ts";

export class TestServer {
  readonly running: RunningServer;
  private readonly clients: RespClient[] = [];
  private readonly scratch: string;

  private constructor(running: RunningServer, scratch: string) {
    this.running = running;
    this.scratch = scratch;
  }

  static async start(options: StartServerOptions = {}): Promise<TestServer> {
    // Never ./data, where somebody may have run a server.
    const scratch = mkdtempSync(join(tmpdir(), "emberlog-server-"));
    return new TestServer(await startServer({ appendonly: "no", dir: scratch, ...options, port: 0 }), scratch);
  }

  async connect(): Promise<RespClient> {
    const client = await RespClient.connect(this.running.port);
    this.clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close();
    await this.running.close();
    rmSync(this.scratch, { recursive: true, force: true });
  }
}

/** One request and its reply as a latin1 text; the words of `line` are separated by single spaces. */
export async function ask(client: RespClient, line: string): Promise<string> {
  return (await client.command(...line.split(" "))).toString("latin1");
}

/** The fields of an INFO reply, by name. */
export async function infoFields(client: RespClient, ...sections: string[]): Promise<Map<string, string>> {
  const text = String(await client.call("INFO", ...sections));
  const fields = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (!line.startsWith("#") && colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** The fields of one line of CLIENT LIST, by name. */
export function clientFields(line: string): Map<string, string> {
  const fields = line.trim().split(" ");
  return new Map(fields.map((field) => [field.slice(0, field.indexOf("=")), field.slice(field.indexOf("=") + 1)]));
}
