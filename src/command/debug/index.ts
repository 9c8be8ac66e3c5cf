/** DEBUG, for whoever can say who may use it. */
export { debugCommand } from "./debug.ts";
