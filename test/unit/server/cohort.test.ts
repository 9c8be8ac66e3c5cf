/** Whom the last sync has let go: counted by Cohort, and fed by the turns to the log. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";

vi.hoisted(() => {
  process.env["EMBERLOG_NATIVE"] = "0";
});

import { nodeFiles } from "../../../src/disk/node_disk.ts";
import { LogWriter } from "../../../src/log/writer.ts";
import { makeRegions, type Transport } from "../../../src/platform/transport.ts";
import { Cohort } from "../../../src/server/cohort.ts";
import { Connection } from "../../../src/server/connection.ts";
import { request } from "../../support/resp_client.ts";
import { ask, TestServer } from "./support.ts";

function connection(slot: number): Connection {
  return new Connection(slot, slot, { peerAddress: "", localAddress: "", descriptor: -1, local: true }, 0);
}

describe("counting", () => {
  const told: [number, number][] = [];
  const asked: number[] = [];
  let dueUs = -1;
  const log = {
    cohort: (returned: number, expected: number) => told.push([returned, expected]),
    syncDueUs: () => dueUs,
  };
  const transport = { ...makeRegions({ onTurn: () => 0 }), wakeAfter: (us: number) => asked.push(us) };

  function cohort(): Cohort {
    told.length = 0;
    asked.length = 0;
    dueUs = -1;
    return new Cohort(transport as unknown as Transport);
  }

  it("each is counted once, and nothing is told when all are back", () => {
    const subject = cohort();
    const [a, b] = [connection(1), connection(2)];
    subject.tell(log);
    subject.begin();
    subject.letGo(a);
    subject.letGo(b);
    subject.tell(log);
    subject.back(a);
    subject.back(a);
    subject.tell(log);
    subject.back(b);
    subject.tell(log);
    subject.tell(log);
    expect(told).toEqual([
      [0, 2],
      [1, 2],
      [2, 2],
    ]);
  });

  it("who comes back late, when others have been let go since, does not count among them", () => {
    const subject = cohort();
    const [late, other] = [connection(1), connection(2)];
    subject.begin();
    subject.letGo(late);
    subject.begin();
    subject.letGo(other);
    subject.back(late);
    subject.tell(log);
    expect(told).toEqual([[0, 1]]);
  });

  it("nobody waits for those who are ending or only listen", () => {
    const subject = cohort();
    const [closing, monitor] = [connection(1), connection(2)];
    closing.closing = true;
    monitor.monitoring = true;
    subject.begin();
    subject.letGo(closing);
    subject.letGo(monitor);
    subject.tell(log);
    expect(told).toEqual([]);
  });

  it("a turn is asked for once, when a sync is being held back", () => {
    const subject = cohort();
    subject.begin();
    subject.letGo(connection(1));
    subject.tell(log);
    dueUs = 12.25;
    subject.tell(log);
    subject.tell(log);
    expect(asked).toEqual([13]);
  });
});

describe("a server", () => {
  const { fdatasync } = nodeFiles;
  const held: (() => void)[] = [];
  let dir = "";
  let server: TestServer;

  afterEach(async () => {
    vi.restoreAllMocks();
    nodeFiles.fdatasync = fdatasync;
    for (const sync of held.splice(0)) sync();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it("tells the log whom its sync has let go and who is back, whatever they are back with", async () => {
    dir = mkdtempSync(join(tmpdir(), "emberlog-cohort-"));
    server = await TestServer.start({ dir, appendonly: "yes", appendfsync: "always" });
    const [a, b, c, pipelined, bystander] = [
      await server.connect(),
      await server.connect(),
      await server.connect(),
      await server.connect(),
      await server.connect(),
    ];
    nodeFiles.fdatasync = (fd, done) => held.push(() => fdatasync(fd, done));
    const letGo = (): void => held.shift()?.();
    const commits = vi.spyOn(LogWriter.prototype, "commit");
    const blocker = ask(bystander, "SET first 1");
    await vi.waitUntil(() => held.length === 1);
    const writer = commits.mock.contexts[0] as LogWriter;
    const before = writer.sequence;
    const waiting = [a, b, c].map((client, i) => ask(client, `SET k${i} 1`));
    // All in the file: one sync covers them.
    await vi.waitUntil(() => writer.writtenSequence === before + 3);
    const told = vi.spyOn(LogWriter.prototype, "cohort");
    letGo();
    await blocker;
    await vi.waitUntil(() => held.length === 1);
    expect(told.mock.calls[0]).toEqual([0, 1]);
    pipelined.write(request(["SET", "behind", "1"]));
    await ask(bystander, "GET other");
    letGo();
    await Promise.all(waiting);
    await vi.waitUntil(() => told.mock.calls.some(([, expected]) => expected === 3));
    told.mockClear();
    await ask(a, "GET nothing");
    expect(told.mock.calls.at(-1)).toEqual([1, 3]);
    await ask(bystander, "GET other");
    expect(told.mock.calls.at(-1)).toEqual([1, 3]);
    b.close();
    await vi.waitUntil(() => String(told.mock.calls.at(-1)) === "2,3");
    c.write(request(["SET", "k3", "1"]));
    await vi.waitUntil(() => String(told.mock.calls.at(-1)) === "3,3");
  });
});
