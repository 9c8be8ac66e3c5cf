/** Lets allocations fail that the address space would have room for. */
import type { Allocator } from "../../src/memory/allocator.ts";
import { NIL } from "../../src/memory/layout.ts";

/**
 * The `n`-th allocation from now on fails, and with `ever` all that follow. To be ended by a call of what is returned, which tells how many
 * there were.
 */
export function failAllocation(allocator: Allocator, n: number, ever: boolean): () => number {
  const allocate = allocator.allocate.bind(allocator);
  let count = 0;
  Object.defineProperty(allocator, "allocate", {
    configurable: true,
    value(bytes: number): number {
      count++;
      return count === n || (ever && count > n) ? NIL : allocate(bytes);
    },
  });
  return () => {
    Reflect.deleteProperty(allocator, "allocate");
    return count;
  };
}
