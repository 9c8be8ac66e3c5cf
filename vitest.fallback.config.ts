import { defineConfig } from "vitest/config";

/** What behaves differently without the addon, run by `npm test` with EMBERLOG_NATIVE=0; .ci/run runs everything so. */
export default defineConfig({
  test: {
    include: ["test/unit/{platform,disk,log,engine,server}/**/*.test.ts", "test/process/**/*.smoke.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
