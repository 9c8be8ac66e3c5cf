/**
 * Proof that every write went through the barrier: checksums of all 256-byte blocks at one point, compared later for
 * the blocks without a dirty mark.
 *
 * For tests and debugging. It clears the marks at the start, so nothing else may rely on them meanwhile, and it
 * takes access metadata for a violation: tests leave that alone.
 */
import type { Arena } from "./arena.ts";
import { BLOCK_BYTES, SEGMENT_BLOCKS } from "./layout.ts";

const BLOCK_WORDS = BLOCK_BYTES / 4;

export interface Unmarked {
  segment: number;
  /** Number of the block in its segment. */
  block: number;
}

export class BarrierCheck {
  private readonly arena: Arena;
  private readonly checksums: Int32Array[] = [];

  constructor(arena: Arena) {
    this.arena = arena;
    this.begin();
  }

  /** Forgets all marks and remembers what the blocks hold now. */
  begin(): void {
    const { arena } = this;
    for (let i = 0; i < arena.segmentCount; i++) {
      this.checksums[i] ??= new Int32Array(SEGMENT_BLOCKS);
      checksumBlocks(arena.words[arena.firstSegment + i]!, this.checksums[i]!);
    }
    arena.clearMarks();
  }

  /**
   * Blocks that changed since `begin` without a mark, at most `limit` of them. Segments added since then began as
   * zeros.
   */
  violations(limit: number): Unmarked[] {
    const { arena } = this;
    const found: Unmarked[] = [];
    const now = new Int32Array(SEGMENT_BLOCKS);
    const zeros = new Int32Array(SEGMENT_BLOCKS);
    checksumBlocks(new Int32Array(SEGMENT_BLOCKS * BLOCK_WORDS), zeros);
    for (let i = 0; i < arena.segmentCount; i++) {
      const segment = arena.firstSegment + i;
      const before = this.checksums[i] ?? zeros;
      const marks = arena.marks[segment]!;
      checksumBlocks(arena.words[segment]!, now);
      for (let block = 0; block < SEGMENT_BLOCKS && found.length < limit; block++) {
        if (marks[block] === 0 && now[block] !== before[block]) found.push({ segment, block });
      }
    }
    return found;
  }
}

function checksumBlocks(words: Int32Array, checksums: Int32Array): void {
  for (let block = 0; block < SEGMENT_BLOCKS; block++) {
    let sum = 0x811c9dc5 | 0;
    const end = (block + 1) * BLOCK_WORDS;
    for (let i = block * BLOCK_WORDS; i < end; i++) {
      sum = Math.imul(sum ^ words[i]!, 0x01000193);
      sum ^= sum >>> 15;
    }
    checksums[block] = sum;
  }
}
