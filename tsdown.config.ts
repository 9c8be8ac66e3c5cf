import { defineConfig } from "tsdown";

export default defineConfig({
  entry: {
    main: "src/main.ts",
    index: "src/index.ts",
    image_worker: "src/snapshot/image_worker.ts",
    shipping_worker: "src/backup/shipping_worker.ts",
    drill_worker: "src/server/drill_worker.ts",
  },
  format: "esm",
  platform: "node",
  target: "node20",
  dts: true,
  clean: true,
  sourcemap: false,
});
