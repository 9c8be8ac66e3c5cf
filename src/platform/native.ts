/**
 * The addon: found once, when first asked for, and only here.
 *
 * `EMBERLOG_NATIVE=0` says that it must not be used, an absolute path names the binary to load (a build with the address
 * sanitizer). Otherwise node-gyp-build looks for a local build in native/ and then for a prebuilt binary of the package.
 * Where there is none, `nativeAddon()` is undefined and `nativeMissingReason()` says why; every caller has a fallback.
 */
import { createRequire } from "node:module";
import path from "node:path";
import { copyLongRunsBy } from "../base/bytes.ts";
import { EmberlogError } from "../base/errors.ts";

/** The log's threads; the layout of `state` stands in native/log_binding.cc and in log_io.ts. */
export interface NativeLogThreads {
  write(fd: number, bytes: Uint8Array, offset: number, length: number, position: number, ticket: number): void;
  writeNow(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  sync(lane: number, fd: number, ticket: number): void;
  poll(): boolean;
  clearError(ofSync: boolean): void;
  close(): void;
}

/** Calls that can fail return a negative error number. See native/reactor.h for what each does. */
export interface NativeReactor {
  listenTcp(host: string, port: number, backlog: number): number;
  listenUnix(path: string, mode: number, backlog: number): number;
  listenerPort(listener: number): number;
  closeListener(listener: number): void;
  setKeepAlive(seconds: number): void;
  send(slot: number, bytes: Uint8Array, offset: number, length: number): void;
  flush(rows: number): void;
  close(slot: number, afterFlush: boolean): void;
  release(slot: number): void;
  pauseReading(slot: number): void;
  resumeReading(slot: number): void;
  peerAddress(slot: number): string;
  localAddress(slot: number): string;
  descriptor(slot: number): number;
  listenerOf(slot: number): number;
  attachLog(log: NativeLogThreads | null): number;
  wake(flags: number): void;
  wakeAfter(us: number): void;
  acceptError(): number;
  stop(): void;
}

/** One key and both directions; see native/cipher_binding.cc. */
export interface NativeCipher {
  seal(number: number, associated: Uint8Array, plain: Uint8Array, out: Uint8Array, at: number): void;
  /** False: it is not what was sealed, and what lies in `out` is worth nothing. */
  open(number: number, associated: Uint8Array, sealed: Uint8Array, out: Uint8Array): boolean;
}

export interface NativeAddon {
  /** Undefined in builds from before there were versions. */
  readonly interfaceVersion: number | undefined;
  /** Throws NATIVE_UNAVAILABLE where Node exports no OpenSSL. */
  readonly Cipher: new (
    key: Uint8Array,
  ) => NativeCipher;
  readonly LogThreads: new (state: Float64Array, onComplete: () => void) => NativeLogThreads;
  readonly Reactor: new (
    input: Uint8Array,
    inputTable: Int32Array,
    output: Uint8Array,
    outputTable: Int32Array,
    queuedBytes: Float64Array,
    connectionBytesMax: number,
    queuedBytesMax: number,
    onTurn: (rows: number) => number,
  ) => NativeReactor;
  crc32c(bytes: Uint8Array, offset: number, length: number, seed: number): number;
  crc64(bytes: Uint8Array, offset: number, length: number, sum: Int32Array): void;
  checksumBacking(): string;
  flock(fd: number): number;
  fallocate(fd: number, keepSize: boolean, offset: number, length: number): number;
  fdatasync(fd: number): number;
  adviseHugePages(bytes: Uint8Array, offset: number, length: number): number;
  populateAhead(bytes: Uint8Array, offset: number, length: number): number;
  /** memmove from one array to another, or inside one. */
  moveBytes(target: Uint8Array, to: number, source: Uint8Array, from: number, length: number): void;
  returnPages(bytes: Uint8Array, offset: number, length: number): number;
  addressOf(bytes: Uint8Array): number;
  residentBytes(): number;
  setThreadNice(nice: number): number;
  threadNice(): number;
  threadCpuUs(): number;
  /** User and system time of the calling thread, µs, into an array of two. */
  threadUsage(times: Float64Array): number;
}

/** What these sources call: a binary that lacks some of it is older than they are. */
const CALLS: readonly (keyof NativeAddon)[] = [
  "crc32c",
  "crc64",
  "checksumBacking",
  "flock",
  "fallocate",
  "fdatasync",
  "adviseHugePages",
  "populateAhead",
  "moveBytes",
  "returnPages",
  "addressOf",
  "residentBytes",
  "setThreadNice",
  "threadNice",
  "threadCpuUs",
  "threadUsage",
  "Cipher",
  "LogThreads",
  "Reactor",
];
const LOG_THREADS_CALLS: readonly (keyof NativeLogThreads)[] = [
  "write",
  "writeNow",
  "sync",
  "poll",
  "clearError",
  "close",
];
const REACTOR_CALLS: readonly (keyof NativeReactor)[] = [
  "listenTcp",
  "listenUnix",
  "listenerPort",
  "closeListener",
  "setKeepAlive",
  "send",
  "flush",
  "close",
  "release",
  "pauseReading",
  "resumeReading",
  "peerAddress",
  "localAddress",
  "descriptor",
  "listenerOf",
  "attachLog",
  "wake",
  "wakeAfter",
  "acceptError",
  "stop",
];

/** native/module.cc has the same. */
const INTERFACE_VERSION = 2;

let looked = false;
let addon: NativeAddon | undefined;
let missingReason = "";

function load(): NativeAddon {
  const wanted = process.env["EMBERLOG_NATIVE"];
  if (wanted === "0") throw new Error("EMBERLOG_NATIVE=0");
  const require = createRequire(import.meta.url);
  if (wanted !== undefined && path.isAbsolute(wanted)) return require(wanted) as NativeAddon;
  if (process.platform !== "linux") throw new Error(`the addon exists for Linux only, not for ${process.platform}`);
  // The package names itself in its exports, which holds in src/ and in dist/ alike.
  const root = path.dirname(require.resolve("emberlog/package.json"));
  const find = require("node-gyp-build") as (directory: string) => NativeAddon;
  try {
    return find(path.join(root, "native"));
  } catch {
    return find(root);
  }
}

/** Throws where the binary lacks what these sources call. */
function refuseStale(found: NativeAddon): void {
  const lacking = (owner: object, names: readonly string[]): string[] =>
    names.filter((name) => typeof (owner as Record<string, unknown>)[name] !== "function");
  const missing = lacking(found, CALLS);
  if (missing.length === 0) {
    missing.push(...lacking(found.LogThreads.prototype as object, LOG_THREADS_CALLS));
    missing.push(...lacking(found.Reactor.prototype as object, REACTOR_CALLS));
  }
  const fits = found.interfaceVersion === INTERFACE_VERSION;
  if (missing.length === 0 && fits) return;
  const lacks =
    missing.length > 0
      ? `the native build is older than these sources and lacks ${missing.join(", ")}`
      : `the native build has interface ${found.interfaceVersion ?? 1}, these sources want ${INTERFACE_VERSION}`;
  throw new EmberlogError("NATIVE_UNAVAILABLE", `${lacks}: run npm run build:native, or set EMBERLOG_NATIVE=0`);
}

/** The addon, undefined where there is none. Throws NATIVE_UNAVAILABLE where it is older than these sources. */
export function nativeAddon(): NativeAddon | undefined {
  if (looked) return addon;
  looked = true;
  try {
    addon = load();
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    missingReason = /No native build was found/.test(text) ? "no binary was built or fits this machine" : text;
  }
  if (addon !== undefined) {
    refuseStale(addon);
    copyLongRunsBy(addon.moveBytes);
  }
  return addon;
}

/** Why there is no addon; "" where there is one. */
export function nativeMissingReason(): string {
  nativeAddon();
  return missingReason.split("\n")[0]!;
}
