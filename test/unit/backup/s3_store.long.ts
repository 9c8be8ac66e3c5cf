/** The contract against a real S3 server, and what it answers when something is wrong. */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateBucketCommand,
  ListObjectVersionsCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ObjectStore } from "../../../src/backup/object_store.ts";
import { openStore, proveStore } from "../../../src/backup/open_store.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { ACCESS_KEY, type Gateway, radosgwAvailable, SECRET_KEY, startRadosgw } from "../../support/radosgw.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { objectLockContract, objectStoreContract } from "./object_store_contract.ts";

describe.skipIf(!radosgwAvailable())("Ceph's gateway", () => {
  const directory = temporaryDirectory("radosgw");
  let gateway: Gateway;
  let client: S3Client;

  beforeAll(async () => {
    gateway = await startRadosgw(directory);
    process.env["AWS_ACCESS_KEY_ID"] = ACCESS_KEY;
    process.env["AWS_SECRET_ACCESS_KEY"] = SECRET_KEY;
    client = new S3Client({ endpoint: gateway.endpoint, region: "us-east-1", forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: "backups" }));
    await client.send(new CreateBucketCommand({ Bucket: "locked", ObjectLockEnabledForBucket: true }));
  }, 180_000);
  afterAll(() => {
    client.destroy();
    gateway.stop();
  });

  const open = (url: string): Promise<ObjectStore> =>
    openStore(`s3://${url}?endpoint=${gateway.endpoint}`, systemRandom(), systemClock);

  const keyOf = (name: string): { Bucket: string; Key: string } => ({ Bucket: "locked", Key: `contract/${name}` });

  objectStoreContract("S3", (prefix) => open(`backups/${prefix}`));
  objectLockContract("S3", (prefix) => open(`locked/${prefix}`), {
    lock: async (_store, name, ms) => {
      const RetainUntilDate = new Date(Date.now() + ms);
      await client.send(
        new PutObjectRetentionCommand({ ...keyOf(name), Retention: { Mode: "GOVERNANCE", RetainUntilDate } }),
      );
    },
    pass: async (_store, ms) => {
      await sleep(ms);
    },
  });

  test("object lock: what goes, goes with its bytes; a legal hold has no end; the default lock of a bucket keeps everything for now", async () => {
    const { Versions, DeleteMarkers } = await client.send(
      new ListObjectVersionsCommand({ Bucket: "locked", Prefix: "contract/lock/" }),
    );
    expect([...(Versions ?? []), ...(DeleteMarkers ?? [])]).toEqual([]);
    const store = await open("locked/contract");
    // This gateway makes a second version where it should say that the name is taken; both go.
    for (const bytes of [new Uint8Array(3), new Uint8Array(4)]) await store.create("held", bytes);
    const hold = (Status: "ON" | "OFF"): Promise<unknown> =>
      client.send(new PutObjectLegalHoldCommand({ ...keyOf("held"), LegalHold: { Status } }));
    await hold("ON");
    await expect(store.remove("held")).rejects.toMatchObject({ code: "OBJECT_LOCKED", untilMs: 0 });
    await hold("OFF");
    await store.remove("held");
    expect(await store.size("held")).toBeUndefined();
    await client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: "locked",
        ObjectLockConfiguration: {
          ObjectLockEnabled: "Enabled",
          Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 1 } },
        },
      }),
    );
    // A server starts all the same: its probe stays, and a later prune removes it.
    expect(await proveStore(store, systemRandom(), 1)).toEqual({ exclusiveCreate: false });
    expect(await store.create("kept", new Uint8Array(3))).toBe("created");
    await expect(store.remove("kept")).rejects.toMatchObject({ code: "OBJECT_LOCKED" });
    store.close();
  });

  test("a bucket that is not there is refused", async () => {
    const store = await open("no-such-bucket/x");
    await expect(store.create("a", new Uint8Array(1))).rejects.toMatchObject({ code: "STORE_REFUSED" });
    await expect(store.read("a")).rejects.toMatchObject({ code: "STORE_REFUSED" });
    store.close();
  });

  test("a wrong key is refused, and not told in the message", async () => {
    process.env["AWS_SECRET_ACCESS_KEY"] = "something-wrong";
    const store = await open("backups/x");
    const error: unknown = await store.create("a", new Uint8Array(1)).catch((thrown: unknown) => thrown);
    process.env["AWS_SECRET_ACCESS_KEY"] = SECRET_KEY;
    expect(error).toMatchObject({ code: "STORE_REFUSED" });
    expect(String(error)).not.toContain("something-wrong");
    store.close();
  });

  test("a server that is away is unavailable", async () => {
    const store = await openStore("s3://backups/x?endpoint=http://127.0.0.1:1", systemRandom(), systemClock);
    await expect(store.read("a")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    store.close();
  });
});

test("a store that wants a digest with what it locks is given one", async () => {
  const digests: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const given = request.headers["content-md5"];
      digests.push(given as string | undefined);
      const right = createHash("md5").update(Buffer.concat(pieces)).digest("base64");
      const message =
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
      response.statusCode = given === right ? 200 : 400;
      response.end(given === right ? "" : `<Error><Code>InvalidRequest</Code><Message>${message}</Message></Error>`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  process.env["AWS_ACCESS_KEY_ID"] = ACCESS_KEY;
  process.env["AWS_SECRET_ACCESS_KEY"] = SECRET_KEY;
  const store = await openStore(`s3://b/x?endpoint=http://127.0.0.1:${port}`, systemRandom(), systemClock);
  expect(await store.create("a", Buffer.from("one"))).toBe("created");
  expect(await store.create("b", Buffer.from("two"))).toBe("created");
  expect(digests.map((digest) => digest !== undefined)).toEqual([false, true, true]);
  store.close();
  server.close();
});
