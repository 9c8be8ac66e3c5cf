/** A chat of two socket.io servers that know each other through Emberlog only, by socket.io's Redis adapter on both client libraries. */
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io as connectSocket, type Socket } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmberlog } from "../../support/emberlog_server.ts";
import type { ServerProcess } from "../../support/server_process.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await startEmberlog();
});
afterAll(() => server?.stop());

interface Library {
  readonly name: string;
  /** A publishing and a subscribing connection, and how they end. */
  open(): Promise<{ publish: unknown; subscribe: unknown; end(): Promise<unknown> }>;
}

const libraries: readonly Library[] = [
  {
    name: "ioredis",
    async open() {
      const publish = new Redis({ port: server.port, host: "127.0.0.1" });
      const subscribe = publish.duplicate();
      return {
        publish,
        subscribe,
        end: () => Promise.all([publish.quit(), subscribe.quit()]),
      };
    },
  },
  {
    name: "node-redis",
    async open() {
      const publish = createClient({ socket: { host: "127.0.0.1", port: server.port } }).on("error", () => {});
      const subscribe = publish.duplicate().on("error", () => {});
      await Promise.all([publish.connect(), subscribe.connect()]);
      return {
        publish,
        subscribe,
        end: () => Promise.all([publish.close(), subscribe.close()]),
      };
    },
  },
];

/** One chat server with the people connected to it. */
class ChatServer {
  readonly io: Server;
  private readonly http: HttpServer;
  private readonly people: Socket[] = [];
  private readonly end: () => Promise<unknown>;

  private constructor(io: Server, http: HttpServer, end: () => Promise<unknown>) {
    this.io = io;
    this.http = http;
    this.end = end;
  }

  static async start(library: Library, key: string): Promise<ChatServer> {
    const { publish, subscribe, end } = await library.open();
    const http = createServer();
    const io = new Server(http, { adapter: createAdapter(publish, subscribe, { key, requestsTimeout: 5000 }) });
    io.on("connection", (socket) => {
      socket.on("join", (room: string, done: () => void) => {
        void socket.join(room);
        done();
      });
      socket.on("say", (room: string, text: string) => socket.to(room).emit("said", text));
    });
    http.listen(0, "127.0.0.1");
    await new Promise((resolve) => http.once("listening", resolve));
    return new ChatServer(io, http, end);
  }

  async person(room: string): Promise<{ socket: Socket; heard: string[] }> {
    const { port } = this.http.address() as AddressInfo;
    const socket = connectSocket(`http://127.0.0.1:${port}`, { transports: ["websocket"], reconnection: false });
    this.people.push(socket);
    const heard: string[] = [];
    socket.on("said", (text: string) => heard.push(text));
    await new Promise((resolve) => socket.once("connect", () => resolve(undefined)));
    await socket.emitWithAck("join", room);
    return { socket, heard };
  }

  async stop(): Promise<void> {
    for (const socket of this.people) socket.disconnect();
    await this.io.close();
    // The adapter's last commands, to unsubscribe, are still on their way.
    await this.end();
  }
}

for (const library of libraries) {
  describe(`two socket.io servers on ${library.name}`, () => {
    let left: ChatServer;
    let right: ChatServer;
    beforeAll(async () => {
      [left, right] = await Promise.all([
        ChatServer.start(library, library.name),
        ChatServer.start(library, library.name),
      ]);
    });
    afterAll(() => Promise.all([left?.stop(), right?.stop()]));

    // Servers ask the channel how many they are; until both listen, an answer would be missing.
    test("the servers count each other", async () => {
      for (const { io } of [left, right])
        await expect.poll(() => io.of("/").adapter.serverCount(), { timeout: 10_000 }).toBe(2);
    });

    test("what is said in a room is heard there on both servers, and nowhere else", async () => {
      const ada = await left.person("red");
      const bob = await left.person("red");
      const eve = await right.person("red");
      const zoe = await right.person("blue");
      for (let i = 0; i < 100; i++) ada.socket.emit("say", "red", `line ${i}`);
      const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);
      await expect.poll(() => eve.heard.length, { timeout: 10_000 }).toBe(100);
      await expect.poll(() => bob.heard.length, { timeout: 10_000 }).toBe(100);
      expect(eve.heard).toEqual(lines);
      expect(bob.heard).toEqual(lines);
      expect(ada.heard).toEqual([]);
      right.io.emit("said", "closing time");
      for (const person of [ada, bob, eve, zoe])
        await expect.poll(() => person.heard.at(-1), { timeout: 10_000 }).toBe("closing time");
      expect(zoe.heard).toEqual(["closing time"]);
    });

    test("each server sees the sockets of all, moves them, and answers the other", async () => {
      await Promise.all([left.person("green"), right.person("green"), right.person("green")]);
      expect(await left.io.in("green").fetchSockets()).toHaveLength(3);
      left.io.in("green").socketsJoin("yellow");
      await expect.poll(async () => (await right.io.in("yellow").fetchSockets()).length, { timeout: 10_000 }).toBe(3);
      right.io.on("question", (answer: (text: string) => void) => answer("two"));
      const answers = await left.io.serverSideEmitWithAck("question");
      expect(answers).toEqual(["two"]);
      right.io.in("green").disconnectSockets(true);
      await expect.poll(async () => (await left.io.in("green").fetchSockets()).length, { timeout: 10_000 }).toBe(0);
    });
  });
}
