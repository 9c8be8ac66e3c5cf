/** Makes DUMP payloads and RDB files of bytes that a test has put together. */
import { crc64Reference } from "../../src/base/crc64.ts";

/** A type and a value with the footer that makes a payload of them. */
export function withFooter(body: Uint8Array, version = 10): Buffer {
  const payload = Buffer.alloc(body.length + 10);
  payload.set(body);
  payload.writeUInt16LE(version, body.length);
  const sum = new Int32Array(2);
  crc64Reference(payload, 0, body.length + 2, sum);
  payload.writeInt32LE(sum[0]!, body.length + 2);
  payload.writeInt32LE(sum[1]!, body.length + 6);
  return payload;
}

/** The last eight bytes of an RDB file become the checksum of those before. */
export function withSum(file: Uint8Array): Buffer {
  const copy = Buffer.from(file);
  if (file.length < 18) return copy;
  const sum = new Int32Array(2);
  crc64Reference(copy, 0, copy.length - 8, sum);
  copy.writeInt32LE(sum[0]!, copy.length - 8);
  copy.writeInt32LE(sum[1]!, copy.length - 4);
  return copy;
}
