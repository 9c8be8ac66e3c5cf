/**
 * Random pipelines of many clients, cut at random places, against a model: every reply, in order, whatever turns, batches, pieces, pauses,
 * transactions and replies larger than the output region come together. Each client has keys of its own, so that its replies depend on
 * nobody else.
 *
 * `EMBERLOG_SEED=7 npx vitest run test/unit/server/random_pipelines.test.ts` replays a run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { type RespClient, request } from "../../support/resp_client.ts";
import { TestServer } from "./support.ts";

const SEED = Number(process.env["EMBERLOG_SEED"] ?? Date.now() % 1_000_000);
const CLIENTS = 12;
const ROUNDS = 12;

/** What one client's keys hold, and what it must be answered. */
class Model {
  readonly bytes: Buffer[] = [];
  readonly expected: string[] = [];
  /** What a restart must find. */
  readonly values = new Map<string, string>();
  private queued: (() => string)[] | undefined;
  private silent = false;
  private readonly random: Random;
  private readonly prefix: string;

  constructor(random: Random, prefix: string) {
    this.random = random;
    this.prefix = prefix;
  }

  step(): void {
    const key = `${this.prefix}:${uniform(this.random, 6)}`;
    const dice = uniform(this.random, 100);
    if (uniform(this.random, 300) === 0) return this.pause();
    if (dice < 25) this.send(["SET", key, this.value()], (args) => this.set(args[1]!, args[2]!), dice < 3);
    else if (dice < 55) this.send(["GET", key], () => bulk(this.values.get(key)), dice < 28);
    else if (dice < 65) this.send(["APPEND", key, "+"], () => this.append(key, "+"));
    else if (dice < 70) this.send(["DEL", key], () => `:${Number(this.values.delete(key))}\r\n`);
    else if (dice < 75) this.send(["INCRBY", `${key}:n`, "7"], () => this.increment(`${key}:n`));
    else if (dice < 80) this.send(["STRLEN", key], () => `:${(this.values.get(key) ?? "").length}\r\n`);
    else if (dice < 84) this.send(["ECHO", "echo"], () => bulk("echo"));
    else if (dice < 87) this.send(["NOSUCH"], () => "-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
    else if (dice < 92) this.transaction();
    else if (dice < 94) this.silence();
    else this.bytes.push(Buffer.from("*0\r\n\r\n"));
  }

  private pause(): void {
    const mode = uniform(this.random, 2) === 0 ? "WRITE" : "ALL";
    this.send(["CLIENT", "PAUSE", "1", mode], () => "+OK\r\n");
  }

  /** Ends what is open, so that the round has an end of its own: the reply to PING. */
  finish(): void {
    if (this.queued !== undefined) this.transaction();
    if (this.silent) this.silence();
    this.send(["PING"], () => "+PONG\r\n");
  }

  private send(args: string[], run: (args: string[]) => string, inline = false): void {
    this.bytes.push(inline && args.join("").length < 1000 ? Buffer.from(`${args.join(" ")}\r\n`) : request(args));
    let reply: string;
    if (this.queued === undefined) reply = run(args);
    else if (args[0] === "NOSUCH") reply = run(args);
    else {
      this.queued.push(() => run(args));
      reply = "+QUEUED\r\n";
    }
    if (args[0] === "NOSUCH") this.failed = this.queued !== undefined || this.failed;
    if (!this.silent) this.expected.push(reply);
  }

  private failed = false;

  private transaction(): void {
    const { queued } = this;
    if (queued === undefined) {
      this.bytes.push(request(["MULTI"]));
      if (!this.silent) this.expected.push("+OK\r\n");
      this.failed = false;
      this.queued = [];
      return;
    }
    this.bytes.push(request(["EXEC"]));
    this.queued = undefined;
    const reply = this.failed
      ? "-EXECABORT Transaction discarded because of previous errors.\r\n"
      : `*${queued.length}\r\n${queued.map((run) => run()).join("")}`;
    this.failed = false;
    if (!this.silent) this.expected.push(reply);
  }

  private silence(): void {
    if (this.queued !== undefined) return;
    this.bytes.push(request(["CLIENT", "REPLY", this.silent ? "ON" : "OFF"]));
    if (this.silent) this.expected.push("+OK\r\n");
    this.silent = !this.silent;
  }

  private value(): string {
    const length = [3, 20, 44, 100, 5000, 70_000, 1_500_000][
      uniform(this.random, uniform(this.random, 12) === 0 ? 7 : 5)
    ]!;
    return String.fromCharCode(97 + uniform(this.random, 26)).repeat(length);
  }

  private set(key: string, value: string): string {
    this.values.set(key, value);
    return "+OK\r\n";
  }

  private append(key: string, text: string): string {
    const value = (this.values.get(key) ?? "") + text;
    this.values.set(key, value);
    return `:${value.length}\r\n`;
  }

  private increment(key: string): string {
    const value = Number(this.values.get(key) ?? 0) + 7;
    this.values.set(key, String(value));
    return `:${value}\r\n`;
  }
}

function bulk(value: string | undefined): string {
  return value === undefined ? "$-1\r\n" : `$${value.length}\r\n${value}\r\n`;
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}… (${text.length})` : text;
}

/** Sends bytes in pieces of random sizes, sometimes with a pause between. */
async function sendInPieces(client: RespClient, bytes: Buffer, random: Random): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + uniform(random, [40, 2000, 300_000][uniform(random, 3)]!);
    client.write(bytes.subarray(at, at + length));
    at += length;
    if (uniform(random, 4) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

for (const appendfsync of ["always", "everysec"]) {
  it(`answers every request as a model does, appendfsync ${appendfsync}, seed ${SEED}`, async () => {
    const dir = mkdtempSync(join(tmpdir(), "emberlog-pipelines-"));
    const options = { dir, appendonly: "yes", appendfsync, "log-segment-bytes": "4mb", hz: "500" };
    let server = await TestServer.start(options);
    try {
      const randoms = Array.from({ length: CLIENTS }, (_, i) => seededRandom(SEED * CLIENTS + i));
      const models = randoms.map((random, i) => new Model(random, `client${i}`));
      const clients = await Promise.all(models.map(() => server.connect()));
      for (let round = 0; round < ROUNDS; round++) {
        await Promise.all(
          models.map(async (model, i) => {
            const random = randoms[i]!;
            const steps = uniform(random, [5, 60, 900][uniform(random, 3)]!);
            for (let step = 0; step < steps; step++) model.step();
            model.finish();
            const bytes = Buffer.concat(model.bytes.splice(0));
            const sent = sendInPieces(clients[i]!, bytes, random);
            for (const reply of model.expected.splice(0)) {
              const given = (await clients[i]!.reply()).toString("latin1");
              if (given !== reply) expect(short(given), `client ${i}, round ${round}, seed ${SEED}`).toBe(short(reply));
            }
            await sent;
            expect(clients[i]!.unread).toBe(0);
          }),
        );
      }
      await server.stop();
      server = await TestServer.start(options);
      const reader = await server.connect();
      for (const [key, value] of models.flatMap((model) => [...model.values])) {
        const given = (await reader.command("GET", key)).toString("latin1");
        expect(short(given), `${key} after a restart, seed ${SEED}`).toBe(short(bulk(value)));
      }
    } finally {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  }, 30_000);
}
