/** Looking at keys without using them: TYPE, TTL, EXISTS and OBJECT leave the access time alone. */
import type { Call } from "../call.ts";

/** The entry of key argument i, 0 for none; expired keys are gone, hit or miss is counted, the access time stays. */
export function peek(call: Call, i: number): number {
  const entry = call.db.lookup(call.input, call.start(i), call.length(i), call.hash(i), true);
  if (entry === 0) call.missed(i);
  else call.hits++;
  return entry;
}

/** The same, but that nothing is there is no event. */
export function peekUnnoticed(call: Call, i: number): number {
  const entry = call.db.lookup(call.input, call.start(i), call.length(i), call.hash(i), true);
  if (entry === 0) call.misses++;
  else call.hits++;
  return entry;
}

/** Are two arguments the same bytes? */
export function sameArgument(call: Call, i: number, j: number): boolean {
  const length = call.length(i);
  if (call.length(j) !== length) return false;
  const { input } = call;
  const first = call.start(i);
  const second = call.start(j);
  for (let k = 0; k < length; k++) if (input[first + k] !== input[second + k]) return false;
  return true;
}
