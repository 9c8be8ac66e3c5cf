/** What needs a process of its own: exceptions, exhausted descriptors, leaving in the middle. */
import net from "node:net";
import os from "node:os";
import { describe, expect, test } from "vitest";
import { runChild } from "./child.ts";

describe.skipIf(process.env["EMBERLOG_NATIVE"] === "0")("the addon in a process of its own", () => {
  test("what a turn throws is an uncaughtException, and the reactor goes on", async () => {
    const ended = await runChild("throwing_turn.ts");
    expect(ended).toMatchObject({ code: 0, out: '["thrown in a turn","thrown in a microtask"]\n' });
  });

  test("without descriptors accepting rests, says so once, and recovers", async () => {
    const sockets: net.Socket[] = [];
    const ended = await runChild("few_descriptors.ts", "ulimit -n 120", (out) => {
      const port = Number(/^port (\d+)$/m.exec(out)?.[1]);
      if (sockets.length === 0 && port > 0) {
        for (let i = 0; i < 200; i++) sockets.push(net.connect(port, "127.0.0.1").on("error", () => {}));
      }
      if (out.includes("full")) for (const socket of sockets.slice(0, 150)) socket.destroy();
    });
    for (const socket of sockets) socket.destroy();
    expect(ended.code, ended.err).toBe(0);
    const emfile = -os.constants.errno.EMFILE;
    // Once for each time that descriptors run out; one that the child itself gives back may let another client in between.
    expect(ended.out).toMatch(new RegExp(`full \\{"some":true,"failed":[12],"failedError":${emfile}\\}\\n`));
    expect(ended.out).toContain('end {"opened":200,"acceptError":0}\n');
  });

  test("process.exit() from within a turn, with a write under way", async () => {
    for (let round = 0; round < 3; round++) {
      const ended = await runChild("exit_anytime.ts");
      expect(ended, ended.err).toMatchObject({ code: 7, signal: null, out: "leaving\n" });
    }
  });

  test("an idle log lets the process end, a busy one finishes first", async () => {
    expect(await runChild("nothing_to_do.ts")).toMatchObject({ code: 0, out: "written 1000\n" });
  });
});
