/**
 * Assertions that stay on in production: a bug crashes here instead of writing wrong bytes.
 * The message is a constant, so that a passing check allocates nothing.
 */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}
