/**
 * A running server: whatever bytes arrive, however cut, it answers as redis-server does or closes with the same protocol error,
 * goes on serving others, and holds little memory for what has not arrived.
 *
 * Two habits of redis-server come from its C strings: a zero byte hides the end of a line, so the streams have none, and a wrong byte
 * where '$' belongs is noticed only when a CR has come, so one is sent after it.
 */
import { existsSync, readFileSync } from "node:fs";
import { type Random, uniform } from "../src/base/random.ts";
import { emberlogMain, startEmberlog } from "../test/support/emberlog_server.ts";
import { redisAvailable, startRedis } from "../test/support/redis_server.ts";
import { RespClient } from "../test/support/resp_client.ts";
import type { ServerProcess } from "../test/support/server_process.ts";
import { type Answer, comparable } from "./resp_answers.ts";
import { drawCuts, drawStream } from "./resp_stream.ts";
import type { Target } from "./target.ts";

/** Answers may take this long to become equal, ms. */
const SETTLE_MS = 3000;
/** Resident memory that announcing much and sending little may cost, bytes. */
const ANNOUNCED_BYTES_MAX = 128 * 1024 * 1024;

/** Characters of a value in a report. */
const SHOWN_MAX = 800;

let ours: ServerProcess;
let theirs: ServerProcess | undefined;
let controls: RespClient[] = [];
/** Commands of redis-server that Emberlog does not have yet, in lower case. */
let lacking: ReadonlySet<string> = new Set();

/** One connection that everything sent on is collected from. */
class Conversation {
  private readonly client: RespClient;

  constructor(client: RespClient) {
    this.client = client;
  }

  async send(bytes: Uint8Array, cuts: readonly number[]): Promise<void> {
    let at = 0;
    for (const cut of [...cuts, bytes.length]) {
      if (cut > at) await this.client.flush(bytes.subarray(at, cut));
      at = cut;
      if (this.client.closed) return;
    }
  }

  get answer(): Answer {
    return { text: this.client.received.toString("latin1"), closed: this.client.closed };
  }

  end(): void {
    this.client.close();
  }
}

async function talk(server: ServerProcess): Promise<Conversation> {
  return new Conversation(await RespClient.connect(server.port));
}

async function run(random: Random): Promise<string> {
  const drawn = drawStream(random, { mutate: uniform(random, 4) !== 0, nul: false });
  const bytes = Buffer.concat([drawn, Buffer.from("\r\n")]);
  const cuts = drawCuts(random, bytes.length);
  const shown = `stream ${text(bytes.toString("latin1"))} cut at ${text(cuts)}`;
  await Promise.all(controls.map((control) => control.command("FLUSHALL")));
  const servers = theirs === undefined ? [ours] : [ours, theirs];
  const talks = await Promise.all(servers.map(talk));
  try {
    // Cut for Emberlog only: redis-server's answer to the whole is what is right.
    await Promise.all(talks.map((each, i) => each.send(bytes, i === 0 ? cuts : [])));
    const deadline = performance.now() + SETTLE_MS;
    for (;;) {
      if (!ours.running) return `the server ended by itself on ${shown}\n${ours.output.slice(-3000)}`;
      // Answered on another connection: what was sent before has been executed.
      for (let i = 0; i < 2; i++)
        await Promise.race([Promise.all(controls.map((control) => control.command("PING"))), late()]);
      const [mineWhole, otherWhole] = talks.map((each) => each.answer);
      if (otherWhole === undefined) return "";
      const { mine, other } = comparable(mineWhole!, otherWhole, lacking);
      if (mine.text === other.text && mine.closed === other.closed) return "";
      // Bytes sent to a connection that the server has closed reset it, and the kernel drops what we have not read yet.
      if (cuts.length > 0 && mine.closed && other.closed && other.text.startsWith(mine.text)) return "";
      if (!other.closed && mine.text.startsWith(`${other.text}-ERR Protocol error: expected '$'`))
        await talks[1]!.send(Buffer.from("\r\n"), []);
      if (performance.now() > deadline) {
        return `${shown}\n  emberlog ${text(mine)}\n  redis    ${text(other)}`;
      }
    }
  } catch (error) {
    return `${error} on ${shown}\n${ours.running ? "" : ours.output.slice(-3000)}`;
  } finally {
    for (const each of talks) each.end();
  }
}

/** A value as JSON, not too long; the seed gives the rest. */
function text(value: unknown): string {
  const json = JSON.stringify(value);
  return json.length > SHOWN_MAX ? `${json.slice(0, SHOWN_MAX)}… (${json.length})` : json;
}

function late(): Promise<never> {
  return new Promise((_, reject) =>
    setTimeout(() => reject(new Error("the server does not answer a PING")), 10_000).unref(),
  );
}

async function commandsLacking(): Promise<ReadonlySet<string>> {
  const [mine, other] = await Promise.all(
    controls.map(async (control) => commandNames(await control.call("COMMAND", "LIST"))),
  );
  return new Set([...other!].filter((name) => !mine!.has(name)));
}

function commandNames(list: unknown): Set<string> {
  if (!Array.isArray(list)) throw new Error(`COMMAND LIST answers ${text(list)}`);
  return new Set(list.map((name) => String(name).toLowerCase()));
}

/** Many connections announce requests of half a gigabyte and send a few bytes of them. */
async function announceMuch(): Promise<string> {
  const before = resident(ours.pid);
  const clients = await Promise.all(Array.from({ length: 200 }, () => RespClient.connect(ours.port)));
  clients.forEach((client, i) => {
    client.write(
      Buffer.from(i % 2 === 0 ? "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc" : "*1000000\r\n$500000000\r\nx"),
    );
  });
  await controls[0]!.command("PING");
  await new Promise((resolve) => setTimeout(resolve, 200));
  await controls[0]!.command("PING");
  const grown = resident(ours.pid) - before;
  for (const client of clients) client.close();
  if (!ours.running) return `the server ended by itself:\n${ours.output.slice(-3000)}`;
  return grown <= ANNOUNCED_BYTES_MAX ? "" : `${grown} bytes more resident for requests announced and not sent`;
}

function resident(pid: number): number {
  const path = `/proc/${pid}/status`;
  return existsSync(path) ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(path, "utf8"))?.[1] ?? 0) * 1024 : 0;
}

export const respServer: Target = {
  name: "resp-server",
  async start() {
    if (!existsSync(emberlogMain)) {
      console.log(`SKIPPED resp-server: ${emberlogMain} is missing, run "npm run build:dist"`);
      return false;
    }
    ours = await startEmberlog({ args: ["--appendonly", "no"] });
    if (redisAvailable()) theirs = await startRedis();
    controls = await Promise.all((theirs === undefined ? [ours] : [ours, theirs]).map((server) => server.connect()));
    if (theirs !== undefined) lacking = await commandsLacking();
    const failure = await announceMuch();
    if (failure !== "") throw new Error(failure);
    return true;
  },
  run,
  async stop() {
    for (const control of controls) control.close();
    const code = ours.running ? await ours.stop() : -1;
    await theirs?.stop();
    return code === 0 ? "" : `the server ended with code ${code}:\n${ours.output.slice(-3000)}`;
  },
};
