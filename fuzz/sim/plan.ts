/**
 * What a seed means: how the world is set up, and step by step what happens in it. Each step has a seed of its own, so that
 * leaving steps out (shrinking) leaves the others as they are.
 */
import { type Random, seededRandom, uniform } from "../../src/base/random.ts";
import type { FsyncPolicy } from "../../src/engine/storage.ts";
import type { ImagingPlan } from "./imaging.ts";

export const STEP_KINDS = [
  "turn",
  "advance",
  "image",
  "fault",
  "heal",
  "policy",
  "clock",
  "stop",
  "die",
  "crash",
] as const;
export type StepKind = (typeof STEP_KINDS)[number];

export interface Step {
  readonly index: number;
  readonly kind: StepKind;
  readonly random: Random;
}

export interface Plan {
  readonly seed: number;
  readonly policy: FsyncPolicy;
  readonly segmentBytesMax: number;
  readonly sectorBytes: 512 | 4096;
  readonly clients: number;
  readonly steps: number;
  /** Faults are injected at all. */
  readonly faults: boolean;
  /** What is stored decays at the end. */
  readonly rot: boolean;
  /** Keys, and fields of hashes, may expire; then the wall clock never steps back. */
  readonly expiry: boolean;
  /** Segments are encrypted; each start may find other keys to be the newest, or none for new segments. */
  readonly encrypted: boolean;
  /** Keyspace notifications are on. */
  readonly notify: boolean;
  /** Images are taken; undefined: none is. */
  readonly images: ImagingPlan | undefined;
  /** The log is shipped into a store behind a bad network. */
  readonly backup: boolean;
}

const POLICIES: readonly FsyncPolicy[] = ["always", "always", "everysec", "no"];

/** Two numbers as a seed without a pattern. */
export function mix(seed: number, index: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

export function planOf(seed: number): Plan {
  const random = seededRandom(mix(seed, -1));
  return {
    seed,
    policy: POLICIES[uniform(random, POLICIES.length)]!,
    segmentBytesMax: 4096 + 200 + uniform(random, uniform(random, 3) === 0 ? 20_000 : 2500),
    sectorBytes: uniform(random, 2) === 0 ? 512 : 4096,
    clients: 1 + uniform(random, 4),
    steps: 12 + uniform(random, 60),
    faults: uniform(random, 2) === 0,
    rot: uniform(random, 3) === 0,
    expiry: uniform(random, 2) === 0,
    encrypted: uniform(random, 4) === 0,
    notify: uniform(random, 3) === 0,
    images: uniform(random, 3) === 0 ? undefined : drawImages(random),
    backup: uniform(random, 4) === 0,
  };
}

function drawImages(random: Random): ImagingPlan {
  return {
    settings: {
      // Mostly as little as there may be, so that writes wait for pages copied aside.
      memoryBytesMax: uniform(random, 3) === 0 ? 1024 * 1024 : 64 * 1024,
      retention: {
        ms: uniform(random, 3) === 0 ? uniform(random, 3000) : 0,
        bytes: uniform(random, 3) === 0 ? uniform(random, 20_000) : 0,
      },
    },
    savePoints: uniform(random, 2) === 0 ? [] : [{ seconds: 1, changes: 3 }],
    growth: uniform(random, 2) === 0 ? 0 : 50,
  };
}

export function stepOf(plan: Plan, index: number): Step {
  const random = seededRandom(mix(plan.seed, index));
  return { index, kind: drawKind(plan, random), random };
}

function drawKind(plan: Plan, random: Random): StepKind {
  const dice = uniform(random, 100);
  if (dice < 53) return "turn";
  if (dice < 58) return plan.images === undefined ? "turn" : "image";
  if (dice < 78) return "advance";
  if (dice < 85) return plan.faults ? "fault" : "turn";
  if (dice < 88) return plan.faults ? "heal" : "advance";
  if (dice < 90) return "policy";
  if (dice < 91) return "clock";
  if (dice < 93) return "stop";
  if (dice < 95) return "die";
  return "crash";
}
