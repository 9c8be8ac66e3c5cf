/**
 * Faults for a real server process, switched on and off while it runs: faults.c, compiled and preloaded.
 *
 * It needs a C compiler and a C library that preloads; where they are missing `faultsPossible` says so, loudly.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("./faults.c", import.meta.url));
/** The fields of `struct faults`, by their offsets. */
const SYNC_ERRNO = 0;
const WRITE_ERRNO = 4;
const WRITE_BYTES_MAX = 8;
const SYNCS_FAILED = 12;
const WRITES_FAILED = 16;
const WRITES_CUT = 20;
const CLOCK_OFFSET_MS = 24;
const FAULTS_BYTES = 32;

export class Faults {
  /** For the server's environment. */
  readonly env: Readonly<Record<string, string>>;
  private readonly folder: string;
  private readonly fd: number;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "emberlog-faults-"));
    const library = join(this.folder, "faults.so");
    const built = spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], { encoding: "utf8" });
    if (built.error !== undefined) throw built.error;
    if (built.status !== 0) throw new Error(built.stderr);
    const file = join(this.folder, "faults");
    writeFileSync(file, new Uint8Array(FAULTS_BYTES));
    this.fd = openSync(file, "r+");
    this.env = { LD_PRELOAD: library, EMBERLOG_FAULTS: file };
  }

  /** Every sync fails with this error; undefined: none does. */
  failSyncs(code: keyof typeof constants.errno | undefined): void {
    this.set(SYNC_ERRNO, code === undefined ? 0 : constants.errno[code]);
  }

  failWrites(code: keyof typeof constants.errno | undefined): void {
    this.set(WRITE_ERRNO, code === undefined ? 0 : constants.errno[code]);
  }

  /** Writes are cut to so many bytes; 0: none is. */
  cutWrites(bytes: number): void {
    this.set(WRITE_BYTES_MAX, bytes);
  }

  /** Whole seconds count. */
  setClock(offsetMs: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(offsetMs));
    writeSync(this.fd, bytes, 0, 8, CLOCK_OFFSET_MS);
  }

  get syncsFailed(): number {
    return this.get(SYNCS_FAILED);
  }

  get writesFailed(): number {
    return this.get(WRITES_FAILED);
  }

  get writesCut(): number {
    return this.get(WRITES_CUT);
  }

  dispose(): void {
    closeSync(this.fd);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private set(offset: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    writeSync(this.fd, bytes, 0, 4, offset);
  }

  private get(offset: number): number {
    const bytes = Buffer.alloc(4);
    readSync(this.fd, bytes, 0, 4, offset);
    return bytes.readInt32LE();
  }
}

/** Can faults be injected here? Prints why not. */
export function faultsPossible(): boolean {
  let why = "";
  try {
    const faults = new Faults();
    try {
      faults.failSyncs("EIO");
      const program = 'try { require("fs").fsyncSync(1) } catch (e) { console.log(e.code) }';
      const { stdout } = spawnSync(process.execPath, ["-e", program], {
        encoding: "utf8",
        env: { ...process.env, ...faults.env },
      });
      if (stdout.trim() !== "EIO") why = "a preloaded library changes nothing here";
    } finally {
      faults.dispose();
    }
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  if (why !== "") console.warn(`SKIPPED: NO FAULTS IN A REAL PROCESS: ${why.trim()}`);
  return why === "";
}
