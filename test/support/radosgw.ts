/** A real S3 server on loopback for tests: Ceph's object gateway, started by the script beside this file. */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";

const script = fileURLToPath(new URL("radosgw.sh", import.meta.url));
const START_MS_MAX = 120_000;

export const ACCESS_KEY = "emberlog";
export const SECRET_KEY = "emberlog-secret";

export interface Gateway {
  readonly endpoint: string;
  stop(): void;
}

/** Whether the gateway can run here; says why not otherwise. */
export function radosgwAvailable(): boolean {
  const missing = ["radosgw", "ceph-mon", "ceph-osd", "curl"].filter((tool) => spawnSync("which", [tool]).status !== 0);
  if (missing.length > 0)
    console.log(
      `SKIPPED: no real S3 server here (missing: ${missing.join(", ")}; apt-get install radosgw ceph-mon ceph-osd curl)`,
    );
  return missing.length === 0;
}

/** Starts a gateway of its own in an empty directory, on free ports; takes about 12 seconds. */
export async function startRadosgw(directory: string): Promise<Gateway> {
  const port = await freePorts();
  await promisify(execFile)("bash", [script, "start", directory, String(port)], { timeout: START_MS_MAX });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop() {
      execFileSync("bash", [script, "stop", directory]);
    },
  };
}

/** The first of three ports in a row that were free just now. */
async function freePorts(): Promise<number> {
  for (;;) {
    const first = await freePort(0);
    if (first > 0 && first < 65_000 && (await freePort(first + 1)) > 0 && (await freePort(first + 2)) > 0) return first;
  }
}

function freePort(wanted: number): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(-1));
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : -1));
    });
  });
}

/** What a process needs to know to use the gateway, at `endpoint` or at something in front of it. */
export function gatewayEnvironment(endpoint: string): Readonly<Record<string, string>> {
  return { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY, AWS_ENDPOINT_URL_S3: endpoint };
}

export async function createBucket({ endpoint }: Gateway, bucket: string): Promise<void> {
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
}
