/** Debian's stock redis.conf, with nothing changed but where its files lie: the server starts, warns once, and serves. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { emberlogMain } from "../support/emberlog_server.ts";
import { ServerProcess } from "../support/server_process.ts";

const STOCK = "/etc/redis/redis.conf";
if (!existsSync(STOCK)) console.log(`skipped: ${STOCK} is not installed (Debian: apt-get install redis-server)`);

test.skipIf(!existsSync(STOCK))("starts, says what has no effect, answers", async () => {
  const args = ["--logfile", "", "--pidfile", ""];
  const server = await ServerProcess.start("stock", [process.execPath, emberlogMain, STOCK], { args });
  try {
    expect(server.output).toContain("Accepted without effect: daemonize");
    expect(server.output.match(/Accepted without effect/g)).toHaveLength(1);
    const client = await server.connect();
    expect((await client.command("PING")).toString()).toBe("+PONG\r\n");
    client.close();
    expect(await server.stop()).toBe(0);
  } finally {
    server.dispose();
  }
});
