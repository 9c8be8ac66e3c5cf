/**
 * Random clients and a random server on both transports: pieces, pauses, resets, half-closes, closes, full queues and slots
 * used again, with every byte checked. It runs under the address sanitizer too.
 */
import type net from "node:net";
import { describe, expect, test } from "vitest";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { CLOSED, DATA, OPENED, type Transport } from "../../../src/platform/transport.ts";
import { connectTo, inputRows, KINDS, makeTransport, putRow, until } from "./echo_server.ts";

const seed = Number(process.env["SEED"] ?? Math.trunc(performance.timeOrigin) % 1_000_000);
const replay = `SEED=${seed} npx vitest run test/unit/platform/transport_storm.test.ts`;

/** The byte that every client sends at `position`, and must get back there. */
function byteAt(position: number): number {
  return ((position * 2654435761) >>> 13) & 255;
}

interface Served {
  opened: number;
  echoed: number;
  paused: boolean;
}

class StormServer {
  readonly transport: Transport;
  readonly served = new Map<number, Served>();
  readonly problems: string[] = [];
  private readonly random: Random;
  opened = 0;

  constructor(kind: "epoll" | "net", random: Random) {
    this.random = random;
    this.transport = makeTransport(kind, {
      onTurn: (rows) => this.turn(rows),
      slotsMax: 24,
      inputBytes: 32 * 1024,
      outputBytes: 40 * 1024,
      connectionBytesMax: 5000,
      queuedBytesMax: 100_000,
      inputRowsMax: 7,
      outputRowsMax: 50,
    });
  }

  turn(rows: number): number {
    const { transport, random } = this;
    let out = 0;
    let position = 0;
    for (const { slot, flags, bytes } of inputRows(transport, rows)) {
      if ((flags & OPENED) !== 0) {
        if (this.served.has(slot)) this.problems.push(`slot ${slot} opened twice`);
        this.served.set(slot, { opened: this.opened++, echoed: 0, paused: false });
      }
      const served = this.served.get(slot);
      if (served === undefined) {
        if (slot !== -1) this.problems.push(`row for slot ${slot}, which is released`);
        continue;
      }
      if ((flags & DATA) !== 0) {
        for (let i = 0; i < bytes.length; i++) {
          if (bytes[i] !== byteAt(served.echoed + i)) this.problems.push(`wrong input at ${served.echoed + i}`);
        }
        served.echoed += bytes.length;
        if (random.int32() % 3 === 0) {
          // Order must hold between rows and send(): flush first.
          transport.flush(out);
          out = 0;
          position = 0;
          transport.send(slot, bytes, 0, bytes.length);
        } else {
          if (out + 3 > 50) {
            transport.flush(out);
            out = 0;
            position = 0;
          }
          const cut = uniform(random, bytes.length + 1);
          transport.output.set(bytes, position);
          putRow(transport, out++, slot, position, cut);
          putRow(transport, out++, slot, position + cut, bytes.length - cut);
          position += bytes.length;
        }
      }
      if ((flags & CLOSED) !== 0) {
        transport.close(slot, true);
        this.free(slot);
      } else if (uniform(random, 400) === 0) {
        transport.close(slot, uniform(random, 2) === 0);
        this.free(slot);
      } else if (uniform(random, 30) === 0 && !served.paused) {
        served.paused = true;
        transport.pauseReading(slot);
        const which = served.opened;
        setTimeout(() => {
          if (this.served.get(slot)?.opened !== which) return;
          served.paused = false;
          transport.resumeReading(slot);
        }, 2);
      }
    }
    return out;
  }

  private free(slot: number): void {
    this.served.delete(slot);
    this.transport.release(slot);
  }
}

async function client(port: number, random: Random, problems: string[]): Promise<void> {
  let socket: net.Socket;
  try {
    socket = await connectTo(port);
  } catch {
    return;
  }
  let read = 0;
  const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  socket.on("data", (chunk: Buffer) => {
    for (let i = 0; i < chunk.length; i++) {
      if (chunk[i] !== byteAt(read + i)) {
        problems.push(`wrong output at ${read + i}`);
        break;
      }
    }
    read += chunk.length;
    if (uniform(random, 20) === 0) {
      socket.pause();
      setTimeout(() => socket.resume(), 3);
    }
  });
  let written = 0;
  const pieces = uniform(random, 40);
  for (let piece = 0; piece < pieces && !socket.destroyed && socket.writable; piece++) {
    const bytes = new Uint8Array(1 + uniform(random, uniform(random, 5) === 0 ? 60_000 : 300));
    for (let i = 0; i < bytes.length; i++) bytes[i] = byteAt(written + i);
    written += bytes.length;
    socket.write(bytes);
    if (uniform(random, 4) === 0) await new Promise((resolve) => setTimeout(resolve, uniform(random, 4)));
  }
  const ending = uniform(random, 4);
  // Node can't reset a socket whose end is on its way: it reports EINVAL, and "close" never comes.
  if (ending === 0 && !socket.writableEnded) socket.resetAndDestroy();
  else if (ending < 2) socket.destroy();
  else socket.end();
  setTimeout(() => socket.destroy(), 2000).unref();
  await gone;
}

describe.each(KINDS)("storm over %s", (kind) => {
  test("every byte is right and every slot comes back", async () => {
    const random = seededRandom(seed);
    const server = new StormServer(kind, random);
    const { port } = await server.transport.listenTcp("127.0.0.1", 0, 511);
    const problems: string[] = [];
    for (let wave = 0; wave < 8; wave++) {
      await Promise.all(Array.from({ length: 40 }, () => client(port, random, problems)));
    }
    await until(() => server.served.size === 0, `all released, ${replay}`, 20_000);
    // All slots are free again: as many connections as there are slots can be open at once.
    const before = server.opened;
    const last = await Promise.all(Array.from({ length: 24 }, () => connectTo(port)));
    await until(() => server.opened >= before + 24, `all slots are usable, ${replay}`);
    for (const socket of last) socket.destroy();
    server.transport.stop();
    expect([...problems, ...server.problems].slice(0, 5), replay).toEqual([]);
    expect(server.opened).toBeGreaterThan(200);
  });
});
