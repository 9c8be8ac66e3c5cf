/** Sessions of an express application in Emberlog, by connect-redis: shared between processes, renewed, ended, and still there after a restart. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmberlog } from "../../support/emberlog_server.ts";
import { freePort, type ServerProcess } from "../../support/server_process.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

declare module "express-session" {
  interface SessionData {
    user: string;
    visits: number;
  }
}

const TTL_SECONDS = 1000;

function connectTo(port: number) {
  return createClient({ socket: { host: "127.0.0.1", port, reconnectStrategy: 20 } }).on("error", () => {});
}

/** One process of the application: its own client, its own HTTP port. */
class Application {
  readonly store: RedisStore;
  readonly client: ReturnType<typeof connectTo>;
  private readonly http: Server;

  private constructor(store: RedisStore, client: ReturnType<typeof connectTo>, http: Server) {
    this.store = store;
    this.client = client;
    this.http = http;
  }

  static async start(port: number): Promise<Application> {
    const client = connectTo(port);
    await client.connect();
    const store = new RedisStore({ client, prefix: "sess:", ttl: TTL_SECONDS });
    const app = express();
    app.use(session({ store, secret: "ember", resave: false, saveUninitialized: false, cookie: { secure: false } }));
    app.get("/login/:name", (request, response) => {
      request.session.user = request.params.name;
      request.session.visits = 0;
      response.send("welcome");
    });
    app.get("/visit", (request, response) => {
      if (request.session.user === undefined) {
        response.status(401).send("who are you?");
        return;
      }
      request.session.visits = (request.session.visits ?? 0) + 1;
      response.send(`${request.session.user} ${request.session.visits}`);
    });
    app.get("/logout", (request, response) => {
      request.session.destroy(() => response.send("bye"));
    });
    const http = app.listen(0, "127.0.0.1");
    await new Promise((resolve) => http.once("listening", resolve));
    return new Application(store, client, http);
  }

  async get(path: string, cookie = ""): Promise<{ status: number; text: string; cookie: string }> {
    const { port } = this.http.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
    const set = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    return { status: response.status, text: await response.text(), cookie: set };
  }

  async stop(): Promise<void> {
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
    this.client.destroy();
  }
}

describe("sessions of express", () => {
  const dir = temporaryDirectory("sessions");
  let port: number;
  let server: ServerProcess;
  let first: Application;
  let second: Application;
  beforeAll(async () => {
    port = await freePort();
    server = await startEmberlog({ port, dir });
    [first, second] = await Promise.all([Application.start(port), Application.start(port)]);
  });
  afterAll(async () => {
    await first?.stop();
    await second?.stop();
    await server?.stop();
  });

  test("a session made by one process is known to the other", async () => {
    expect((await first.get("/visit")).status).toBe(401);
    const { cookie } = await first.get("/login/ada");
    expect((await first.get("/visit", cookie)).text).toBe("ada 1");
    expect((await second.get("/visit", cookie)).text).toBe("ada 2");
    expect((await first.get("/visit", "connect.sid=s%3Aforged.signature")).status).toBe(401);
  });

  test("a visit renews the time to live, and a logout ends it for all", async () => {
    const { cookie } = await first.get("/login/grace");
    const id = decodeURIComponent(cookie.split("=")[1]!).slice(2).split(".")[0]!;
    await second.client.expire(`sess:${id}`, 10);
    expect((await second.get("/visit", cookie)).text).toBe("grace 1");
    expect(await first.client.ttl(`sess:${id}`)).toBeGreaterThan(TTL_SECONDS - 60);
    expect((await first.get("/logout", cookie)).text).toBe("bye");
    expect((await second.get("/visit", cookie)).status).toBe(401);
    expect(await second.client.exists(`sess:${id}`)).toBe(0);
  });

  test("the store lists, counts and clears its sessions", async () => {
    await first.store.clear();
    const logins = await Promise.all(Array.from({ length: 150 }, (_, i) => first.get(`/login/user${i}`)));
    expect(logins.every((login) => login.status === 200)).toBe(true);
    expect(await second.store.length()).toBe(150);
    const all = (await second.store.all()) as { user: string }[];
    expect(new Set(all.map((each) => each.user)).size).toBe(150);
    await second.store.clear();
    expect(await first.store.length()).toBe(0);
  });

  test("sessions outlive a crash of the store", async () => {
    const { cookie } = await first.get("/login/katherine");
    expect((await first.get("/visit", cookie)).text).toBe("katherine 1");
    await server.kill9();
    server = await startEmberlog({ port, dir });
    await expect.poll(() => second.client.isReady, { timeout: 10_000 }).toBe(true);
    expect((await second.get("/visit", cookie)).text).toBe("katherine 2");
  });
});
