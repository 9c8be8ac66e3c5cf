/** What a list is to code that knows no types. */
import type { ValueOperations } from "../value_operations.ts";

function missing(): never {
  throw new Error("the type doesn't exist yet");
}

export const listOperations: ValueOperations = {
  count: missing,
  forEach: missing,
  releaseStep: missing,
  copyBig: missing,
  bigBytes: missing,
};
