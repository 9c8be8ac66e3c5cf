/**
 * Which members a list has already: an index over a MemberList by the members' texts, for as long as a union is being formed.
 *
 * Open addressing over the positions in the list. It lives in JavaScript's memory, not in the arena: a command that only reads must not fail
 * because the address space is full.
 */

import { equalBytes } from "../../base/bytes.ts";
import type { Dataset } from "../dataset.ts";
import { Piece } from "../piece.ts";
import type { MemberList } from "./build.ts";
import { refPiece } from "./view.ts";

const SLOTS_MIN = 64;

export class MemberIndex {
  private readonly dataset: Dataset;
  private readonly list: MemberList;
  /** Positions in the list plus one, 0: free. */
  private readonly slots: Int32Array;
  /** By position: the member's hash. */
  private readonly hashes: Int32Array;
  private readonly other = new Piece();

  /** An index over `list` as it grows to at most `membersMax` members. */
  constructor(dataset: Dataset, list: MemberList, membersMax: number) {
    this.dataset = dataset;
    this.list = list;
    let slots = SLOTS_MIN;
    while (slots < membersMax * 2) slots *= 2;
    this.slots = new Int32Array(slots);
    this.hashes = new Int32Array(membersMax);
  }

  /** False: the list has this member. True: it has not, and the caller must append it now. */
  add(member: Piece): boolean {
    const { dataset, list, slots, hashes, other } = this;
    const hash = dataset.members.hash(member.bytes, member.offset, member.length);
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let position = slots[slot]!; position !== 0; position = slots[slot]!) {
      if (hashes[position - 1] === hash) {
        refPiece(dataset, list.ownerOf(position - 1), list.refs.items[position - 1]!, other);
        if (
          other.length === member.length &&
          equalBytes(other.bytes, other.offset, member.bytes, member.offset, member.length)
        ) {
          return false;
        }
      }
      slot = (slot + 1) & mask;
    }
    slots[slot] = list.count + 1;
    hashes[list.count] = hash;
    return true;
  }
}
