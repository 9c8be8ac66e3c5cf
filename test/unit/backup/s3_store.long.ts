/** The contract against a real S3 server, and what it answers when something is wrong. */
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ObjectStore } from "../../../src/backup/object_store.ts";
import { openStore } from "../../../src/backup/open_store.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { ACCESS_KEY, type Gateway, radosgwAvailable, SECRET_KEY, startRadosgw } from "../../support/radosgw.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { objectStoreContract } from "./object_store_contract.ts";

describe.skipIf(!radosgwAvailable())("Ceph's gateway", () => {
  const directory = temporaryDirectory("radosgw");
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startRadosgw(directory);
    process.env["AWS_ACCESS_KEY_ID"] = ACCESS_KEY;
    process.env["AWS_SECRET_ACCESS_KEY"] = SECRET_KEY;
    const client = new S3Client({ endpoint: gateway.endpoint, region: "us-east-1", forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: "backups" }));
    client.destroy();
  }, 180_000);
  afterAll(() => gateway.stop());

  const open = (url: string): Promise<ObjectStore> =>
    openStore(`s3://${url}?endpoint=${gateway.endpoint}`, systemRandom(), systemClock);

  objectStoreContract("S3", (prefix) => open(`backups/${prefix}`));

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
