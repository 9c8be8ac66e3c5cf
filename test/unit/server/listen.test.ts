/** CONFIG SET port and bind: what the server listens on while it runs. */
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect, it } from "vitest";
import { nativeAddon } from "../../../src/platform/native.ts";
import { RespClient } from "../../support/resp_client.ts";
import { ask, infoFields, TestServer } from "./support.ts";

const cleanup: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step();
});

async function serve(options: Record<string, string> = {}): Promise<TestServer> {
  const server = await TestServer.start(options);
  cleanup.push(() => server.stop());
  return server;
}

async function otherServer(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.push(() => void server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

async function freePort(): Promise<number> {
  const { server, port } = await otherServer();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port: number): Promise<boolean> {
  const client = await RespClient.connect(port).catch(() => undefined);
  if (client === undefined) return false;
  const pong = await ask(client, "PING");
  client.close();
  return pong === "+PONG\r\n";
}

if (nativeAddon() === undefined) {
  it("refuses to change the listeners where only node:net can listen", async () => {
    const client = await (await serve()).connect();
    expect(await ask(client, `CONFIG SET port ${await freePort()}`)).toMatch(/^-ERR CONFIG SET failed .*native addon/);
    expect(await ask(client, "CONFIG GET port")).toContain("$1\r\n0\r\n");
  });
} else {
  it("listens on the new port only, and keeps the connections it has", async () => {
    const server = await serve({ bind: "127.0.0.1 -::1" });
    const client = await server.connect();
    const port = await freePort();
    expect(await ask(client, `CONFIG SET port ${port}`)).toBe("+OK\r\n");
    expect([await answers(port), await answers(server.running.port)]).toEqual([true, false]);
    expect((await infoFields(client, "server")).get("tcp_port")).toBe(String(port));
  });

  it("stays where it is when the new port is taken", async () => {
    const server = await serve({ bind: "127.0.0.1" });
    const client = await server.connect();
    const { port } = await otherServer();
    expect(await ask(client, `CONFIG SET maxclients 77 port ${port}`)).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.\r\n",
    );
    expect(await ask(client, "CONFIG GET maxclients")).toContain("10000");
    expect(await answers(server.running.port)).toBe(true);
  });

  it("changes the addresses on its port, also to one that overlaps", async () => {
    const server = await serve({ bind: "127.0.0.1" });
    const { port } = server.running;
    const client = await server.connect();
    for (const bind of ["127.0.0.1 127.0.0.2", "*", "127.0.0.2 127.0.0.1", "127.0.0.1"]) {
      expect(await (await client.command("CONFIG", "SET", "bind", bind)).toString()).toBe("+OK\r\n");
      expect(await answers(port)).toBe(true);
    }
  });

  it("refuses addresses that this machine does not have, and listens as before", async () => {
    const server = await serve({ bind: "127.0.0.1" });
    const client = await server.connect();
    for (const bind of ["192.0.2.1", "127.0.0.2 192.0.2.1", "-192.0.2.1"]) {
      const reply = (await client.command("CONFIG", "SET", "bind", bind)).toString();
      expect(reply).toBe(
        "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.\r\n",
      );
      expect(await answers(server.running.port)).toBe(true);
    }
    expect((await client.command("CONFIG", "SET", "bind", "127.0.0.1 -192.0.2.1")).toString()).toBe("+OK\r\n");
    expect(await answers(server.running.port)).toBe(true);
  });
}
