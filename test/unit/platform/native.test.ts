/** A binary that lacks what the sources call is named as what it is, before anything calls it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";

test("a stale native build is refused with the command that renews it", () => {
  const directory = mkdtempSync(path.join(tmpdir(), "emberlog-native-"));
  try {
    const binary = path.join(directory, "stale.cjs");
    writeFileSync(binary, "module.exports = { crc32c() {}, crc64() {} };");
    const script = `import(${JSON.stringify(path.resolve("src/platform/native.ts"))})
      .then(({ nativeAddon }) => nativeAddon())
      .catch((error) => console.log(error.code, error.message));`;
    const output = execFileSync(process.execPath, ["--import", "tsx", "-e", script], {
      env: { ...process.env, EMBERLOG_NATIVE: binary },
      encoding: "utf8",
    });
    expect(output).toMatch(
      /^NATIVE_UNAVAILABLE the native build is older .* lacks .*populateAhead.*npm run build:native/,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});
