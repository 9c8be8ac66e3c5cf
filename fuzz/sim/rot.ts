/**
 * Decay: what is stored, or what is read, is not what was written. The start that follows must refuse, or serve everything,
 * or cut and report a tail that nothing proves to have been durable (D8); never anything else.
 *
 * What proves it is found here by reading the undamaged frames as the format says, without the reader under test.
 *
 * An image is never all that there is: the log is kept back to the full image before the newest. So as long as what the manifest lists
 * leaves another way to begin, a start takes that, and serves everything (D16). It never begins with a damaged one, not even where the damage
 * makes no difference to what is loaded: every byte is covered.
 */
import { EmberlogError } from "../../src/base/errors.ts";
import { getU32, getU64 } from "../../src/base/little_endian.ts";
import { type Random, uniform } from "../../src/base/random.ts";
import type { MemoryDisk } from "../../src/disk/memory_disk.ts";
import type { RecoveryReport } from "../../src/engine/recovery.ts";
import { type Crc32c, FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "../../src/log/format.ts";
import { BLOCK_HEADER_BYTES, IMAGE_HEADER_BYTES } from "../../src/snapshot/format.ts";
import type { Counts } from "./counts.ts";
import { SIM_DIRECTORY } from "./directory.ts";
import type { SimServer } from "./server.ts";

export interface Decay {
  readonly what: string;
  /** Why the start was refused; "": it was not. */
  readonly refused: string;
  readonly server: SimServer | undefined;
  /** It was cut inside of the window, so acknowledged writes may be gone, and that is said. */
  readonly mayLose: boolean;
  readonly wrong: string;
  /** The next start reads what is really there. */
  readonly passes: boolean;
}

interface Damage {
  readonly what: string;
  readonly file: string;
  /** Bytes that are not what they were. */
  readonly start: number;
  readonly end: number;
  readonly passes: boolean;
}

const PAGE_BYTES = 4096;
const LOST_FILE = "a lost file";
const REFUSALS = new Set(["DATA_ROTTEN", "DATA_MISSING", "VERSION_UNKNOWN"]);

export function decay(disk: MemoryDisk, random: Random, crc32c: Crc32c, open: () => SimServer, counts: Counts): Decay {
  const names = disk.list(SIM_DIRECTORY).filter((name) => /\.(?:seg|img)$/.test(name) || name === "MANIFEST");
  const imageNames = names.filter((name) => name.endsWith(".img"));
  const chosen = imageNames.length > 0 && uniform(random, 2) === 0 ? imageNames : names;
  const file = `${SIM_DIRECTORY}/${chosen[uniform(random, chosen.length)]}`;
  const before = disk.contents(file).slice();
  const listed = isListed(disk, file);
  const another = anotherBeginning(disk, file);
  const images = file.endsWith(".img") ? listedImages(disk) : [];
  const damage = uniform(random, 3) === 0 ? misread(disk, random, file) : damageFile(disk, random, file);
  counts.add(`rot: ${damage.what}`);
  const { passes } = damage;
  const what = `${damage.what} in ${file} at ${damage.start}`;
  let server: SimServer;
  try {
    server = open();
  } catch (thrown) {
    disk.afterRead = null;
    if (!(thrown instanceof EmberlogError) || !REFUSALS.has(thrown.code)) throw thrown;
    counts.add("rot: refused");
    const wrong = another
      ? `a start refuses although there is another image, or all of the log: ${thrown.message}`
      : "";
    return { what, refused: thrown.message, server: undefined, mayLose: false, wrong, passes };
  }
  disk.afterRead = null;
  const { decision, lastSequence, badImages } = server.storage.report;
  const passedOver = badImages.length > 0 ? "rot: an image passed over and reported" : "rot: harmless";
  counts.add(decision === "cut" ? "rot: cut and reported" : passedOver);
  // A log that the process has left torn is cut whatever happens to the manifest, and nothing may be lost by that.
  const cut = decision === "cut" && file.endsWith(".seg");
  // Of a segment that no manifest lists yet nobody knows that it should be there: under `always` nothing in it was acknowledged.
  const mayLose = cut || (damage.what === LOST_FILE && !listed);
  const used =
    !passes && begunWith(images, server.storage.report, file) && Buffer.compare(before, disk.contents(file)) !== 0;
  const wrong = used ? "a start begins with it" : cut ? proofOf(before, damage, lastSequence + 1, crc32c) : "";
  return { what, refused: "", server, mayLose, wrong, passes };
}

/** Can a start do without `file`, an image, by what the manifest lists? The log from its origin on, or another chain from whose end it goes on. */
function anotherBeginning(disk: MemoryDisk, file: string): boolean {
  if (!file.endsWith(".img")) return false;
  // segment NAME epoch E first N …
  const first = Number(linesOf(disk, "segment")[0]![5]);
  if (first === Number(linesOf(disk, "origin")[0]![1]) + 1) return true;
  const sound = new Set<string>();
  let beginning = false;
  for (const { name, last, chain, parent } of listedImages(disk)) {
    if (file.endsWith(`/${name}`) || (parent !== undefined && !sound.has(parent))) continue;
    sound.add(chain);
    if (last >= first - 1) beginning = true;
  }
  return beginning;
}

interface ListedImage {
  readonly name: string;
  readonly last: number;
  readonly chain: string;
  /** Of a delta: the chain of what it stands on. */
  readonly parent: string | undefined;
}

function listedImages(disk: MemoryDisk): ListedImage[] {
  // image NAME epoch E last N bytes B chain C full | delta P on C
  return linesOf(disk, "image").map(([, name, , , , last, , , , chain, , , , parent]) => ({
    name: name!,
    last: Number(last),
    chain: chain!,
    parent,
  }));
}

/** The lines of the manifest that begin with this word, in words. */
function linesOf(disk: MemoryDisk, kind: string): string[][] {
  const lines = Buffer.from(disk.contents(`${SIM_DIRECTORY}/MANIFEST`))
    .toString("latin1")
    .split("\n");
  return lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.split(" "));
}

/** Has a start begun with `file`, whichever of the images after the same command it has taken? */
function begunWith(images: readonly ListedImage[], report: RecoveryReport, file: string): boolean {
  if (report.images === 0 || report.badImages.some(({ name }) => file.endsWith(`/${name}`))) return false;
  const chains = images.filter(({ last }) => last === report.imageSequence).map((image) => chainOf(images, image));
  return chains.length > 0 && chains.every((chain) => chain.some(({ name }) => file.endsWith(`/${name}`)));
}

function chainOf(images: readonly ListedImage[], last: ListedImage): ListedImage[] {
  const chain: ListedImage[] = [];
  for (let image: ListedImage | undefined = last; image !== undefined; ) {
    chain.push(image);
    const { parent }: ListedImage = image;
    image = parent === undefined ? undefined : images.find((each) => each.chain === parent);
  }
  return chain;
}

/** A frame, outside of what is damaged and behind it, that knew `sequence` to be durable. */
function proofOf(bytes: Uint8Array, damage: Damage, sequence: number, crc32c: Crc32c): string {
  const seed = crc32c(bytes, 72, 32, 0);
  for (let at = SEGMENT_HEADER_BYTES; at + FRAME_HEADER_BYTES <= bytes.length; ) {
    if ((getU32(bytes, at + 60) ^ crc32c(bytes, at, 60, seed)) !== 0) return "";
    const known = getU64(bytes, at + 32);
    const intact = at >= damage.end || at + FRAME_HEADER_BYTES <= damage.start;
    if (intact && at > damage.start && known >= sequence) {
      return `it was cut before command ${sequence}, which the frame at ${at} knew to be durable`;
    }
    at += FRAME_HEADER_BYTES + getU32(bytes, at + 4);
  }
  return "";
}

/** Damage that stays. */
function damageFile(disk: MemoryDisk, random: Random, file: string): Damage {
  const { length } = disk.contents(file);
  const sector = Math.floor(uniform(random, length) / 512) * 512;
  const end = Math.min(length, sector + 512);
  const passes = false;
  switch (uniform(random, 8)) {
    case 4:
    case 5: {
      const at = frameEnd(disk.contents(file), random);
      if (isOpenSegment(disk, file) || at === length) return flipBit(disk, random, file);
      disk.shorten(file, at);
      return { what: "a file cut short", file, start: at, end: length, passes };
    }
    case 0: {
      disk.damage(file, (bytes) => bytes.fill(0, sector, end));
      return { what: "a zeroed sector", file, start: sector, end, passes };
    }
    case 1: {
      const garbage = random.bytes(512);
      disk.damage(file, (bytes) => {
        if (sector < bytes.length) bytes.set(garbage.subarray(0, Math.min(512, bytes.length - sector)), sector);
      });
      return { what: "a sector of random bytes", file, start: sector, end, passes };
    }
    case 2: {
      const from = Math.floor(uniform(random, length) / 512) * 512;
      // Over all frames of an open segment, where it has few: behind it nothing is left that would tell.
      if (from % 1024 === 0 && length > SEGMENT_HEADER_BYTES && isOpenSegment(disk, file)) {
        const start = SEGMENT_HEADER_BYTES;
        const count = Math.min(PAGE_BYTES, length - from, length - start);
        disk.damage(file, (bytes) => bytes.copyWithin(start, from, from + count));
        return { what: "a misdirected page", file, start, end: start + count, passes };
      }
      disk.damage(file, (bytes) => bytes.copyWithin(sector, from, Math.min(from + 512, bytes.length)));
      return { what: "a misdirected write", file, start: sector, end, passes };
    }
    case 3: {
      disk.unlink(file);
      disk.syncDirectory(SIM_DIRECTORY);
      return { what: LOST_FILE, file, start: 0, end: length, passes };
    }
    default:
      return flipBit(disk, random, file);
  }
}

function flipBit(disk: MemoryDisk, random: Random, file: string): Damage {
  const { length } = disk.contents(file);
  // Of an image often a header of a block: most of its bits make no difference to what is loaded.
  const headers = file.endsWith(".img") ? blockHeaders(disk.contents(file)) : [];
  const inHeader = headers.length > 0 && uniform(random, 2) === 0;
  const at = inHeader
    ? headers[uniform(random, headers.length)]! + uniform(random, BLOCK_HEADER_BYTES)
    : uniform(random, length);
  const bit = 1 << uniform(random, 8);
  disk.damage(file, (bytes) => {
    if (at < bytes.length) bytes[at] = bytes[at]! ^ bit;
  });
  return { what: "a flipped bit", file, start: at, end: at + 1, passes: false };
}

/** Where the headers of an undamaged image's blocks begin. */
function blockHeaders(bytes: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = IMAGE_HEADER_BYTES; at + BLOCK_HEADER_BYTES < bytes.length; ) {
    found.push(at);
    at += BLOCK_HEADER_BYTES + getU32(bytes, at + 4);
  }
  return found;
}

/** Nothing says how long an open segment is: one that ends earlier, with a whole unit, is not told from one that was written so far. */
function isOpenSegment(disk: MemoryDisk, file: string): boolean {
  const manifest = Buffer.from(disk.contents(`${SIM_DIRECTORY}/MANIFEST`)).toString("latin1");
  const line = manifest.split("\n").find((each) => each.includes(file.slice(SIM_DIRECTORY.length + 1)));
  return file.endsWith(".seg") && line?.includes(" sealed ") !== true;
}

function isListed(disk: MemoryDisk, file: string): boolean {
  const manifest = Buffer.from(disk.contents(`${SIM_DIRECTORY}/MANIFEST`)).toString("latin1");
  return file.endsWith("MANIFEST") || manifest.includes(` ${file.slice(SIM_DIRECTORY.length + 1)} `);
}

/** Where a frame of a segment ends, or anywhere in another file. */
function frameEnd(bytes: Uint8Array, random: Random): number {
  const ends = [0];
  for (let at = SEGMENT_HEADER_BYTES; at <= bytes.length; ) {
    ends.push(at);
    if (at + FRAME_HEADER_BYTES > bytes.length) break;
    at += FRAME_HEADER_BYTES + getU32(bytes, at + 4);
  }
  return ends.length === 1 ? uniform(random, bytes.length) : ends[uniform(random, ends.length)]!;
}

/** One read that gives other bytes than are there. */
function misread(disk: MemoryDisk, random: Random, file: string): Damage {
  let countdown = 1 + uniform(random, 6);
  const kind = uniform(random, 3);
  const dice = random.int32() >>> 0;
  let range = { start: 0, end: 0 };
  disk.afterRead = (path, target, start, count, position) => {
    if (path !== file || --countdown !== 0) return;
    range = { start: position, end: position };
    if (kind === 0) {
      const at = start + (dice % count);
      target[at] = target[at]! ^ (1 << (dice & 7));
    } else if (kind === 1) target.fill(0, start, start + count);
    else target.copyWithin(start, start + Math.floor(count / 2), start + count);
  };
  const what = ["a bit flipped while reading", "a stale read: what was there before, zeros", "a misdirected read"][
    kind
  ]!;
  return {
    what,
    file,
    get start() {
      return range.start;
    },
    get end() {
      return range.end;
    },
    passes: true,
  };
}
