/** What a set is to code that knows no types. */
import type { ValueOperations } from "../value_operations.ts";

function missing(): never {
  throw new Error("the type doesn't exist yet");
}

export const setOperations: ValueOperations = {
  count: missing,
  forEach: missing,
  releaseStep: missing,
  copyBig: missing,
  bigBytes: missing,
};
