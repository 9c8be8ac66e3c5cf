/** The decision table, enumerated: every combination has one answer, and the two principles hold in all of them. */
import { describe, expect, test } from "vitest";
import {
  casesFor,
  DIRECTORY_STATES,
  IMAGES_STATES,
  MANIFEST_STATES,
  RECOVERY_CASES,
  SEGMENTS_STATES,
} from "../../src/engine/recovery_cases.ts";

test("exactly one row answers for every combination", () => {
  for (const directory of DIRECTORY_STATES) {
    for (const manifest of MANIFEST_STATES) {
      for (const segments of SEGMENTS_STATES) {
        for (const images of IMAGES_STATES) {
          const rows = casesFor(directory, manifest, segments, images);
          expect(rows.length, `${directory}, manifest ${manifest}, segments ${segments}, images ${images}`).toBe(1);
        }
      }
    }
  }
});

test("every row answers for something", () => {
  for (const row of RECOVERY_CASES) {
    expect(row.directory.length * row.manifest.length * row.segments.length * row.images.length).toBeGreaterThan(0);
    expect(casesFor(row.directory[0]!, row.manifest[0]!, row.segments[0]!, row.images[0]!)).toEqual([row]);
  }
});

describe("the principles hold in every combination", () => {
  const all = DIRECTORY_STATES.flatMap((directory) =>
    MANIFEST_STATES.flatMap((manifest) =>
      SEGMENTS_STATES.flatMap((segments) =>
        IMAGES_STATES.map((images) => ({
          directory,
          manifest,
          segments,
          images,
          decision: casesFor(directory, manifest, segments, images)[0]!.decision,
        })),
      ),
    ),
  );

  test("never serve rot", () => {
    for (const row of all.filter(({ directory }) => directory === "ours")) {
      if (row.manifest === "filling") continue;
      const rotten = row.manifest === "rotten" || row.manifest === "torn" || row.segments === "rotten";
      if (rotten || (row.manifest === "sound" && row.images === "rotten")) expect(row.decision).toMatch(/^refuse/);
    }
  });

  test("never start empty when data was expected", () => {
    for (const row of all.filter(({ decision }) => decision === "create")) {
      if (row.directory !== "ours") continue;
      expect(row).toMatchObject({ manifest: "missing", segments: "blank" });
    }
  });

  test("only what is whole up to its end is opened", () => {
    for (const row of all.filter(({ decision }) => decision === "open" || decision === "cut")) {
      expect(row.manifest).toBe("sound");
      expect(["blank", "sound", "torn"]).toContain(row.segments);
      expect(["none", "sound", "fallback"]).toContain(row.images);
    }
  });
});
