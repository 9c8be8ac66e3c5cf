/** The tools around a backup against a real S3 server, as they are typed: what a folder shows in a unit test holds there too, and what may not be removed stays. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutObjectRetentionCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Embedded, open } from "../../src/engine/embedded.ts";
import { emberlogMain } from "../support/emberlog_server.ts";
import { FakeClock } from "../support/engine_client.ts";
import { ACCESS_KEY, type Gateway, radosgwAvailable, SECRET_KEY, startRadosgw } from "../support/radosgw.ts";

const START_MS = Date.parse("2026-03-02T00:00:00Z");
const DAY_MS = 86_400_000;
const DAYS = 5;
const URL = "s3://backups/tools";
/** A bucket with object lock. This gateway knows no conditional writes there. */
const LOCKED = "s3://locked/tools";
const LOCK_MS = 8000;

describe.skipIf(!radosgwAvailable())("tools on a real S3 server", () => {
  const root = mkdtempSync(join(tmpdir(), "emberlog-test-backup-s3-"));
  const source = join(root, "source");
  const identity = join(root, "identity.txt");
  let gateway: Gateway;
  let client: S3Client;
  let environment: NodeJS.ProcessEnv;

  async function emberlog(...argv: string[]): Promise<{ code: number; out: string }> {
    try {
      const words = ["--no-warnings", emberlogMain, ...argv];
      const { stdout } = await promisify(execFile)(process.execPath, words, { env: environment });
      return { code: 0, out: stdout };
    } catch (thrown) {
      const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
      return { code, out: stdout + stderr };
    }
  }

  async function json(...argv: string[]): Promise<Record<string, unknown>> {
    const { out } = await emberlog(...argv, "--json");
    return JSON.parse(out) as Record<string, unknown>;
  }

  /** Values that do not compress and all change, so that every second image is a full one. */
  function aDay(database: Embedded, clock: FakeClock, day: number): void {
    for (let i = 0; i < 12; i++) {
      clock.advance(DAY_MS / 12);
      database.run(
        "SET",
        `k${i}`,
        Buffer.from(Array.from({ length: 700 }, (_, n) => (day * 31 + i * 7 + n * n * 13) & 255)),
      );
    }
  }

  beforeAll(async () => {
    gateway = await startRadosgw(join(root, "gateway"));
    const keys = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY };
    client = new S3Client({ endpoint: gateway.endpoint, region: "us-east-1", forcePathStyle: true, credentials: keys });
    await client.send(new CreateBucketCommand({ Bucket: "backups" }));
    await client.send(new CreateBucketCommand({ Bucket: "locked", ObjectLockEnabledForBucket: true }));
    environment = {
      ...process.env,
      AWS_ENDPOINT_URL_S3: gateway.endpoint,
      AWS_ACCESS_KEY_ID: ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: SECRET_KEY,
      AWS_REGION: "us-east-1",
    };
    const { recipients } = (await json("backup", "identity", identity)) as { recipients: string[] };
    const clock = new FakeClock(START_MS);
    const database = await open({ dir: source, clock, appendfsync: "always", logSegmentBytes: 8 * 1024 });
    for (let day = 0; day < DAYS; day++) {
      aDay(database, clock, day);
      if (day === DAYS - 2) database.run("FLUSHALL");
      await database.snapshot();
      const stored = await emberlog("backup", "now", source, "--to", URL, "--recipient", recipients[0]!);
      expect(stored).toMatchObject({ code: 0 });
      const locked = ["backup", "now", source, "--to", LOCKED, "--recipient", recipients[0]!];
      if (day === 0) expect((await emberlog(...locked)).out).toContain("--single-writer");
      if (day % 2 === 0) expect(await emberlog(...locked, "--single-writer")).toMatchObject({ code: 0 });
    }
    await database.close();
    await emberlog("backup", "now", source, "--to", URL, "--recipient", recipients[0]!);
    await emberlog("backup", "now", source, "--to", LOCKED, "--recipient", recipients[0]!, "--single-writer");
  }, 180_000);

  afterAll(() => {
    client?.destroy();
    gateway?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  test("timeline and history", { timeout: 60_000 }, async () => {
    expect(await json("timeline", "--from", URL)).toMatchObject({
      dangerous: [{ name: "FLUSHALL" }],
      gaps: [],
      wrong: [],
    });
    const { versions } = (await json("history", "k3", "--from", URL, "--identity", identity)) as {
      versions: { by: string }[];
    };
    expect(versions.map(({ by }) => by)).toEqual(["SET", "SET", "SET", "SET", "FLUSHALL", "SET"]);
  });

  test("what may not be removed is reported and stays whole; then it goes", { timeout: 120_000 }, async () => {
    const prune = ["backup", "prune", "--from", URL, "--keep", "1h", "--dir", source];
    const would = await json(...prune, "--dry-run");
    expect(would["removed"]).toBeGreaterThan(1);
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Deny",
          Principal: { AWS: ["*"] },
          Action: ["s3:DeleteObject"],
          Resource: ["arn:aws:s3:::backups/tools/*"],
        },
      ],
    });
    await client.send(new PutBucketPolicyCommand({ Bucket: "backups", Policy }));
    const refused = await json(...prune);
    expect(refused["locked"]).toEqual(expect.arrayContaining([expect.stringMatching(/^(generations|segments)\//)]));
    expect(await emberlog("backup", "verify", "--from", URL)).toMatchObject({ code: 0 });
    await client.send(new DeleteBucketPolicyCommand({ Bucket: "backups" }));
    expect(await emberlog(...prune)).toMatchObject({ code: 0 });
    expect(await json(...prune)).toMatchObject({ removed: 0, locked: [] });
    expect(await emberlog("backup", "verify", "--from", URL, "--identity", identity)).toMatchObject({ code: 0 });
  });

  test("what is locked is kept, said and counted; when the lock has ended it goes, with its bytes", {
    timeout: 120_000,
  }, async () => {
    const prune = ["backup", "prune", "--from", LOCKED, "--keep", "1h", "--dir", source];
    const would = await json(...prune, "--dry-run");
    const Bucket = "locked";
    /** Of each object whose newest version is no marker of a removal, and of those that only hide behind one. */
    const versions = async (): Promise<{ shown: string[]; hidden: string[] }> => {
      const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
      const markers = new Set(DeleteMarkers.map(({ Key }) => Key));
      const keys = Versions.map(({ Key }) => Key!);
      return { shown: keys.filter((key) => !markers.has(key)), hidden: keys.filter((key) => markers.has(key)) };
    };
    const before = (await versions()).shown;
    const RetainUntilDate = new Date(Date.now() + LOCK_MS);
    const Retention = { Mode: "COMPLIANCE", RetainUntilDate } as const;
    expect(would["removed"]).toBeGreaterThan(1);
    await Promise.all(before.map((Key) => client.send(new PutObjectRetentionCommand({ Bucket, Key, Retention }))));
    const { code, out } = await emberlog(...prune, "--json");
    expect(code).toBe(1);
    const kept = JSON.parse(out) as Record<string, unknown>;
    expect(kept).toMatchObject({ removed: 0, lockedUntilMs: RetainUntilDate.getTime() });
    const locked = (kept["locked"] as string[]).map((name) => `tools/${name}`);
    expect((await versions()).shown).toEqual(expect.arrayContaining(locked));
    expect(await emberlog("backup", "verify", "--from", LOCKED)).toMatchObject({ code: 0 });
    await sleep(Math.max(0, RetainUntilDate.getTime() + 1500 - Date.now()));
    expect(await emberlog(...prune)).toMatchObject({ code: 0 });
    expect(await json(...prune)).toMatchObject({ removed: 0, locked: [], lockedUntilMs: 0 });
    const { shown, hidden } = await versions();
    // The word that it was pruned, and that it was verified, are new.
    expect(shown.length).toBeLessThanOrEqual(before.length - (would["removed"] as number) + 2);
    expect([...shown, ...hidden].filter((key) => locked.includes(key))).toEqual([]);
    expect(await emberlog("backup", "verify", "--from", LOCKED, "--identity", identity)).toMatchObject({ code: 0 });
  });

  test("a drill, and the status that tells of it", { timeout: 60_000 }, async () => {
    const drilled = await json("backup", "drill", "--from", URL, "--identity", identity);
    expect(drilled).toMatchObject({
      ok: true,
      keys: 12,
      compared: ["the digest recorded when it was taken", "the log"],
      onRecord: true,
    });
    const status = await json("backup", "status", "--from", URL, "--dir", source);
    expect(status).toMatchObject({
      ok: true,
      checks: { drill: { ok: true } },
      directory: { sameEpoch: true, segments: 0 },
    });
  });
});
