/** READONLY, READWRITE and ASKING, which only mean something in a cluster. */
import type { CommandDefinition } from "../../../command/definition.ts";
import { clusterDisabled } from "./disabled.ts";

export const readonly: CommandDefinition = {
  name: "READONLY",
  group: "cluster",
  since: "3.0.0",
  summary: "Enables read-only queries for a connection to a replica node of a cluster.",
  complexity: "O(1)",
  arity: 1,
  flags: ["fast", "loading", "stale"],
  categories: ["connection"],
  run: clusterDisabled,
};

export const readwrite: CommandDefinition = {
  name: "READWRITE",
  group: "cluster",
  since: "3.0.0",
  summary: "Enables read-write queries for a connection to a replica node of a cluster.",
  complexity: "O(1)",
  arity: 1,
  flags: ["fast", "loading", "stale"],
  categories: ["connection"],
  run: clusterDisabled,
};

export const asking: CommandDefinition = {
  name: "ASKING",
  group: "cluster",
  since: "3.0.0",
  summary: "Signals that a cluster client is following an -ASK redirect.",
  complexity: "O(1)",
  arity: 1,
  flags: ["fast"],
  categories: ["connection"],
  run: clusterDisabled,
};
