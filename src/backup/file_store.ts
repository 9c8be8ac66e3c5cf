/**
 * Backups in a folder: `file:///path`. An object is a file of its name below that folder; what `object_files.ts` promises is
 * what an object needs: complete or absent, never replaced, durable when `create` returns.
 */
import path from "node:path";
import type { Random } from "../base/random.ts";
import { createFile, fileSize, folderEntries, readFile, removeFile, removeStaleFiles } from "../disk/object_files.ts";
import {
  checkObjectName,
  isObjectName,
  type ObjectBody,
  type ObjectEntry,
  type ObjectStore,
  objectMissing,
} from "./object_store.ts";

/** Holds files that are being written; no part of a name begins with a dot. */
const WRITING = ".writing";
/** A file that nobody has written to for so long was left by a process that died, ms. */
const STALE_MS = 24 * 3600 * 1000;
const UNIQUE_BYTES = 12;

export class FileStore implements ObjectStore {
  readonly place: string;
  private readonly root: string;
  private readonly random: Random;
  /** Before what time a file that is being written was left by somebody else, ms. */
  private readonly staleMs: number;
  private cleared: Promise<void> | undefined;

  private constructor(root: string, random: Random, staleMs: number) {
    this.staleMs = staleMs;
    this.root = root;
    this.place = `file://${root}`;
    this.random = random;
  }

  /** `nowMs` is the wall clock. Nothing is changed until something is stored: a folder that is named by mistake is not made by looking into it. */
  static open(root: string, random: Random, nowMs: number): FileStore {
    return new FileStore(root, random, nowMs - STALE_MS);
  }

  async create(name: string, body: ObjectBody): Promise<"created" | "exists"> {
    this.cleared ??= removeStaleFiles(path.join(this.root, WRITING), this.staleMs);
    await this.cleared.catch((thrown: unknown) => {
      this.cleared = undefined;
      throw thrown;
    });
    const unique = Buffer.from(this.random.bytes(UNIQUE_BYTES)).toString("hex");
    const created = await createFile(this.file(name), body, path.join(this.root, WRITING, unique));
    return created ? "created" : "exists";
  }

  async read(name: string, start = 0, length = Number.MAX_SAFE_INTEGER): Promise<Uint8Array> {
    const bytes = await readFile(this.file(name), start, length);
    if (bytes === undefined) throw objectMissing(this.place, name);
    return bytes;
  }

  async size(name: string): Promise<number | undefined> {
    return fileSize(this.file(name));
  }

  async *list(prefix: string, after = ""): AsyncGenerator<ObjectEntry> {
    yield* this.walk("", prefix, after);
  }

  async remove(name: string): Promise<void> {
    await removeFile(this.file(name));
  }

  close(): void {}

  private file(name: string): string {
    checkObjectName(name);
    return path.join(this.root, name);
  }

  private async *walk(folder: string, prefix: string, after: string): AsyncGenerator<ObjectEntry> {
    for (const entry of await folderEntries(path.join(this.root, folder))) {
      const name = folder + entry.name;
      if (!isObjectName(name)) continue;
      if (entry.folder) {
        const inside = `${name}/`;
        // All that is in it comes before.
        if (after > inside && !after.startsWith(inside)) continue;
        if (inside.startsWith(prefix) || prefix.startsWith(inside)) yield* this.walk(inside, prefix, after);
      } else if (name.startsWith(prefix) && name > after) {
        const size = await fileSize(path.join(this.root, name));
        if (size !== undefined) yield { name, size };
      }
    }
  }
}
