/** Whether a figure is what it should be: the words with which every benchmark says so. */

/** One of the two. */
export interface Target {
  readonly least?: number;
  readonly most?: number;
}

/** "at most 5: met". A smoke run shows that a benchmark works; it is too short, and its data too small, to judge by. */
export function verdict(value: number, { least, most }: Target, smoke: boolean): string {
  const target = least === undefined ? `at most ${most}` : `at least ${least}`;
  if (smoke) return `${target}: not judged in a smoke run`;
  const met = (least === undefined || value >= least) && (most === undefined || value <= most);
  return `${target}: ${met ? "met" : "NOT met"}`;
}
