/** All case tables, by command group. */
import type { ConformanceCase } from "../step.ts";
import { bitmapCases } from "./bitmaps.ts";
import { connectionCases } from "./connection.ts";
import { keyCases } from "./keys.ts";
import { serverCases } from "./server.ts";
import { stringCases } from "./strings.ts";
import { transactionCases } from "./transactions.ts";
import { wireCases } from "./wire.ts";

export const caseGroups: Readonly<Record<string, readonly ConformanceCase[]>> = {
  strings: stringCases,
  bitmaps: bitmapCases,
  keys: keyCases,
  connection: connectionCases,
  server: serverCases,
  transactions: transactionCases,
  wire: wireCases,
};
