/** All case tables, by command group. */
import type { ConformanceCase } from "../step.ts";
import { bitmapCases } from "./bitmaps.ts";
import { blockingCases } from "./blocking.ts";
import { connectionCases } from "./connection.ts";
import { debugValueCases } from "./debug_values.ts";
import { hashCases } from "./hashes.ts";
import { keyCases } from "./keys.ts";
import { listCases } from "./lists.ts";
import { pubsubCases } from "./pubsub.ts";
import { serverCases } from "./server.ts";
import { setCases } from "./sets.ts";
import { sortCases } from "./sort.ts";
import { sortedSetAlgebraCases } from "./sorted_set_algebra.ts";
import { sortedSetRangeCases } from "./sorted_set_ranges.ts";
import { sortedSetCases } from "./sorted_sets.ts";
import { stringCases } from "./strings.ts";
import { toolCases } from "./tools.ts";
import { transactionCases } from "./transactions.ts";
import { wireCases } from "./wire.ts";

export const caseGroups: Readonly<Record<string, readonly ConformanceCase[]>> = {
  strings: stringCases,
  bitmaps: bitmapCases,
  keys: keyCases,
  connection: connectionCases,
  server: serverCases,
  transactions: transactionCases,
  hashes: hashCases,
  lists: listCases,
  blocking: blockingCases,
  sets: setCases,
  "sorted sets": [...sortedSetCases, ...sortedSetRangeCases, ...sortedSetAlgebraCases],
  sort: sortCases,
  pubsub: pubsubCases,
  "server tools": toolCases,
  "values and memory": debugValueCases,
  wire: wireCases,
};
