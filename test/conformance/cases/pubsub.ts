/** Publish and subscribe: every option, error, arity and limit. */
import type { ConformanceCase } from "../step.ts";

export const pubsubCases: readonly ConformanceCase[] = [];
