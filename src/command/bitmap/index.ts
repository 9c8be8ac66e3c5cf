/** All bitmap commands. */
import type { CommandDefinition } from "../definition.ts";
import { bitcount } from "./bitcount.ts";
import { bitfield, bitfieldReadOnly } from "./bitfield.ts";
import { bitop } from "./bitop.ts";
import { bitpos } from "./bitpos.ts";
import { getbit } from "./getbit.ts";
import { setbit } from "./setbit.ts";

export const bitmapCommands: readonly CommandDefinition[] = [
  bitcount,
  bitfield,
  bitfieldReadOnly,
  bitop,
  bitpos,
  getbit,
  setbit,
];
