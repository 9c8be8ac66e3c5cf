import { defineConfig } from "vitest/config";

/** Everything that `npm test` runs on the addon; `*.long.ts` belongs to vitest.long.config.ts. */
export default defineConfig({
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000, pool: "forks", maxWorkers: 2 },
});
