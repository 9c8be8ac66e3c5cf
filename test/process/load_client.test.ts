/**
 * The tools of bench/ that figures depend on: the load client counts every kind of reply however the bytes arrive, fails loudly, and charges
 * a server that stands still; the library that slows syncs down is passed by no sync.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { compiled } from "../../bench/programs.ts";
import { slowSync, slowSyncAvailable } from "../../bench/slow_sync.ts";
import { seededRandom } from "../../src/base/random.ts";
import { startEmberlog } from "../support/emberlog_server.ts";

const PING = "*1\r\n$4\r\nPING\r\n";
const noCompiler = spawnSync("cc", ["--version"]).error !== undefined;
if (noCompiler) console.log("SKIPPED: the tools of bench/ need a C compiler (cc)");

let program = "";
beforeAll(() => {
  if (!noCompiler) program = compiled("load")!;
});

let server: Server | undefined;
afterEach(() => {
  server?.close();
});

/** A server that calls `answer` with the number of requests that came on a connection, where they are PINGs, and with their bytes. */
async function serve(answer: (socket: Socket, requests: number, chunk: string) => void): Promise<number> {
  server = createServer((socket) => {
    let rest = 0;
    socket.setNoDelay();
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      rest += chunk.length;
      answer(socket, Math.floor(rest / PING.length), chunk.toString("latin1"));
      rest %= PING.length;
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

interface Group {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly nulls: number;
  readonly bytes: number;
}

/** Runs the client; its groups where it ended well, and what it printed otherwise. */
function run(...args: string[]): Promise<{ code: number | null; groups: Group[]; errors: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args);
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once("close", (code) =>
      resolve({ code, errors, groups: code === 0 ? (JSON.parse(output) as { groups: Group[] }).groups : [] }),
    );
  });
}

const REPLIES: readonly { readonly bytes: string; readonly nulls: number }[] = [
  { bytes: "+OK\r\n", nulls: 0 },
  { bytes: ":-12345\r\n", nulls: 0 },
  { bytes: "$-1\r\n", nulls: 1 },
  { bytes: "$0\r\n\r\n", nulls: 0 },
  // What looks like replies inside a value counts for nothing.
  { bytes: "$22\r\n-ERR no\r\n+OK\r\n:1\r\n$5\r\n\r\n", nulls: 0 },
  { bytes: "*-1\r\n", nulls: 1 },
  { bytes: "*0\r\n", nulls: 0 },
  { bytes: "*3\r\n:1\r\n$-1\r\n$3\r\nabc\r\n", nulls: 1 },
  { bytes: "*2\r\n*2\r\n$1\r\na\r\n*0\r\n*1\r\n*1\r\n$-1\r\n", nulls: 1 },
  { bytes: `*100\r\n${"$32\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n".repeat(100)}`, nulls: 0 },
];

describe.skipIf(noCompiler)("the load client", () => {
  test("counts every kind of reply, however its bytes are cut", async () => {
    const seed = Number(process.env["SEED"] ?? Math.floor(performance.timeOrigin) % 1_000_000);
    console.log(`SEED=${seed} npx vitest run test/process/load_client.test.ts`);
    const random = seededRandom(seed);
    let nulls = 0;
    let bytes = 0;
    const port = await serve((socket, requests) => {
      let text = "";
      for (let i = 0; i < requests; i++) {
        const reply = REPLIES[(random.int32() >>> 0) % REPLIES.length]!;
        text += reply.bytes;
        nulls += reply.nulls;
        bytes += reply.bytes.length;
      }
      const pieces: string[] = [];
      for (let at = 0; at < text.length; ) {
        const length = 1 + ((random.int32() >>> 0) % ((random.int32() & 1) === 0 ? 4 : 3000));
        pieces.push(text.slice(at, at + length));
        at += length;
      }
      const next = (): void => {
        const piece = pieces.shift();
        if (piece !== undefined) socket.write(piece, "latin1", () => setImmediate(next));
      };
      next();
    });
    const { groups, errors } = await run(
      String(port),
      ...["--group", "a", "--clients", "3", "--pipeline", "7", "--requests", "1400", "--", "PING"],
      ...["--group", "b", "--clients", "2", "--pipeline", "1", "--requests", "300", "--", "PING"],
    );
    expect(errors).toBe("");
    expect(groups.map((group) => group.requests)).toEqual([1400, 300]);
    expect(groups[0]!.nulls + groups[1]!.nulls).toBe(nulls);
    expect(groups[0]!.bytes + groups[1]!.bytes).toBe(bytes);
  });

  test.each([
    [
      "an error",
      (socket: Socket) => socket.write("-ERR something is wrong\r\n"),
      "error reply: -ERR something is wrong",
    ],
    [
      "an error inside an array",
      (socket: Socket) => socket.write("*2\r\n:1\r\n-ERR inside\r\n"),
      "error reply: -ERR inside",
    ],
    ["a reply too many", (socket: Socket) => socket.write(":1\r\n:1\r\n"), "more replies than requests"],
    ["another protocol", (socket: Socket) => socket.write("HTTP/1.1 400\r\n"), "not RESP2: HTTP/1.1 400"],
    ["a closed connection", (socket: Socket) => socket.end(), "the server closed a connection"],
  ])("fails at %s", async (_what, answer, message) => {
    const port = await serve(answer);
    const { code, errors } = await run(
      String(port),
      "--group",
      "some",
      "--clients",
      "1",
      "--requests",
      "5",
      "--",
      "PING",
    );
    expect(errors.trim()).toBe(`load: group some: ${message}`);
    expect(code).toBe(1);
  });

  test("begins as many requests as it is told, and charges a server that stands still with all that were due", async () => {
    let frozenUntilMs = 0;
    let frozen = false;
    const port = await serve((socket, requests) => {
      const nowMs = performance.now();
      if (!frozen && requests > 0) {
        frozen = true;
        frozenUntilMs = nowMs + 400;
      }
      const send = (): void => void socket.write("+OK\r\n".repeat(requests));
      if (nowMs < frozenUntilMs) setTimeout(send, frozenUntilMs - nowMs);
      else send();
    });
    const { groups } = await run(
      ...[String(port), "--wait", "--group", "a", "--clients", "4", "--rate", "200", "--requests", "200", "--", "PING"],
    );
    const [group] = groups;
    expect(group!.requests).toBe(200);
    expect(group!.requestsPerSecond).toBeLessThan(202);
    expect(group!.maxMs).toBeGreaterThan(390);
    // 80 of 200 were due while nothing was answered, although only four could be sent.
    expect(group!.p99Ms).toBeGreaterThan(300);
  });

  test("draws each random number from its own range, in every request", async () => {
    const request = /\*4\r\n\$4\r\nHSET\r\n\$17\r\nhash:(\d{12})\r\n\$16\r\nf:(\d{12}):x\r\n\$5\r\n<xxx>\r\n/y;
    const drawn: [hash: number, field: number][] = [];
    const port = await serve((socket, _requests, chunk) => {
      request.lastIndex = 0;
      for (let match = request.exec(chunk); match !== null; match = request.exec(chunk)) {
        drawn.push([Number(match[1]), Number(match[2])]);
        socket.write(":1\r\n");
      }
    });
    const { groups, errors } = await run(
      ...[String(port), "--group", "a", "--clients", "2", "--pipeline", "5", "--keys", "7", "--requests", "2000"],
      ...["--data", "3", "--", "HSET", "hash:__rand_int__", "f:__rand_int:3__:x", "<__data__>"],
    );
    expect(errors).toBe("");
    expect(groups[0]!.requests).toBe(2000);
    expect(drawn.length).toBe(2000);
    expect([...new Set(drawn.map(([hash]) => hash))].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect([...new Set(drawn.map(([, field]) => field))].sort()).toEqual([0, 1, 2]);
    // All pairs: the two are drawn apart.
    expect(new Set(drawn.map(([hash, field]) => hash * 3 + field)).size).toBe(21);
  });
});

describe.skipIf(noCompiler)("a slowed disk", () => {
  test("delays and counts fdatasync and fsync of a process", () => {
    const slow = slowSync(60);
    const script = `const fs = require("node:fs"), fd = fs.openSync("file", "w"), at = performance.now();
      fs.fdatasyncSync(fd); fs.fsyncSync(fd); console.log(performance.now() - at);`;
    const dir = mkdtempSync(join(tmpdir(), "emberlog-slow-"));
    const { stdout } = spawnSync(process.execPath, ["-e", script], { cwd: dir, env: { ...process.env, ...slow.env } });
    expect(Number(stdout.toString())).toBeGreaterThan(119);
    expect(slow.syncs()).toBe(2);
    rmSync(dir, { recursive: true });
    slow.dispose();
  });

  test("delays what the server acknowledges under always", async () => {
    expect(slowSyncAvailable()).toBe(true);
    const slow = slowSync(150);
    const server = await startEmberlog({ env: slow.env, args: ["--appendfsync", "always"] });
    const client = await server.connect();
    const before = slow.syncs();
    const startMs = performance.now();
    await client.call("SET", "key", "value");
    expect(performance.now() - startMs).toBeGreaterThan(149);
    expect(slow.syncs()).toBeGreaterThan(before);
    client.close();
    await server.stop();
    slow.dispose();
  });
});
