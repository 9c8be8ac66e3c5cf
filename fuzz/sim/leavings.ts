/**
 * What a start must leave on the disk besides the data: a copy of all that it cut, for good; a new epoch when it cut (D17); the files that
 * the manifest lists and no others (D3); and the directory taken, so that a second server is refused (D15).
 */
import { EmberlogError } from "../../src/base/errors.ts";
import type { MemoryDisk } from "../../src/disk/memory_disk.ts";
import type { RecoveryReport } from "../../src/engine/recovery.ts";
import { FLAG_MARK, FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "../../src/log/format.ts";
import { isUnusedSpace } from "../unused_space.ts";
import { SIM_DIRECTORY } from "./directory.ts";

const QUARANTINE = `${SIM_DIRECTORY}/quarantine`;

export class Leavings {
  /** Copies by path, and their bytes. */
  private readonly copies = new Map<string, string>();
  private epoch = "";

  /** Segments that no manifest has sealed, before a start: what it takes from them must be in the quarantine afterwards. */
  private open = new Map<string, string>();

  before(disk: MemoryDisk): void {
    this.open = new Map();
    const manifest = `${SIM_DIRECTORY}/MANIFEST`;
    if (disk.status(manifest) === undefined) return;
    const listed = text(disk, manifest).split("\n");
    const number = (pattern: RegExp): number =>
      Number(listed.map((line) => pattern.exec(line)?.[1]).find(Boolean) ?? 0);
    const first = number(/^segment .* first (\d+) /);
    const epoch = /^epoch (.{8})/m.exec(text(disk, manifest))?.[1];
    const shortened = first > number(/^origin (\d+)$/) + 1;
    for (const name of disk.list(SIM_DIRECTORY)) {
      if (!name.endsWith(".seg") || listed.some((line) => line.includes(`${name} `) && line.includes(" sealed ")))
        continue;
      // What an image has made unnecessary has gone for good, and a power cut has brought its name back. The last one of an epoch that failed
      // may have the number with which the log began anew.
      const number = Number.parseInt(name.slice(4, 20), 16);
      if (shortened && (number < first || (number === first && !name.includes(`-${epoch}.`)))) continue;
      this.open.set(name, text(disk, `${SIM_DIRECTORY}/${name}`));
    }
  }

  /** The segment of which a start has taken bytes and kept no copy; "" when there is none. */
  private taken(disk: MemoryDisk): string {
    const copies =
      disk.status(QUARANTINE) === undefined
        ? []
        : disk.list(QUARANTINE).map((name) => text(disk, `${QUARANTINE}/${name}`));
    for (const [name, bytes] of this.open) {
      const path = `${SIM_DIRECTORY}/${name}`;
      const kept = disk.status(path)?.size ?? 0;
      const rest = withoutMarks(bytes.slice(Math.max(kept, SEGMENT_HEADER_BYTES)));
      if (
        isUnusedSpace(Buffer.from(bytes, "latin1"), bytes.length - rest.length) ||
        copies.some((copy) => copy.includes(rest))
      )
        continue;
      return `a start has taken ${rest.length} bytes of ${name} and kept no copy`;
    }
    return "";
  }

  /**
   * What is wrong with what the last start and those before it have left; "" when nothing is. `fallback`: no image may be the only beginning.
   */
  check(disk: MemoryDisk, report: RecoveryReport, fallback: boolean): string {
    const { decision, epoch, newEpoch, setAside } = report;
    const mustChange = decision !== "open";
    // A start that died on the way may have cut, and changed the epoch, before this one found everything whole.
    if (newEpoch !== mustChange || (mustChange && epoch === this.epoch)) {
      return `a start that decided to ${decision} went on in ${epoch === this.epoch ? "the same" : "another"} epoch`;
    }
    this.epoch = epoch;
    if (decision === "cut" && setAside.length === 0) return "a start has cut and kept no copy";
    const taken = this.taken(disk) || unlisted(disk) || (fallback ? onlyBeginning(disk) : "");
    if (taken !== "") return taken;
    for (const { copy, bytes } of setAside) {
      const path = `${SIM_DIRECTORY}/${copy}`;
      if (disk.status(path)?.size !== bytes) return `the copy ${copy} of what was cut does not have its ${bytes} bytes`;
      this.copies.set(path, text(disk, path));
    }
    for (const [path, before] of this.copies) {
      if (disk.status(path) === undefined) return `the copy ${path} of what was cut is gone`;
      if (text(disk, path) !== before) return `the copy ${path} of what was cut has changed`;
    }
    return "";
  }

  /** A second server on the same directory; `open` throws what its start throws. */
  secondServer(open: () => void): string {
    try {
      open();
    } catch (thrown) {
      if (thrown instanceof EmberlogError && thrown.code === "DIRECTORY_LOCKED") return "";
      throw thrown;
    }
    return "a second server was let into the directory";
  }
}

/** A file of images or of the log that the manifest does not list, or half of one: a start removes these (D3). */
function unlisted(disk: MemoryDisk): string {
  const lines = text(disk, `${SIM_DIRECTORY}/MANIFEST`).split("\n");
  const listed = new Set(lines.map((line) => /^(?:image|segment) (\S+) /.exec(line)?.[1]));
  for (const name of disk.list(SIM_DIRECTORY)) {
    if (/\.(?:tmp|img|seg)$/.test(name) && !listed.has(name)) return `a start has left ${name}, which nothing lists`;
  }
  for (const name of listed) {
    if (name !== undefined && disk.status(`${SIM_DIRECTORY}/${name}`) === undefined)
      return `the manifest lists ${name}, which is not there`;
  }
  return "";
}

/** D16: the one full image without which a start has nothing to begin with; "" where it could do without any of them. */
function onlyBeginning(disk: MemoryDisk): string {
  const lines = text(disk, `${SIM_DIRECTORY}/MANIFEST`).split("\n");
  const fields = (kind: string): string[][] =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.split(" "));
  const first = Number(fields("segment")[0]![5]);
  if (first === Number(fields("origin")[0]![1]) + 1) return "";
  const reaching = fields("image").filter((image) => image[10] === "full" && Number(image[5]) >= first - 1);
  if (reaching.length > 1) return "";
  return `the log begins with ${first}, and ${reaching.length} full images reach back to it`;
}

/** Marks hold no commands: a start that seals a segment does without those at its end. */
function withoutMarks(bytes: string): string {
  let at = 0;
  while (bytes.startsWith("EFRM", at) && (bytes.charCodeAt(at + 16) & FLAG_MARK) !== 0) {
    // Encrypted, it has a tag.
    at += FRAME_HEADER_BYTES + bytes.charCodeAt(at + 4);
  }
  return bytes.slice(at);
}

function text(disk: MemoryDisk, path: string): string {
  return Buffer.from(disk.contents(path)).toString("latin1");
}
