import { defineConfig } from "vitest/config";

/** Suites that take minutes: run by .ci/run and `npm run test:long`. */
export default defineConfig({
  test: {
    include: ["test/**/*.long.ts"],
    testTimeout: 900_000,
    hookTimeout: 120_000,
    pool: "forks",
    fileParallelism: false,
  },
});
