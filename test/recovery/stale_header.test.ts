/** D5: a segment that was just being begun may hold what stood on its place before: another segment, header and frames. Nothing of it counts, and it is no rot. */
import { expect, test } from "vitest";
import { segmentName } from "../../src/disk/file_names.ts";
import { DIRECTORY, ImageWorld } from "./image_world.ts";

test("D5: the header of another segment in one that no manifest lists yet is cut, and its commands are not executed", () => {
  const first = new ImageWorld(undefined, 41);
  for (let i = 0; i < 3; i++) first.run("INCR", "n");
  first.settle();
  const { listed, writer } = first.storage;
  const { sequence } = writer;
  const disk = first.crash("power");
  const [segment] = listed.segments;
  const old = disk.contents(`${DIRECTORY}/${segment!.name}`).slice();
  const next = segmentName(sequence + 1, listed.epoch);
  const fd = disk.open(`${DIRECTORY}/${next}`, "create");
  disk.pwrite(fd, old, 0, old.length, 0);
  disk.close(fd);
  const second = new ImageWorld(disk, 42);
  expect(second.storage.report).toMatchObject({ decision: "cut", lastSequence: sequence });
  expect(second.run("GET", "n")).toBe("$1\r\n3\r\n");
  const [kept] = second.storage.report.setAside;
  expect(Buffer.compare(disk.contents(`${DIRECTORY}/${kept!.copy}`), old)).toBe(0);
});
