/** Connections: who is in, what each one's state is, and how it ends. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RespClient } from "../../support/resp_client.ts";
import { ask, clientFields, TestServer } from "./support.ts";

const OK = "+OK\r\n";

let server: TestServer;
let admin: RespClient;

beforeAll(async () => {
  server = await TestServer.start();
  admin = await server.connect();
});
afterAll(() => server.stop());

async function infoOf(client: RespClient): Promise<Map<string, string>> {
  return clientFields(String(await client.call("CLIENT", "INFO")));
}

/** The line of the client with this id, as another client sees it. */
async function lineOf(id: number): Promise<Map<string, string>> {
  return clientFields(String(await admin.call("CLIENT", "LIST", "ID", id)));
}

test("CLIENT LIST has the fields of Redis 7.2 in their order", async () => {
  const fields = await infoOf(admin);
  expect([...fields.keys()].join(" ")).toBe(
    "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem rbs rbp obl oll omem tot-mem " +
      "events cmd user redir resp lib-name lib-ver",
  );
  expect(fields.get("addr")).toBe(`127.0.0.1:${admin.localPort}`);
  expect(fields.get("laddr")).toBe(`127.0.0.1:${server.running.port}`);
  expect(fields.get("cmd")).toBe("client|info");
  expect(fields.get("user")).toBe("default");
});

test("CLIENT LIST shows what a connection did and is", async () => {
  const client = await server.connect();
  const id = Number(await client.call("CLIENT", "ID"));
  await client.pipeline([
    ["CLIENT", "SETNAME", "worker"],
    ["CLIENT", "SETINFO", "LIB-NAME", "library"],
    ["CLIENT", "SETINFO", "lib-ver", "1.0"],
    ["SELECT", 7],
    ["CLIENT", "NO-EVICT", "ON"],
    ["CLIENT", "NO-TOUCH", "ON"],
    ["MULTI"],
    ["SET", "k", "v"],
  ]);
  const fields = await lineOf(id);
  expect(fields.get("name")).toBe("worker");
  expect(fields.get("lib-name")).toBe("library");
  expect(fields.get("lib-ver")).toBe("1.0");
  expect(fields.get("db")).toBe("7");
  expect(fields.get("flags")).toBe("xeT");
  expect(fields.get("multi")).toBe("1");
  expect(Number(fields.get("multi-mem"))).toBeGreaterThan(0);
  expect(fields.get("cmd")).toBe("set");
  await client.pipeline([["DISCARD"], ["CLIENT", "GETNAME"]]);
  expect((await lineOf(id)).get("cmd")).toBe("client|getname");
  await client.command("NOSUCH");
  expect((await lineOf(id)).get("cmd")).toBe("NULL");
  expect(await ask(client, "RESET")).toBe("+RESET\r\n");
  const reset = await lineOf(id);
  expect([reset.get("name"), reset.get("db"), reset.get("flags")]).toEqual(["", "0", "N"]);
  expect(reset.get("lib-name")).toBe("library");
});

test("CLIENT LIST chooses by type and id, in the order asked for", async () => {
  const client = await server.connect();
  const own = Number(await client.call("CLIENT", "ID"));
  const ids = (text: unknown): string[] => [...String(text).matchAll(/^id=(\d+)/gm)].map((match) => match[1]!);
  const first = Number(await admin.call("CLIENT", "ID"));
  expect(ids(await client.call("CLIENT", "LIST", "ID", own, 999_999, first))).toEqual([String(own), String(first)]);
  expect(ids(await client.call("CLIENT", "LIST", "TYPE", "normal"))).toContain(String(own));
  expect(await client.call("CLIENT", "LIST", "TYPE", "replica")).toBe("");
});

describe("CLIENT KILL", () => {
  test("by id closes another one", async () => {
    const client = await server.connect();
    const id = Number(await client.call("CLIENT", "ID"));
    expect(await admin.call("CLIENT", "KILL", "ID", id)).toBe(1);
    await client.untilClosed();
    expect(await admin.call("CLIENT", "KILL", "ID", id)).toBe(0);
  });

  test("in the old form by address, and itself too: answered, then closed", async () => {
    const client = await server.connect();
    expect(await ask(client, `CLIENT KILL 127.0.0.1:${client.localPort}`)).toBe(OK);
    await client.untilClosed();
    const other = await server.connect();
    await other.command("PING");
    expect(await ask(admin, `CLIENT KILL 127.0.0.1:${other.localPort}`)).toBe(OK);
    await other.untilClosed();
  });

  test("spares itself unless SKIPME says no", async () => {
    const client = await server.connect();
    await client.command("PING");
    const address = `127.0.0.1:${client.localPort}`;
    expect(await ask(client, `CLIENT KILL ADDR ${address}`)).toBe(":0\r\n");
    expect(await ask(client, `CLIENT KILL ADDR ${address} SKIPME no`)).toBe(":1\r\n");
    await client.untilClosed();
  });

  test("all filters must fit", async () => {
    const client = await server.connect();
    const id = Number(await client.call("CLIENT", "ID"));
    for (const misfit of ["TYPE pubsub", "ADDR 1.2.3.4:5", "LADDR 1.2.3.4:5", "MAXAGE 1000", "ID 1"]) {
      expect(await ask(admin, `CLIENT KILL ID ${id} ${misfit}`)).toBe(":0\r\n");
    }
    const fits = `TYPE normal ADDR 127.0.0.1:${client.localPort} LADDR 127.0.0.1:${server.running.port} USER default`;
    expect(await ask(admin, `CLIENT KILL ${fits} ID ${id}`)).toBe(":1\r\n");
    await client.untilClosed();
  });

  test("MAXAGE reads as Valkey does", async () => {
    expect(await ask(admin, "CLIENT KILL MAXAGE x")).toBe("-ERR maxage is not an integer or out of range\r\n");
    expect(await ask(admin, "CLIENT KILL MAXAGE 0")).toBe("-ERR maxage should be greater than 0\r\n");
  });
});

describe("CLIENT PAUSE", () => {
  test("WRITE holds writes, not reads, until UNPAUSE", async () => {
    const writer = await server.connect();
    await admin.command("SET", "paused", "before");
    expect(await ask(admin, "CLIENT PAUSE 60000 WRITE")).toBe(OK);
    const written = writer.command("SET", "paused", "after");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await admin.call("GET", "paused")).toBe("before");
    expect(await ask(admin, "CLIENT UNPAUSE")).toBe(OK);
    expect((await written).toString()).toBe(OK);
    expect(await admin.call("GET", "paused")).toBe("after");
  });

  test("ALL holds everybody and ends by itself", async () => {
    const reader = await server.connect();
    expect(await ask(admin, "CLIENT PAUSE 300")).toBe(OK);
    const before = performance.now();
    expect(await reader.call("PING")).toBe("PONG");
    expect(performance.now() - before).toBeGreaterThan(150);
  });
});

test("CLIENT REPLY silences and unmutes, in one pipeline and over several", async () => {
  const client = await server.connect();
  const lines = "CLIENT REPLY OFF|PING|CLIENT REPLY ON|PING|CLIENT REPLY SKIP|ECHO a|ECHO b".split("|");
  for (const line of lines) client.write(Buffer.from(`${line}\r\n`));
  const replies: string[] = [];
  for (let i = 0; i < 3; i++) replies.push((await client.reply()).toString());
  expect(replies).toEqual([OK, "+PONG\r\n", "$1\r\nb\r\n"]);
  client.write(Buffer.from("CLIENT REPLY OFF\r\n"));
  client.write(Buffer.from("SET silent 1\r\n"));
  client.write(Buffer.from("RESET\r\n"));
  expect((await client.reply()).toString()).toBe("+RESET\r\n");
  expect(await admin.call("GET", "silent")).toBe("1");
});

test("QUIT answers, ignores what follows, and closes", async () => {
  const client = await server.connect();
  client.write(Buffer.from("QUIT\r\nSET after quit\r\n"));
  expect((await client.untilClosed()).toString()).toBe(OK);
  expect(await admin.call("EXISTS", "after")).toBe(0);
});

describe("a password", () => {
  let guarded: TestServer;
  beforeAll(async () => {
    guarded = await TestServer.start({ requirepass: "secret word" });
  });
  afterAll(() => guarded.stop());
  const WRONG = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

  test("is asked for, and opens", async () => {
    const client = await guarded.connect();
    expect(await ask(client, "GET k")).toBe("-NOAUTH Authentication required.\r\n");
    expect(await ask(client, "HELLO 3")).toMatch(/^-NOAUTH HELLO must be called with the client already authenticated/);
    expect(await ask(client, "AUTH wrong")).toBe(WRONG);
    expect(await ask(client, "AUTH other secret")).toBe(WRONG);
    expect((await client.command("AUTH", "somebody", "secret word")).toString()).toBe(WRONG);
    expect(await ask(client, "GET k")).toBe("-NOAUTH Authentication required.\r\n");
    expect((await client.command("AUTH", "secret word")).toString()).toBe(OK);
    expect(await ask(client, "GET k")).toBe("$-1\r\n");
    expect(await ask(client, "RESET")).toBe("+RESET\r\n");
    expect(await ask(client, "GET k")).toBe("-NOAUTH Authentication required.\r\n");
  });

  test("comes with HELLO, which changes nothing when it is wrong", async () => {
    const client = await guarded.connect();
    expect((await client.command("HELLO", "3", "AUTH", "default", "wrong", "SETNAME", "me")).toString()).toBe(WRONG);
    const hello = await client.command("HELLO", "3", "AUTH", "default", "secret word", "SETNAME", "me");
    expect(hello.toString()).toMatch(
      /^%7\r\n\$6\r\nserver\r\n\$5\r\nredis\r\n\$7\r\nversion\r\n\$5\r\n7\.2\.4\r\n\$5\r\nproto\r\n:3\r\n/,
    );
    expect(await ask(client, "CLIENT GETNAME")).toBe("$2\r\nme\r\n");
    expect(await ask(client, "GET k")).toBe("_\r\n");
    expect(await ask(client, "HELLO 2")).toMatch(/^\*14\r\n/);
    expect(await ask(client, "GET k")).toBe("$-1\r\n");
  });

  test("may be changed and removed while clients are connected", async () => {
    const inside = await guarded.connect();
    await inside.command("AUTH", "secret word");
    expect(await ask(inside, "CONFIG SET requirepass new")).toBe(OK);
    expect(await ask(inside, "PING")).toBe("+PONG\r\n");
    const outside = await guarded.connect();
    expect((await outside.command("AUTH", "secret word")).toString()).toBe(WRONG);
    expect(await ask(outside, "PING")).toBe("-NOAUTH Authentication required.\r\n");
    expect((await inside.command("CONFIG", "SET", "requirepass", "")).toString()).toBe(OK);
    expect(await ask(outside, "PING")).toBe("+PONG\r\n");
    expect(await ask(outside, "AUTH any")).toMatch(/^-ERR AUTH <password> called without any password configured/);
    expect((await inside.command("CONFIG", "SET", "requirepass", "secret word")).toString()).toBe(OK);
  });
});
