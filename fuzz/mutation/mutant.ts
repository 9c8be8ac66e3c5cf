/** What a mutant is: a text of the sources, which stands there exactly once, and what takes its place. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  /** The rule of the durability document that it breaks. */
  readonly rule: string;
  readonly edits: readonly Edit[];
  /** A seed that is tried first, where few of them come to the situation. */
  readonly seed?: number;
}

export function mutant(rule: string, name: string, file: string, find: string, replace: string, seed?: number): Mutant {
  return { rule, name, edits: [{ file: `src/${file}`, find, replace }], ...(seed === undefined ? {} : { seed }) };
}
