/** The health check against small servers that answer, refuse, stay silent or go away. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ping } from "../../../src/cli/ping.ts";
import { runProgram } from "../../../src/cli/program.ts";

const folder = mkdtempSync(join(tmpdir(), "emberlog-ping-"));
let servers = 0;

/** Runs `use` with the socket path of a server that answers with `answer`. */
async function withServer(
  answer: (request: string, socket: Socket) => void,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const path = join(folder, String(servers++));
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => answer(bytes.toString("latin1"), socket));
  });
  await new Promise<void>((done) => server.listen(path, done));
  await use(path);
  server.close();
}

const at = (socket: string, more: { password?: string; username?: string; timeoutMs?: number } = {}) => ({
  host: "",
  port: 0,
  socket,
  username: more.username,
  password: more.password,
  timeoutMs: more.timeoutMs ?? 2000,
});

async function program(...argv: string[]): Promise<{ code: number; out: string; error: string }> {
  let [out, error] = ["", ""];
  const code = await runProgram(argv, {
    out: (text) => {
      out += String(text);
    },
    error: (text) => {
      error += text;
    },
  });
  return { code, out, error };
}

test("PONG is health, in one piece or byte by byte", async () => {
  await withServer(
    (_, socket) => socket.write("+PONG\r\n"),
    async (path) => {
      expect(await ping(at(path))).toBe("PONG");
      expect(await program("ping", "--socket", path)).toEqual({ code: 0, out: "PONG\n", error: "" });
    },
  );
  await withServer(
    async (_, socket) => {
      for (const byte of "+PONG\r\n") {
        socket.write(byte);
        await new Promise((done) => setTimeout(done, 2));
      }
    },
    async (path) => expect(await ping(at(path))).toBe("PONG"),
  );
});

test("a password is sent before PING, as UTF-8, with or without a user", async () => {
  const seen: string[] = [];
  const answer = (request: string, socket: Socket): void => {
    seen.push(request);
    socket.write("+OK\r\n+PONG\r\n");
  };
  await withServer(answer, async (path) => {
    await ping(at(path, { password: "é" }));
    await ping(at(path, { password: "p", username: "me" }));
  });
  expect(seen).toEqual([
    "*2\r\n$4\r\nAUTH\r\n$2\r\n\xc3\xa9\r\n*1\r\n$4\r\nPING\r\n",
    "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$1\r\np\r\n*1\r\n$4\r\nPING\r\n",
  ]);
});

test("errors, silence, a closed connection, nonsense and nobody there are no health, and say why", async () => {
  await withServer(
    (_, socket) => socket.write("-LOADING wait\r\n"),
    async (path) => {
      await expect(ping(at(path))).rejects.toThrow("LOADING wait");
      const result = await program("ping", "--socket", path);
      expect([result.code, result.out]).toEqual([1, ""]);
      expect(result.error).toContain("LOADING wait");
    },
  );
  await withServer(
    (_, socket) => socket.write("-WRONGPASS no\r\n-NOAUTH no\r\n"),
    async (path) => {
      await expect(ping(at(path, { password: "x" }))).rejects.toThrow("WRONGPASS no");
    },
  );
  await withServer(
    () => {},
    async (path) => {
      await expect(ping(at(path, { timeoutMs: 50 }))).rejects.toThrow("no answer within 50 ms");
    },
  );
  await withServer(
    (_, socket) => socket.end(),
    async (path) => {
      await expect(ping(at(path))).rejects.toThrow("closed without an answer");
    },
  );
  await withServer(
    (_, socket) => socket.write("HTTP/1.1 400 Bad Request\r\n"),
    async (path) => {
      await expect(ping(at(path))).rejects.toThrow("answered HTTP/1.1 400");
    },
  );
  await withServer(
    (_, socket) => socket.write("x".repeat(70_000)),
    async (path) => {
      await expect(ping(at(path))).rejects.toThrow("no answer to PING");
    },
  );
  await expect(ping(at(join(folder, "nobody")))).rejects.toThrow("ENOENT");
  rmSync(folder, { recursive: true });
});
