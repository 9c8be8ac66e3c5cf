/** The contract of src/platform/transport.ts, held by both transports. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../../src/base/random.ts";
import { CLOSED, DATA, OPENED, type Transport, WOKEN } from "../../../src/platform/transport.ts";
import {
  connectTo,
  EchoServer,
  inputRows,
  KINDS,
  makeTransport,
  putRow,
  readBytes,
  readToEnd,
  until,
} from "./echo_server.ts";

describe.each(KINDS)("transport over %s", (kind) => {
  const transports: Transport[] = [];
  const sockets: net.Socket[] = [];

  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    for (const transport of transports) transport.stop();
    sockets.length = 0;
    transports.length = 0;
  });

  async function startEcho(options: Parameters<typeof EchoServer.start>[1] = {}): Promise<EchoServer> {
    const server = await EchoServer.start(kind, options);
    transports.push(server.transport);
    return server;
  }

  async function connect(port: number): Promise<net.Socket> {
    const socket = await connectTo(port);
    socket.on("error", () => {});
    sockets.push(socket);
    return socket;
  }

  test("what is sent comes back in order, whatever its pieces", async () => {
    const server = await startEcho();
    const socket = await connect(server.port);
    const bytes = seededRandom(1).bytes(3 * 1024 * 1024);
    const answer = readBytes(socket, bytes.length);
    for (let at = 0, piece = 1; at < bytes.length; at += piece, piece = (piece * 7 + 3) % 100_000) {
      socket.write(bytes.subarray(at, at + piece));
    }
    expect(Buffer.compare(await answer, bytes)).toBe(0);
    expect(server.received).toBe(bytes.length);
  });

  test("a new connection is opened with its addresses and its listener", async () => {
    let seen: { peer: string; local: string; fd: number; listener: number } | undefined;
    const transport = makeTransport(kind, {
      onTurn: (rows) => {
        for (const { slot, flags } of inputRows(transport, rows)) {
          if ((flags & OPENED) === 0) continue;
          seen = {
            peer: transport.peerAddress(slot),
            local: transport.localAddress(slot),
            fd: transport.descriptor(slot),
            listener: transport.listenerOf(slot),
          };
        }
        return 0;
      },
    });
    transports.push(transport);
    await transport.listenTcp("127.0.0.1", 0, 511);
    const { listener, port } = await transport.listenTcp("127.0.0.1", 0, 511);
    const socket = await connect(port);
    await until(() => seen !== undefined, "opened");
    expect(seen).toMatchObject({ peer: `127.0.0.1:${socket.localPort}`, local: `127.0.0.1:${port}`, listener });
    expect(seen!.fd).toBeGreaterThan(2);
  });

  test("IPv6 addresses stand in brackets", async () => {
    let peer = "";
    const transport = makeTransport(kind, {
      onTurn: (rows) => {
        for (const { slot, flags } of inputRows(transport, rows)) {
          if ((flags & OPENED) !== 0) peer = transport.peerAddress(slot);
        }
        return 0;
      },
    });
    transports.push(transport);
    const { port } = await transport.listenTcp("::1", 0, 511);
    const socket = net.connect(port, "::1");
    sockets.push(socket);
    await until(() => peer !== "", "opened");
    expect(peer).toBe(`[::1]:${socket.localPort}`);
  });

  test("an address in use is refused with its code", async () => {
    const server = await startEcho();
    const other = await startEcho();
    await expect(other.transport.listenTcp("127.0.0.1", server.port, 511)).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
    });
    await expect(other.transport.listenTcp("192.0.2.1", 0, 511)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("a peer that has ended its side gets its replies, then the end", async () => {
    const server = await startEcho();
    const socket = await connect(server.port);
    const bytes = seededRandom(2).bytes(700_000);
    const answer = readToEnd(socket);
    socket.end(bytes);
    expect(Buffer.compare(await answer, bytes)).toBe(0);
    expect(server.closed).toEqual(server.opened);
  });

  test("a reset connection is closed, the others go on", async () => {
    const server = await startEcho();
    const first = await connect(server.port);
    const second = await connect(server.port);
    first.write("x");
    await readBytes(first, 1);
    first.resetAndDestroy();
    await until(() => server.closed.length === 1, "closed");
    second.write("still there");
    expect((await readBytes(second, 11)).toString()).toBe("still there");
  });

  test("many connections are served, and their slots used again", async () => {
    const server = await startEcho({ slotsMax: 300 });
    for (let round = 0; round < 3; round++) {
      const clients = await Promise.all(Array.from({ length: 250 }, () => connect(server.port)));
      const answers = await Promise.all(
        clients.map((socket, i) => {
          const answer = readBytes(socket, 6);
          socket.write(`c${String(i).padStart(5, "0")}`);
          return answer;
        }),
      );
      answers.forEach((answer, i) => {
        expect(answer.toString()).toBe(`c${String(i).padStart(5, "0")}`);
      });
      for (const socket of clients) socket.destroy();
      await until(() => server.open.size === 0, "all closed");
    }
    expect(Math.max(...server.opened)).toBeLessThan(300);
    expect(server.opened.length).toBe(750);
  });

  test("connections beyond the slots wait until one is released", async () => {
    const server = await startEcho({ slotsMax: 2 });
    const clients = await Promise.all([1, 2, 3].map(() => connect(server.port)));
    for (const socket of clients) socket.write("hello");
    await until(() => server.received === 10, "two are served");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(server.opened.length).toBe(2);
    const servedFirst = clients.find((socket) => socket.bytesRead > 0) ?? clients[0]!;
    servedFirst.destroy();
    await until(() => server.received === 15, "the third is served");
  });

  test("50 MB to a slow reader are queued and arrive whole", async () => {
    const length = 50 * 1024 * 1024;
    const block = seededRandom(3).bytes(1024 * 1024);
    let slot = -1;
    let drained = 0;
    const transport = makeTransport(kind, {
      onTurn: (rows) => {
        for (const row of inputRows(transport, rows)) {
          if ((row.flags & DATA) !== 0) {
            slot = row.slot;
            for (let sent = 0; sent < length; sent += block.length) transport.send(slot, block, 0, block.length);
          }
          if ((row.flags & 4) !== 0) drained++;
        }
        return 0;
      },
    });
    transports.push(transport);
    const { port } = await transport.listenTcp("127.0.0.1", 0, 511);
    const socket = await connect(port);
    socket.write("go");
    await until(() => slot >= 0, "asked");
    const queued = transport.queuedBytes[slot]!;
    expect(queued).toBeGreaterThan(length / 2);
    let at = 0;
    let wrong = 0;
    await new Promise<void>((resolve) => {
      socket.on("data", (chunk: Buffer) => {
        for (let i = 0; i < chunk.length; i += 4093) if (chunk[i] !== block[(at + i) % block.length]) wrong++;
        at += chunk.length;
        if (at >= length) resolve();
        socket.pause();
        setTimeout(() => socket.resume(), at % 7 === 0 ? 1 : 0);
      });
    });
    expect(at).toBe(length);
    expect(wrong).toBe(0);
    await until(() => drained > 0 && transport.queuedBytes[slot] === 0, "drained");
  });

  test("a connection whose replies pile up is not read until half of them are gone", async () => {
    const limit = 1024 * 1024;
    const server = await startEcho({ queuedBytesMax: limit });
    const socket = await connect(server.port);
    socket.pause();
    const total = 64 * 1024 * 1024;
    const block = seededRandom(4).bytes(total / 64);
    for (let i = 0; i < 64; i++) socket.write(block);
    await until(() => server.transport.queuedBytes[server.opened[0]!]! > limit, "the limit is reached");
    let before = -1;
    await until(() => {
      const still = before === server.received;
      before = server.received;
      return still;
    }, "reading rests");
    const received = server.received;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.received).toBe(received);
    expect(received).toBeLessThan(total);
    expect(server.transport.queuedBytes[server.opened[0]!]!).toBeLessThan(3 * limit);
    let read = 0;
    socket.on("data", (chunk: Buffer) => {
      read += chunk.length;
    });
    socket.resume();
    await until(() => read === total, "everything arrives", 30_000);
    expect(server.received).toBe(total);
    expect(server.drained.length).toBeGreaterThan(0);
  });

  test("one pipeline cannot starve the others", async () => {
    const server = await startEcho({ connectionBytesMax: 16 * 1024, inputBytes: 64 * 1024 });
    const greedy = await connect(server.port);
    const block = new Uint8Array(8 * 1024 * 1024);
    greedy.resume();
    const modest = await connect(server.port);
    modest.write("a");
    await readBytes(modest, 1);
    server.turnSlots.length = 0;
    greedy.write(block);
    for (let i = 0; i < 20; i++) {
      const answer = readBytes(modest, 4);
      modest.write("ping");
      expect((await answer).toString()).toBe("ping");
    }
    await until(() => server.received >= block.length, "the pipeline is through");
    // Whenever both had something in a turn, neither had more than its share, so both appear side by side.
    const [greedySlot, modestSlot] = server.opened as [number, number];
    const first = server.turnSlots.findIndex((slots) => slots.includes(modestSlot));
    const last = server.turnSlots.findLastIndex((slots) => slots.includes(greedySlot));
    expect(first).toBeLessThan(last);
  });

  test("those not read in a turn lead the next one", async () => {
    const server = await startEcho({ connectionBytesMax: 4096, inputBytes: 8192 });
    const clients = await Promise.all(Array.from({ length: 6 }, () => connect(server.port)));
    await until(() => server.opened.length === 6, "opened");
    for (const socket of clients) {
      socket.resume();
      socket.write(new Uint8Array(256 * 1024));
    }
    await until(() => server.received === 6 * 256 * 1024, "all read");
    // Between two turns of one connection all others that had data were served: no window of turns lacks one for long.
    const served = new Map<number, number>();
    let longest = 0;
    const busy = server.turnSlots.slice(20, -60);
    busy.forEach((slots, turn) => {
      for (const slot of slots) {
        longest = Math.max(longest, turn - (served.get(slot) ?? turn));
        served.set(slot, turn);
      }
    });
    expect(served.size).toBe(6);
    if (kind === "epoll") expect(longest).toBeLessThanOrEqual(12);
  });

  test("a paused connection is not read, and goes on where it was", async () => {
    const seen: string[] = [];
    let slot = -1;
    const transport = makeTransport(kind, {
      onTurn: (rows) => {
        for (const row of inputRows(transport, rows)) {
          if ((row.flags & DATA) === 0) continue;
          seen.push(Buffer.from(row.bytes).toString());
          slot = row.slot;
          if (seen.length === 1) transport.pauseReading(slot);
        }
        return 0;
      },
    });
    transports.push(transport);
    const { port } = await transport.listenTcp("127.0.0.1", 0, 511);
    const socket = await connect(port);
    socket.write("one");
    await until(() => seen.length === 1, "first");
    socket.write("two");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(seen).toEqual(["one"]);
    transport.resumeReading(slot);
    await until(() => seen.length === 2, "second");
    expect(seen).toEqual(["one", "two"]);
  });

  test("a paused connection whose peer goes away is closed", async () => {
    let slot = -1;
    let closed = false;
    const transport = makeTransport(kind, {
      onTurn: (rows) => {
        for (const row of inputRows(transport, rows)) {
          slot = row.slot;
          if ((row.flags & OPENED) !== 0) transport.pauseReading(slot);
          if ((row.flags & CLOSED) !== 0) closed = true;
        }
        return 0;
      },
    });
    transports.push(transport);
    const { port } = await transport.listenTcp("127.0.0.1", 0, 511);
    const socket = await connect(port);
    await until(() => slot >= 0, "opened");
    socket.end();
    await until(() => closed, "closed");
  });

  test("close after flush sends this turn's rows and what is queued, then ends", async () => {
    const length = 20 * 1024 * 1024;
    const transport = makeTransport(kind, {
      onTurn: (rows) => {
        for (const row of inputRows(transport, rows)) {
          if ((row.flags & DATA) === 0) continue;
          transport.send(row.slot, new Uint8Array(length).fill(7), 0, length);
          transport.close(row.slot, true);
          transport.release(row.slot);
          transport.output.set([1, 2, 3]);
          putRow(transport, 0, row.slot, 0, 3);
          return 1;
        }
        return 0;
      },
    });
    transports.push(transport);
    const { port } = await transport.listenTcp("127.0.0.1", 0, 511);
    const socket = await connect(port);
    const answer = readToEnd(socket);
    socket.write("quit, and more that is never read");
    const bytes = await answer;
    expect(bytes.length).toBe(length + 3);
    expect([...bytes.subarray(-4)]).toEqual([7, 1, 2, 3]);
  });

  test("close without flush drops the rest, and nothing more is reported", async () => {
    const flagsSeen: number[] = [];
    let slot = -1;
    const transport = makeTransport(kind, {
      onTurn: (rows) => {
        for (const row of inputRows(transport, rows)) {
          flagsSeen.push(row.flags);
          slot = row.slot;
        }
        return 0;
      },
    });
    transports.push(transport);
    const { port } = await transport.listenTcp("127.0.0.1", 0, 511);
    const socket = await connect(port);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.once("end", () => socket.destroy());
    socket.resume();
    await until(() => slot >= 0, "opened");
    transport.close(slot, false);
    transport.send(slot, new Uint8Array(5), 0, 5);
    await closed;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(flagsSeen).toEqual([OPENED]);
    expect(transport.peerAddress(slot)).toBe("");
    transport.release(slot);
    await connect(port);
    await until(() => flagsSeen.length === 2, "the slot is used again");
  });

  test("a turn can be asked for", async () => {
    const flagsSeen: number[] = [];
    const transport = makeTransport(kind, {
      onTurn: (rows) => {
        for (const row of inputRows(transport, rows)) flagsSeen.push(row.slot, row.flags);
        return 0;
      },
    });
    transports.push(transport);
    transport.wake();
    transport.wake();
    expect(flagsSeen).toEqual([]);
    await until(() => flagsSeen.length > 0, "woken");
    expect(flagsSeen).toEqual([-1, WOKEN]);
  });

  test("a turn can be asked for a time ahead, the last one asked for", async () => {
    let woken = 0;
    const transport = makeTransport(kind, {
      onTurn: (rows) => {
        for (const row of inputRows(transport, rows)) if (row.flags === WOKEN) woken++;
        return 0;
      },
    });
    transports.push(transport);
    const began = performance.now();
    transport.wakeAfter(3_600_000_000 / 2);
    transport.wakeAfter(20_000);
    await until(() => woken > 0, "woken");
    expect(performance.now() - began).toBeGreaterThan(19);
    transport.wakeAfter(0);
    await until(() => woken > 1, "woken again");
    transport.wakeAfter(1000);
    transport.stop();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(woken).toBe(2);
  });

  test("timers and promises run between the turns of a busy connection", async () => {
    const server = await startEcho({ connectionBytesMax: 1024, inputBytes: 4096 });
    const socket = await connect(server.port);
    socket.resume();
    let ticks = 0;
    const timer = setInterval(() => {
      ticks++;
    }, 1);
    socket.write(new Uint8Array(16 * 1024 * 1024));
    await until(() => server.received === 16 * 1024 * 1024, "all read", 30_000);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  test("unix sockets: mode, addresses, echo, and the file goes with the listener", async () => {
    const directory = mkdtempSync(path.join(os.tmpdir(), "emberlog-"));
    const file = path.join(directory, "socket");
    const server = new EchoServer(kind);
    transports.push(server.transport);
    const { listener, port } = await server.transport.listenUnix(file, 0o777, 511);
    expect(port).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o777);
    const socket = net.connect({ path: file, allowHalfOpen: true });
    sockets.push(socket);
    const bytes = seededRandom(5).bytes(2_000_000);
    const answer = readToEnd(socket);
    socket.end(bytes);
    expect(Buffer.compare(await answer, bytes)).toBe(0);
    const second = net.connect(file);
    sockets.push(second);
    await until(() => server.opened.length === 2, "second");
    expect(server.transport.peerAddress(server.opened[1]!)).toBe(`${file}:0`);
    server.transport.closeListener(listener);
    await until(() => statSync(file, { throwIfNoEntry: false }) === undefined, "the file is gone");
    rmSync(directory, { recursive: true });
  });

  test("a closed listener accepts no more, its connections live on", async () => {
    const server = new EchoServer(kind);
    transports.push(server.transport);
    const { listener, port } = await server.transport.listenTcp("127.0.0.1", 0, 511);
    const socket = await connect(port);
    socket.write("a");
    await readBytes(socket, 1);
    server.transport.closeListener(listener);
    await expect(connectTo(port)).rejects.toThrow();
    socket.write("b");
    expect((await readBytes(socket, 1)).toString()).toBe("b");
  });

  test("stop closes everything, also from within a turn", async () => {
    const transport = makeTransport(kind, {
      onTurn: () => {
        transport.stop();
        return 0;
      },
    });
    const { port } = await transport.listenTcp("127.0.0.1", 0, 511);
    const socket = await connect(port);
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve).once("end", () => socket.destroy()));
    await expect(connectTo(port)).rejects.toThrow();
    transport.stop();
  });
});
