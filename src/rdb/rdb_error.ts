/** What is wrong with bytes that claim to be RDB. */

/**
 * - damaged: not what the format allows, or cut off
 * - empty: a collection without elements, which Redis's own loader leaves out of a file and refuses in a payload
 * - unsupported: sound as far as one can tell, but of a kind that this version doesn't know
 */
export type RdbProblem = "damaged" | "empty" | "unsupported";

export class RdbError extends Error {
  readonly problem: RdbProblem;
  /** Where, bytes from the beginning of the file or payload. */
  readonly offset: number;

  constructor(problem: RdbProblem, message: string, offset: number) {
    super(message);
    this.name = "RdbError";
    this.problem = problem;
    this.offset = offset;
  }
}
