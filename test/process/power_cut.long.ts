/** Real power cuts on real file systems, and a real full disk. Root only; elsewhere it says that it was skipped. */
import { randomInt } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import type { RespClient } from "../support/resp_client.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { crashRounds } from "./crash_rounds.ts";
import { Mounted, powerCutsPossible, powerGround } from "./power_ground.ts";

const rounds = Number(process.env["EMBERLOG_ROUNDS"] ?? 6);
const seed = Number(process.env["EMBERLOG_SEED"] ?? randomInt(1 << 30));

for (const kind of ["ext4", "xfs"] as const) {
  describe.runIf(powerCutsPossible(kind))(`power cuts on ${kind}`, () => {
    test.each(["always", "everysec"] as const)(`appendfsync %s, ${rounds} rounds, seed ${seed}`, async (policy) => {
      const result = await crashRounds(policy, rounds, seed, powerGround(kind));
      console.log(`${kind}, ${policy}: ${JSON.stringify(result)}`);
      expect(result.failure).toBe("");
      expect(result.acknowledged).toBeGreaterThan(rounds * 50);
      if (policy === "always") expect(result.lost).toBe(0);
    });
  });
}

/** Sets keys of 16 KiB until one is refused; how many were acknowledged, and what the refusal said. */
async function fill(client: RespClient, from: number): Promise<{ next: number; refusal: string }> {
  const value = "v".repeat(16 * 1024);
  for (let i = from; ; i++) {
    const reply = (await client.command("SET", `key:${i}`, value)).toString();
    if (reply !== "+OK\r\n") return { next: i, refusal: reply };
    if (i > from + 20_000) throw new Error("the disk does not get full");
  }
}

describe.runIf(powerCutsPossible("ext4"))("D15: a full disk", () => {
  test.each(["always", "everysec"] as const)(
    "%s: refuses writes before they happen, reads go on, service resumes",
    async (policy) => {
      const mounted = new Mounted("ext4", 48 << 20);
      const servers: ServerProcess[] = [];
      try {
        const dir = join(mounted.directory, "data");
        const filler = join(mounted.directory, "filler");
        mkdirSync(dir);
        writeFileSync(filler, new Uint8Array(12 << 20));
        const args = ["--appendonly", "yes", "--appendfsync", policy, "--log-segment-bytes", "4194304"];
        const server = await startEmberlog({ dir, args });
        servers.push(server);
        const client = await server.connect();
        const first = await fill(client, 0);
        expect(first.refusal).toMatch(/^-MISCONF Errors writing to the AOF file: No space left on device/);
        expect(String(await client.call("STRLEN", `key:${first.next - 1}`))).toBe("16384");
        rmSync(filler);
        await expect
          .poll(async () => (await client.command("SET", "again", "1")).toString(), { timeout: 10_000 })
          .toBe("+OK\r\n");
        const second = await fill(client, first.next);
        expect(second.next).toBeGreaterThan(first.next + 100);
        await server.kill9();
        client.close();
        // A start needs a little space of its own.
        await expect(startEmberlog({ dir, args })).rejects.toThrow(/No space left on device/);
        mounted.grow(96 << 20);
        const again = await startEmberlog({ dir, args });
        servers.push(again);
        const reader = await again.connect();
        for (let i = 0; i < second.next; i += 7) expect(String(await reader.call("STRLEN", `key:${i}`))).toBe("16384");
        expect(String(await reader.call("GET", "again"))).toBe("1");
        reader.close();
        await again.stop();
      } finally {
        for (const server of servers) if (server.running) await server.kill9();
        mounted.remove();
      }
    },
  );
});
