/** SORT and SORT_RO: every option, error, arity and limit. */
import type { ConformanceCase } from "../step.ts";

export const sortCases: readonly ConformanceCase[] = [];
