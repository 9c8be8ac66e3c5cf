/** Finds a small set of steps that still fails: halves, quarters, … are left out as long as what is left fails. */
export async function shrink(
  steps: readonly number[],
  fails: (steps: readonly number[]) => Promise<boolean>,
  attemptsMax: number,
): Promise<number[]> {
  let left = [...steps];
  let attempts = 0;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = left.length - size; at > -size; at -= size) {
      if (attempts++ > attemptsMax) return left;
      const from = Math.max(0, at);
      const without = [...left.slice(0, from), ...left.slice(at + size)];
      if (without.length < left.length && (await fails(without))) left = without;
    }
  }
  return left;
}
