import { defineConfig } from "tsdown";

export default defineConfig({
  entry: ["src/main.ts", "src/index.ts"],
  format: "esm",
  platform: "node",
  target: "node20",
  dts: true,
  clean: true,
  sourcemap: false,
});
