/**
 * Backups in any store that speaks S3: `s3://bucket/prefix`, through the AWS SDK, which is loaded here and only when used.
 * Credentials, region and endpoint come from the environment or the SDK's chain (AWS_ENDPOINT_URL_S3, AWS_REGION, profiles,
 * roles); of them the URL may name `endpoint`, `region` and `path-style`.
 *
 * A new object is a PUT with `If-None-Match: *`, never one with If-Match, which radosgw 16 answers wrongly. A large one is
 * sent in parts and becomes visible when they are complete. An answer that is lost leaves in doubt who created the object: the
 * SDK's second attempt is then told that the name is taken, and the object is read back to see whose it is.
 */

import { createHash } from "node:crypto";
import type { S3Client } from "@aws-sdk/client-s3";
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import {
  checkObjectName,
  evenPieces,
  isObjectName,
  type ObjectBody,
  type ObjectEntry,
  ObjectLockedError,
  type ObjectStore,
  objectMissing,
} from "./object_store.ts";

/** A part, bytes: S3 wants at least 5 MiB and takes 10,000 of them, so an object ends at 156 GiB. */
const PART_BYTES = 16 * 1024 * 1024;
/** Parts under way at a time. */
const PARTS_AT_ONCE = 4;
/** Attempts of one call, with growing random pauses between them. */
const ATTEMPTS_MAX = 5;
/** Of one object that are removed at a time. */
const VERSIONS_MAX = 100;
const CONNECT_MS_MAX = 10_000;
const ANSWER_MS_MAX = 120_000;

/** Answers that no retry mends: the names of errors and the statuses that stores give for them. */
const REFUSALS = new Set([
  "AccessDenied",
  "AllAccessDisabled",
  "AuthorizationHeaderMalformed",
  "CredentialsProviderError",
  "ExpiredToken",
  "InvalidAccessKeyId",
  "InvalidBucketName",
  "InvalidToken",
  "NoSuchBucket",
  "NotImplemented",
  "PermanentRedirect",
  "SignatureDoesNotMatch",
]);
const STATUS_REFUSED = new Set([301, 400, 401, 403, 405, 411, 501]);

export interface S3Place {
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly pathStyle: boolean | undefined;
}

type Sdk = typeof import("@aws-sdk/client-s3");

async function loadSdk(): Promise<Sdk> {
  // What it says about the version of Node.js is for whoever installs Emberlog's packages, not for a server's log.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  try {
    return await import("@aws-sdk/client-s3");
  } catch (thrown) {
    throw new EmberlogError(
      "STORE_REFUSED",
      "s3:// needs the package @aws-sdk/client-s3: npm install @aws-sdk/client-s3",
      {
        cause: thrown,
      },
    );
  }
}

export class S3Store implements ObjectStore {
  readonly place: string;
  private readonly sdk: Sdk;
  private readonly client: S3Client;
  private readonly bucket: string;
  private readonly prefix: string;
  private readonly clock: Clock;
  /** The bucket may keep versions, as one with object lock does. */
  private versions = true;
  /** It wants a digest with what is stored, as one with a default lock does. */
  private wantsDigest = false;

  private constructor(sdk: Sdk, client: S3Client, where: S3Place, clock: Clock) {
    this.sdk = sdk;
    this.client = client;
    this.bucket = where.bucket;
    this.prefix = where.prefix;
    this.clock = clock;
    this.place = `s3://${where.bucket}/${where.prefix}`;
  }

  static async open(where: S3Place, clock: Clock): Promise<S3Store> {
    const sdk = await loadSdk();
    const env = process.env;
    const custom = where.endpoint ?? env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"];
    const client = new sdk.S3Client({
      ...(where.endpoint === undefined ? {} : { endpoint: where.endpoint }),
      // A store of one's own rarely cares for the region, and the SDK can't do without one.
      ...(where.region === undefined
        ? custom === undefined
          ? {}
          : { region: env["AWS_REGION"] ?? "us-east-1" }
        : { region: where.region }),
      forcePathStyle: where.pathStyle ?? custom !== undefined,
      maxAttempts: ATTEMPTS_MAX,
      // What the store must check is checked by our own checksums; older stores know no trailing ones.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: { connectionTimeout: CONNECT_MS_MAX, requestTimeout: ANSWER_MS_MAX },
    });
    return new S3Store(sdk, client, where, clock);
  }

  async create(name: string, body: ObjectBody): Promise<"created" | "exists"> {
    const key = this.key(name);
    if (body instanceof Uint8Array && body.length <= PART_BYTES) return this.put(name, key, body);
    const pieces = evenPieces(body, PART_BYTES);
    const first = await pieces.next();
    if (first.done === true) throw new Error("a body has at least one piece");
    const second = first.value.length < PART_BYTES ? undefined : await pieces.next();
    if (second === undefined || second.done === true) return this.put(name, key, first.value);
    if ((await this.size(name)) !== undefined) return "exists";
    return this.putParts(name, key, [first.value, second.value], pieces);
  }

  private async put(name: string, key: string, bytes: Uint8Array): Promise<"created" | "exists"> {
    try {
      await this.withDigest(bytes, (digest) =>
        this.client.send(
          new this.sdk.PutObjectCommand({ Bucket: this.bucket, Key: key, Body: bytes, IfNoneMatch: "*", ...digest }),
        ),
      );
      return "created";
    } catch (thrown) {
      if (!isTaken(thrown)) throw this.described("write", name, thrown);
      if (attemptsOf(thrown) <= 1) return "exists";
      const there = await this.read(name);
      return Buffer.compare(there, bytes) === 0 ? "created" : "exists";
    }
  }

  /** A bucket with a default lock takes bytes only with a digest of them, which others are spared. */
  private async withDigest<T>(bytes: Uint8Array, send: (digest: { ContentMD5?: string }) => Promise<T>): Promise<T> {
    const digest = (): { ContentMD5: string } => ({ ContentMD5: createHash("md5").update(bytes).digest("base64") });
    try {
      return await send(this.wantsDigest ? digest() : {});
    } catch (thrown) {
      if (this.wantsDigest || statusOf(thrown) !== 400 || !/content-md5/i.test(String(thrown))) throw thrown;
      this.wantsDigest = true;
      return send(digest());
    }
  }

  private async putParts(
    name: string,
    key: string,
    begun: readonly Uint8Array[],
    rest: AsyncGenerator<Uint8Array>,
  ): Promise<"created" | "exists"> {
    const target = { Bucket: this.bucket, Key: key };
    let UploadId: string | undefined;
    try {
      ({ UploadId } = await this.client.send(new this.sdk.CreateMultipartUploadCommand(target)));
      const parts: { PartNumber: number; ETag: string | undefined }[] = [];
      const upload = async (bytes: Uint8Array, PartNumber: number): Promise<void> => {
        const { ETag } = await this.withDigest(bytes, (digest) =>
          this.client.send(new this.sdk.UploadPartCommand({ ...target, UploadId, PartNumber, Body: bytes, ...digest })),
        );
        parts.push({ PartNumber, ETag });
      };
      const underWay = new Set<Promise<void>>();
      let failure: unknown;
      let number = 0;
      for await (const bytes of joined(begun, rest)) {
        const part = upload(bytes, ++number).catch((thrown: unknown) => {
          failure ??= thrown;
        });
        underWay.add(part);
        void part.then(() => underWay.delete(part));
        if (underWay.size >= PARTS_AT_ONCE) await Promise.race(underWay);
        if (failure !== undefined) break;
      }
      await Promise.all(underWay);
      if (failure !== undefined) throw failure;
      parts.sort((a, b) => a.PartNumber - b.PartNumber);
      await this.client.send(
        new this.sdk.CompleteMultipartUploadCommand({
          ...target,
          UploadId,
          MultipartUpload: { Parts: parts },
          IfNoneMatch: "*",
        }),
      );
      return "created";
    } catch (thrown) {
      if (UploadId !== undefined) {
        // Parts that nobody completes cost money; a store that does not answer drops them by its own rules.
        await this.client
          .send(new this.sdk.AbortMultipartUploadCommand({ ...target, UploadId }))
          .catch(() => undefined);
      }
      if (isTaken(thrown)) return "exists";
      throw this.described("write", name, thrown);
    }
  }

  async read(name: string, start = 0, length = Number.MAX_SAFE_INTEGER): Promise<Uint8Array> {
    const key = this.key(name);
    if (length === 0) return new Uint8Array(0);
    const whole = start === 0 && length === Number.MAX_SAFE_INTEGER;
    const end = length === Number.MAX_SAFE_INTEGER ? "" : String(start + length - 1);
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.client.send(
          new this.sdk.GetObjectCommand({
            Bucket: this.bucket,
            Key: key,
            ...(whole ? {} : { Range: `bytes=${start}-${end}` }),
          }),
        );
        return answer.Body === undefined ? new Uint8Array(0) : await bytesOf(answer.Body, answer.ContentLength);
      } catch (thrown) {
        if (statusOf(thrown) === 416) return new Uint8Array(0);
        // The SDK retries what fails before the body; a connection that ends within it is ours to retry.
        if (statusOf(thrown) !== undefined || attempt >= ATTEMPTS_MAX) throw this.described("read", name, thrown);
      }
    }
  }

  async size(name: string): Promise<number | undefined> {
    try {
      const answer = await this.client.send(
        new this.sdk.HeadObjectCommand({ Bucket: this.bucket, Key: this.key(name) }),
      );
      return answer.ContentLength ?? 0;
    } catch (thrown) {
      const error = this.described("look at", name, thrown);
      if (error.code === "OBJECT_MISSING") return undefined;
      throw error;
    }
  }

  async *list(prefix: string, after = ""): AsyncGenerator<ObjectEntry> {
    let ContinuationToken: string | undefined;
    do {
      const answer = await this.client
        .send(
          new this.sdk.ListObjectsV2Command({
            Bucket: this.bucket,
            Prefix: this.prefix + prefix,
            ...(after === "" ? {} : { StartAfter: this.prefix + after }),
            ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
          }),
        )
        .catch((thrown: unknown) => {
          throw this.described("list", prefix, thrown);
        });
      for (const { Key, Size } of answer.Contents ?? []) {
        const name = (Key ?? "").slice(this.prefix.length);
        if (isObjectName(name) && name > after) yield { name, size: Size ?? 0 };
      }
      ContinuationToken = answer.IsTruncated === true ? answer.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  /**
   * In a bucket with object lock a plain DELETE would only hide the object behind a marker, locked or not. So what has a lock is asked for first: while that
   * lasts the object stays as it is, afterwards its version goes. In other buckets with versions their own rules say what becomes of hidden ones.
   */
  async remove(name: string): Promise<void> {
    const target = { Bucket: this.bucket, Key: this.key(name) };
    try {
      // Behind a version that has gone there may be another one, where a store with versions knows no conditional writes.
      for (let left = VERSIONS_MAX; left > 0; left--) {
        const VersionId = this.versions ? await this.lockedVersion(name, target) : undefined;
        const version = VersionId === undefined ? {} : { VersionId };
        await this.client.send(new this.sdk.DeleteObjectCommand({ ...target, ...version }));
        if (VersionId === undefined) return;
      }
    } catch (thrown) {
      if (thrown instanceof ObjectLockedError) throw thrown;
      const error = this.described("remove", name, thrown);
      if (error.code !== "OBJECT_MISSING") throw error;
    }
  }

  /** The version that a lock was on; undefined where there was none. Throws an ObjectLockedError while there is one. */
  private async lockedVersion(name: string, target: { Bucket: string; Key: string }): Promise<string | undefined> {
    const head = await this.client.send(new this.sdk.HeadObjectCommand(target));
    const { VersionId, ObjectLockMode, ObjectLockRetainUntilDate, ObjectLockLegalHoldStatus } = head;
    if (VersionId === undefined) this.versions = false;
    if (ObjectLockLegalHoldStatus === "ON") throw new ObjectLockedError(this.place, name, 0);
    const untilMs = ObjectLockRetainUntilDate?.getTime() ?? 0;
    if (untilMs > this.clock.wallMs()) throw new ObjectLockedError(this.place, name, untilMs);
    return ObjectLockMode === undefined && untilMs === 0 ? undefined : VersionId;
  }

  close(): void {
    this.client.destroy();
  }

  private key(name: string): string {
    checkObjectName(name);
    return this.prefix + name;
  }

  private described(operation: string, name: string, thrown: unknown): EmberlogError {
    const { name: kind, message } = thrown instanceof Error ? thrown : { name: "", message: String(thrown) };
    const status = statusOf(thrown);
    if (kind === "NoSuchKey" || (status === 404 && kind !== "NoSuchBucket")) return objectMissing(this.place, name);
    const refused = REFUSALS.has(kind) || (status !== undefined && STATUS_REFUSED.has(status));
    const what = [kind, message].filter((word) => word !== "" && word !== "UnknownError").join(": ");
    return new EmberlogError(
      refused ? "STORE_REFUSED" : "STORE_UNAVAILABLE",
      `can't ${operation} ${name} in ${this.place}: ${what}${status === undefined ? "" : ` (HTTP ${status})`}`,
      { file: name, cause: thrown },
    );
  }
}

/** A body into one buffer of its length: the SDK's own way copies it twice and leaves as much to be collected. */
async function bytesOf(
  body: { transformToByteArray(): Promise<Uint8Array> },
  length: number | undefined,
): Promise<Uint8Array> {
  if (length === undefined || !(Symbol.asyncIterator in body)) return body.transformToByteArray();
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  let at = 0;
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    if (at + piece.length > length) throw new Error(`more than ${length} bytes came`);
    bytes.set(piece, at);
    at += piece.length;
  }
  if (at < length) throw new Error(`the connection ended after ${at} of ${length} bytes`);
  return bytes;
}

interface Answered {
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

function statusOf(thrown: unknown): number | undefined {
  return (thrown as Answered | undefined)?.$metadata?.httpStatusCode;
}

function attemptsOf(thrown: unknown): number {
  return (thrown as Answered | undefined)?.$metadata?.attempts ?? 1;
}

/** 412, and 409 where two create at the same time and the other one is served. */
function isTaken(thrown: unknown): boolean {
  const status = statusOf(thrown);
  return status === 412 || status === 409;
}

async function* joined(begun: readonly Uint8Array[], rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* begun;
  yield* rest;
}
