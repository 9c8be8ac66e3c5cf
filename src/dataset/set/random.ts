/** Random members of a set, each as likely as any other: what SPOP and SRANDMEMBER draw. */
import { type Random, uniform } from "../../base/random.ts";
import { EntryList } from "../../structure/entry_list.ts";
import { seekElement } from "../../structure/listpack.ts";
import type { Dataset } from "../dataset.ts";
import { membersOf } from "../members.ts";
import { ENCODING_BIG, ENCODING_INTSET } from "../types.ts";
import { collectRefs, type SetView } from "./view.ts";

/** From this share of a big set on (one in so many) its members are listed rather than drawn until enough differ. */
const LISTED_SHARE = 3;

const all = new EntryList(256);

/** The ref of a random member of a set that isn't empty. */
export function randomRef(dataset: Dataset, view: SetView, random: Random): number {
  if (view.encoding === ENCODING_BIG) return membersOf(dataset, view.root).random(random);
  if (view.encoding === ENCODING_INTSET) return 1 + uniform(random, view.count);
  return seekElement(view.pack.bytes, view.pack.offset, uniform(random, view.count));
}

/** Appends the refs of `count` different random members, at most as many as there are; those of a packed set ascend. */
export function sampleRefs(dataset: Dataset, view: SetView, random: Random, count: number, out: EntryList): void {
  if (view.encoding === ENCODING_BIG && count * LISTED_SHARE < view.count) {
    drawDifferent(dataset, view, random, count, out);
    return;
  }
  all.clear();
  collectRefs(dataset, view, all);
  if (view.encoding === ENCODING_BIG) shuffleInto(random, count, out);
  else selectInto(random, count, out);
  if (all.items.length > 4096) all.items = new Int32Array(256);
}

/** Draws again and again, which two thirds of the draws or more survive. */
function drawDifferent(dataset: Dataset, view: SetView, random: Random, count: number, out: EntryList): void {
  const table = membersOf(dataset, view.root);
  const drawn = new Set<number>();
  while (drawn.size < count) {
    const ref = table.random(random);
    if (drawn.has(ref)) continue;
    drawn.add(ref);
    out.push(ref);
  }
}

/** The beginning of a shuffle of `all`. */
function shuffleInto(random: Random, count: number, out: EntryList): void {
  const { items } = all;
  for (let i = 0; i < count; i++) {
    const j = i + uniform(random, all.count - i);
    out.push(items[j]!);
    items[j] = items[i]!;
  }
}

/** Takes each member with the chance that makes it `count` of them in the end, in order. */
function selectInto(random: Random, count: number, out: EntryList): void {
  let wanted = count;
  for (let i = 0; wanted > 0; i++) {
    if (uniform(random, all.count - i) >= wanted) continue;
    out.push(all.items[i]!);
    wanted--;
  }
}
