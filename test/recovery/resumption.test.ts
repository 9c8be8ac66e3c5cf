/** D9 under `everysec`: an image of memory and a new segment take the place of a log whose sync has failed, or nothing changes. */
import { describe, expect, test } from "vitest";
import { EIO, ENOSPC } from "../../src/disk/errno.ts";
import { readManifest } from "../../src/manifest/store.ts";
import { referenceCrc32c } from "../unit/log/support.ts";
import { DIRECTORY, ImageWorld } from "./image_world.ts";

const REFUSED = /^-MISCONF Errors writing to the AOF file: /;
const KEYS = 60;

async function pass(world: ImageWorld, rounds = 40): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    world.settle();
    await Promise.resolve();
  }
}

/** A world whose sync has failed with what was acknowledged gone from the page cache, and that the disk lets do nothing more. */
async function failed(seed: number): Promise<{ world: ImageWorld; digest: string; release: () => void }> {
  const world = new ImageWorld(undefined, seed, { policy: "everysec" });
  for (let i = 0; i < KEYS; i++) world.run("SET", `early:${i}`, i);
  world.settle();
  await world.save();
  for (let i = 0; i < KEYS; i++) world.run("RPUSH", `late:${i % 20}`, i);
  world.disk.failedSyncLoses = () => true;
  let broken = true;
  world.disk.onOperation = (name) => (broken && (name === "fdatasync" || name === "create") ? EIO : 0);
  await pass(world, 5);
  expect(world.storage.writer.failed?.kind).toBe("sync");
  expect(world.run("SET", "refused", 1)).toMatch(REFUSED);
  const release = (): void => {
    broken = false;
    world.disk.failedSyncLoses = () => false;
  };
  return { world, digest: world.digest(), release };
}

function listed(world: ImageWorld) {
  const read = readManifest(world.disk, DIRECTORY, referenceCrc32c);
  if (read.kind !== "sound") throw new Error("no manifest");
  return read.manifest;
}

test("writes are refused, reads go on, and then all that was acknowledged is durable and writes go on", async () => {
  const { world, digest, release } = await failed(1);
  const before = listed(world);
  expect(world.storage.health.trouble).toMatchObject({ state: "sync-failed", refusesWrites: true });
  expect(world.storage.health.trouble?.remedy).toMatch(/don't stop the server.*without a restart$/);
  expect(world.run("LLEN", "late:3")).toBe(":3\r\n");
  expect(world.storage.resumption.attempts).toBeGreaterThan(0);
  expect(world.storage.resumption.failure).toContain("Input/output error");
  release();
  await pass(world, 100);
  expect(world.storage.resumption).toMatchObject({ resumed: 1, failure: "" });
  expect(world.storage.health.state).toBe("ok");
  const after = listed(world);
  expect(after.images.map(({ name }) => name)).toEqual([world.storage.resumption.lastImage]);
  expect(after.segments.length).toBe(1);
  expect(after.segments[0]!.firstSequence).toBe(after.images[0]!.sequence + 1);
  expect(after.epoch).not.toEqual(before.epoch);
  // Nothing of the log in doubt is left, neither listed nor as a file.
  const files = world.disk.list(DIRECTORY).filter((name) => /\.(seg|img)$/.test(name));
  expect(files.sort()).toEqual([after.images[0]!.name, after.segments[0]!.name].sort());
  expect(world.digest()).toBe(digest);
  expect(world.run("SET", "again", 1)).toBe("+OK\r\n");
  await pass(world, 10);
  expect(world.storage.writer.durableSequence).toBe(world.storage.writer.sequence);
  const end = world.digest();
  // A delta stands on that image as on any other.
  expect((await world.save()).image.place).toBe(1);
  expect(new ImageWorld(world.crash("power"), 2, { policy: "everysec" }).digest()).toBe(end);
});

test("a power cut brings back the segment whose header could not be stored: it is removed again", async () => {
  const { world, digest, release } = await failed(5);
  const before = listed(world).segments.at(-1)!;
  release();
  await pass(world, 100);
  expect(world.storage.resumption.resumed).toBe(1);
  // Or the one that would have been next: it has the number with which the log has begun anew.
  const { firstSequence } = listed(world).segments[0]!;
  const next = before.name.replace(/(?<=^log-)[0-9a-f]{16}/, firstSequence.toString(16).padStart(16, "0"));
  const disk = world.crash("power");
  for (const name of [before.name, next]) disk.put(`${DIRECTORY}/${name}`, new Uint8Array(9000));
  const again = new ImageWorld(disk, 6);
  expect(again.storage.report).toMatchObject({ decision: "open", images: 1 });
  expect(again.digest()).toBe(digest);
  for (const name of [before.name, next]) expect(disk.status(`${DIRECTORY}/${name}`)).toBeUndefined();
});

test("a power cut while writes are refused takes no more than it would have taken before", async () => {
  const { world } = await failed(3);
  world.disk.onOperation = null;
  const again = new ImageWorld(world.crash("power"), 4, { policy: "everysec" });
  expect(again.run("DBSIZE")).toBe(`:${KEYS}\r\n`);
});

test("an orderly end tries at once what memory alone knows, and then ends as ever", async () => {
  const { world, digest, release } = await failed(7);
  release();
  const attempts = world.storage.resumption.attempts;
  let over = false;
  void world.storage.rescue().then(() => {
    over = true;
  });
  // No time passes: the pause before the next attempt is not waited for.
  for (let i = 0; i < 500 && !over; i++) {
    world.steps.all();
    await Promise.resolve();
  }
  expect(over).toBe(true);
  expect(world.storage.resumption).toMatchObject({ attempts: attempts + 1, resumed: 1 });
  expect(new ImageWorld(world.crash("power"), 8, { policy: "everysec" }).digest()).toBe(digest);
});

test("a second failure is got over like the first", async () => {
  const { world, release } = await failed(5);
  release();
  await pass(world, 100);
  world.run("SET", "between", 1);
  let broken = true;
  world.disk.failedSyncLoses = () => broken;
  world.disk.onOperation = (name) => (broken && name === "fdatasync" ? EIO : 0);
  await pass(world, 3);
  broken = false;
  await pass(world, 100);
  expect(world.storage.resumption.resumed).toBe(2);
  world.run("SET", "after", 1);
  await pass(world, 10);
  const end = world.digest();
  expect(new ImageWorld(world.crash("power"), 6, { policy: "everysec" }).digest()).toBe(end);
});

describe("a crash or an error at any operation of the attempt", () => {
  /** Lets the n-th operation after the fault is over fail, or ends the process there. */
  async function attempt(n: number, seed: number, errno: number, crash: boolean): Promise<boolean> {
    const { world, digest, release } = await failed(seed);
    release();
    // The pause after the last attempt is over first.
    let count = 0;
    let over = false;
    world.disk.onOperation = () => {
      count++;
      if (count < n) return 0;
      if (count > n && !crash) return 0;
      over = true;
      return crash ? EIO : errno;
    };
    for (let i = 0; i < 400 && (crash ? !over : world.storage.resumption.resumed === 0); i++) await pass(world, 1);
    if (!over) return false;
    if (crash) {
      world.disk.onOperation = null;
      const kind = (["power", "names", "killed"] as const)[n % 3]!;
      const again = new ImageWorld(world.crash(kind), seed + 1, { policy: "everysec" });
      // Either the log as it was before, or the image.
      expect(again.digest() === digest || again.run("DBSIZE") === `:${KEYS}\r\n`).toBe(true);
      if (n % 5 > 0) return true;
      const digestOnce = again.digest();
      expect(new ImageWorld(again.crash("power"), seed + 2, { policy: "everysec" }).digest()).toBe(digestOnce);
      return true;
    }
    expect(world.storage.resumption.resumed).toBe(1);
    expect(world.run("SET", "after", 1)).toBe("+OK\r\n");
    world.disk.onOperation = null;
    await pass(world, 20);
    const end = world.digest();
    expect(new ImageWorld(world.crash("power"), seed + 1, { policy: "everysec" }).digest()).toBe(end);
    return true;
  }

  test("a failed operation: it is tried again", async () => {
    let n = 1;
    while (await attempt(n, 100 + n, n % 3 === 0 ? ENOSPC : EIO, false)) n += 2;
    expect(n).toBeGreaterThan(15);
  });

  test("the end of the process: a start finds the log as it was, or the image", async () => {
    let n = 1;
    while (await attempt(n, 300 + n, EIO, true)) n++;
    expect(n).toBeGreaterThan(15);
  });
});
