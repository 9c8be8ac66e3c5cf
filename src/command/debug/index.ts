export { debugCommand } from "./debug.ts";
export type { DebugHost } from "./host.ts";
