/** A data directory that lives as long as the tests of a file, for servers that are started more than once. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Makes one, and has it removed when the tests of this describe or file are over. */
export function temporaryDirectory(label: string): string {
  const path = mkdtempSync(join(tmpdir(), `emberlog-test-${label}-`));
  afterAll(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}
