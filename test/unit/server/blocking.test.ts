/** Waiting for keys, as the server counts and shows it; replies and order are compared with redis-server in test/conformance. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RespClient, request } from "../../support/resp_client.ts";
import { ask, infoFields, TestServer } from "./support.ts";

let server: TestServer;
let client: RespClient;

beforeAll(async () => {
  server = await TestServer.start();
  client = await server.connect();
});
afterAll(() => server.stop());

/** A client that waits, and its reply to come. */
async function waiting(line: string): Promise<{ other: RespClient; reply: Promise<Buffer> }> {
  const before = Number((await infoFields(client, "clients")).get("blocked_clients"));
  const other = await server.connect();
  const reply = other.command(...line.split(" "));
  reply.catch(() => {});
  await untilBlocked(before + 1);
  return { other, reply };
}

async function untilBlocked(count: number): Promise<void> {
  for (let round = 0; round < 1000; round++) {
    if (Number((await infoFields(client, "clients")).get("blocked_clients")) === count) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`never ${count} waiting clients`);
}

async function statistics(name: string): Promise<string> {
  const line = (await infoFields(client, "commandstats")).get(`cmdstat_${name}`) ?? "";
  return line.replace(/usec=\d+,usec_per_call=[\d.]+,/, "");
}

describe("a request that waits", () => {
  test("is counted once, when it goes on", async () => {
    await ask(client, "CONFIG RESETSTAT");
    const { reply } = await waiting("BLPOP l 0");
    expect(await statistics("blpop")).toBe("");
    await ask(client, "RPUSH l a");
    expect((await reply).toString()).toBe("*2\r\n$1\r\nl\r\n$1\r\na\r\n");
    expect(await statistics("blpop")).toBe("calls=1,rejected_calls=0,failed_calls=0");
  });

  test("is counted as failed when it is ended with an error", async () => {
    await ask(client, "CONFIG RESETSTAT");
    const { other, reply } = await waiting("BLMOVE l m LEFT LEFT 0");
    const list = String(await client.call("CLIENT", "LIST"));
    const id = new RegExp(`id=(\\d+) addr=\\S+:${other.localPort} `).exec(list)![1];
    expect(list).toMatch(new RegExp(`id=${id} .* flags=b `));
    expect(await ask(client, `CLIENT UNBLOCK ${id} ERROR`)).toBe(":1\r\n");
    expect((await reply).toString()).toBe("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    expect(await statistics("blmove")).toBe("calls=1,rejected_calls=0,failed_calls=1");
    expect(await ask(client, "INFO errorstats")).toContain("errorstat_UNBLOCKED:count=1");
  });

  test("is refused if it takes memory and there is none when it goes on", async () => {
    await ask(client, "CONFIG RESETSTAT");
    const { reply } = await waiting("BLMOVE l m LEFT LEFT 0");
    const used = (await infoFields(client, "memory")).get("used_memory")!;
    client.write(
      Buffer.concat([
        request(["MULTI"]),
        request(["RPUSH", "l", "a"]),
        request(["CONFIG", "SET", "maxmemory", String(Math.floor(Number(used) / 2))]),
        request(["EXEC"]),
      ]),
    );
    for (let i = 0; i < 4; i++) await client.reply();
    expect((await reply).toString()).toMatch(/^-OOM /);
    await ask(client, "CONFIG SET maxmemory 0");
    expect(await statistics("blmove")).toBe("calls=0,rejected_calls=1,failed_calls=0");
    expect(await ask(client, "LPOP l")).toBe("$1\r\na\r\n");
  });

  test("shows in INFO with its keys and its time", async () => {
    const first = await waiting("BLPOP k1 k2 k1 0");
    const second = await waiting("BRPOP k2 100");
    const fields = await infoFields(client, "clients");
    expect(fields.get("total_blocking_keys")).toBe("2");
    expect(fields.get("clients_in_timeout_table")).toBe("1");
    first.other.close();
    second.other.close();
    await untilBlocked(0);
    const after = await infoFields(client, "clients");
    expect([after.get("total_blocking_keys"), after.get("clients_in_timeout_table")]).toEqual(["0", "0"]);
  });

  test("takes nothing along when its client has gone", async () => {
    const { other } = await waiting("BLPOP l 0");
    other.write(request(["SET", "behind", "1"]));
    other.close();
    await untilBlocked(0);
    expect(await ask(client, "RPUSH l a")).toBe(":1\r\n");
    expect(await ask(client, "LPOP l")).toBe("$1\r\na\r\n");
    expect(await ask(client, "EXISTS behind")).toBe(":0\r\n");
    const half = await waiting("BLPOP l 0");
    half.other.halfClose();
    await untilBlocked(0);
    expect(await ask(client, "RPUSH l b")).toBe(":1\r\n");
    expect(await ask(client, "LPOP l")).toBe("$1\r\nb\r\n");
  });

  test("is not timed beyond its own end when it goes on as the pause of clients ends", async () => {
    await ask(client, "CONFIG RESETSTAT");
    const { reply } = await waiting("BZPOPMIN z 0");
    const pause = [["MULTI"], ["CLIENT", "PAUSE", "100"], ["ZADD", "z", "1", "a"], ["EXEC"]];
    client.write(Buffer.concat(pause.map(request)));
    for (let i = 0; i < 4; i++) await client.reply();
    expect((await reply).toString()).toBe("*3\r\n$1\r\nz\r\n$1\r\na\r\n$1\r\n1\r\n");
    await new Promise((resolve) => setTimeout(resolve, 600));
    await ask(client, "PING");
    const line = (await infoFields(client, "commandstats")).get("cmdstat_bzpopmin");
    expect(Number(/usec=(\d+)/.exec(line!)![1])).toBeLessThan(500_000);
  });

  test("is shown to MONITOR once", async () => {
    const monitor = await server.connect();
    expect((await monitor.command("MONITOR")).toString()).toBe("+OK\r\n");
    const { reply } = await waiting("BLPOP shown 0");
    await ask(client, "RPUSH shown x");
    await reply;
    await ask(client, "ECHO end");
    let seen = "";
    while (!seen.includes("end")) seen += (await monitor.reply()).toString();
    expect(seen.match(/"BLPOP"/g)).toHaveLength(1);
    monitor.close();
  });
});
