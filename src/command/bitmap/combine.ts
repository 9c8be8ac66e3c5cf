/** AND, OR, XOR and NOT of runs of words: the inner loops of BITOP. */

export const AND = 0;
export const OR = 1;
export const XOR = 2;
export const NOT = 3;

/** Combines `count` words of `source` into `target`. For NOT see `invert`. */
export function combine(operation: number, target: Int32Array, source: Int32Array, count: number): void {
  if (operation === AND) for (let i = 0; i < count; i++) target[i] = target[i]! & source[i]!;
  else if (operation === OR) for (let i = 0; i < count; i++) target[i] = target[i]! | source[i]!;
  else for (let i = 0; i < count; i++) target[i] = target[i]! ^ source[i]!;
}

export function invert(target: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) target[i] = ~target[i]!;
}
