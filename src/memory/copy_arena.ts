/** An arena put into another one, page by page; free pages are left out. Between two turns, in one go: nobody writes meanwhile. */
import type { Allocator } from "./allocator.ts";
import type { Arena } from "./arena.ts";
import { DONE, UNTOUCHED } from "./frozen.ts";
import { PAGE_BYTES, SEGMENT_PAGES } from "./layout.ts";

/** False: there is no memory for it, and `to` is not to be used. `to` begins with the same segment and is to be adopted. */
export function copyArena(from: Allocator, to: Arena): boolean {
  const { arena } = from;
  if (!to.ensureSegments(arena.segmentCount)) return false;
  const states = new Uint8Array(arena.segmentCount * SEGMENT_PAGES).fill(UNTOUCHED);
  from.stateFreePages(states, DONE);
  for (let i = 0; i < arena.segmentCount; i++) {
    const source = arena.bytes[arena.firstSegment + i]!;
    const target = to.bytes[to.firstSegment + i]!;
    const base = i * SEGMENT_PAGES;
    for (let page = 0; page < SEGMENT_PAGES; ) {
      if (states[base + page] === DONE) {
        page++;
        continue;
      }
      let end = page + 1;
      while (end < SEGMENT_PAGES && states[base + end] !== DONE) end++;
      target.set(source.subarray(page * PAGE_BYTES, end * PAGE_BYTES), page * PAGE_BYTES);
      page = end;
    }
  }
  return true;
}
