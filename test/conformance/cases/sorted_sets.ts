/** Sorted sets: every option, error, arity and limit. */
import type { ConformanceCase } from "../step.ts";

export const sortedSetCases: readonly ConformanceCase[] = [];
