/** HRANDFIELD key [count [WITHVALUES]]; with a negative count fields may come more than once. */
import { uniform } from "../../base/random.ts";
import { isBigHash } from "../../dataset/hash/field.ts";
import { hashOperations } from "../../dataset/hash/operations.ts";
import { chooseFields, collectFields, randomMember } from "../../dataset/hash/walk.ts";
import { NIL } from "../../memory/layout.ts";
import { EntryList } from "../../structure/entry_list.ts";
import type { Call } from "../call.ts";
import { argument, block, type CommandDefinition, keysAt, token } from "../definition.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../messages.ts";
import { REFUSED, readHash, replyName, replyValue } from "./access.ts";

const COUNT_MAX = 9223372036854775807n;
const OUT_OF_RANGE = "ERR value is out of range";
/** Fields that may be asked for with a negative count: Redis goes on until its memory ends. */
const REPEATED_MAX = 2147483647n;
/** Of a big hash, up to this share of its members is drawn one by one; more is chosen from a list of all. */
const DRAWN_SHARE = 3;
/** A list longer than this is not kept. */
const KEPT_MAX = 4096;

const fields = new EntryList(256);

export const hrandfield: CommandDefinition = {
  name: "HRANDFIELD",
  group: "hash",
  since: "6.2.0",
  summary: "Returns one or more random fields from a hash.",
  complexity: "O(N) where N is the number of fields returned",
  arity: -2,
  flags: ["readonly"],
  tips: ["nondeterministic_output"],
  keys: [keysAt(["RO", "access"])],
  args: [
    argument("key", "key", { keySpec: 0 }),
    block("options", [argument("count", "integer"), token("WITHVALUES", { optional: true })], { optional: true }),
  ],
  run(call) {
    if (call.argc > 2) return replySome(call);
    const entry = readHash(call);
    if (entry === REFUSED) return;
    const field = entry === NIL ? NIL : drawOne(call, entry);
    if (field === NIL) call.reply.nil();
    else replyName(call, entry, field);
    forget();
  },
};

function replySome(call: Call): void {
  const { reply } = call;
  const given = call.integer64(2);
  if (given === undefined) return reply.error(NOT_AN_INTEGER);
  if (given < -COUNT_MAX) {
    return reply.error(`ERR value is out of range, value must between ${-COUNT_MAX} and ${COUNT_MAX}`);
  }
  const values = call.argc === 4 && call.is(3, "WITHVALUES");
  if (call.argc > 4 || (call.argc === 4 && !values)) return reply.error(SYNTAX_ERROR);
  if (values && (given < -COUNT_MAX / 2n || given > COUNT_MAX / 2n)) return reply.error(OUT_OF_RANGE);
  if (given < -REPEATED_MAX) return reply.error(OUT_OF_RANGE);
  const entry = readHash(call);
  if (entry === REFUSED) return;
  if (entry === NIL || given === 0n) return reply.array(0);
  if (given < 0n) replyRepeated(call, entry, Number(-given), values);
  else replyDistinct(call, entry, Number(given), values);
  forget();
}

/** Each time any field. */
function replyRepeated(call: Call, entry: number, count: number, values: boolean): void {
  if (drawOne(call, entry) === NIL) return call.reply.array(0);
  replyHeader(call, count, values);
  // A count without bounds ends when the connection does.
  for (let i = 0; i < count && !call.session.closing; i++) replyOne(call, entry, drawOne(call, entry), values);
}

/** No field twice. */
function replyDistinct(call: Call, entry: number, count: number, values: boolean): void {
  const { dataset } = call;
  fields.clear();
  const size = hashOperations.count(dataset, entry);
  if (!isBigHash(dataset.arena, entry) || count > size / DRAWN_SHARE || !drawDistinct(call, entry, count)) {
    fields.clear();
    collectFields(dataset, entry, fields);
    if (count < fields.count) chooseFields(fields, call.random, count);
  }
  replyHeader(call, fields.count, values);
  for (let i = 0; i < fields.count; i++) replyOne(call, entry, fields.items[i]!, values);
}

/** Draws members of a big hash until there are `count` different ones. False: too many of its members have expired. */
function drawDistinct(call: Call, entry: number, count: number): boolean {
  const drawn = new Set<number>();
  // With a third of the members wanted at most every third draw is in vain.
  for (let tries = count * 16; drawn.size < count; tries--) {
    const member = tries > 0 ? randomMember(call.dataset, entry, call.random) : NIL;
    if (member === NIL) return false;
    if (drawn.has(member)) continue;
    drawn.add(member);
    fields.push(member);
  }
  return true;
}

/** A field, each as likely as the other; NIL: all have expired. Leaves all fields in `fields` where it had to look at them. */
function drawOne(call: Call, entry: number): number {
  const { dataset, random } = call;
  if (fields.count === 0) {
    if (isBigHash(dataset.arena, entry)) {
      const member = randomMember(dataset, entry, random);
      if (member !== NIL) return member;
    }
    collectFields(dataset, entry, fields);
  }
  return fields.count === 0 ? NIL : fields.items[uniform(random, fields.count)]!;
}

function forget(): void {
  fields.clear();
  if (fields.items.length > KEPT_MAX) fields.items = new Int32Array(256);
}

/** In RESP3 a field and its value are an array of their own. */
function replyHeader(call: Call, count: number, values: boolean): void {
  call.reply.array(values && call.reply.protocol === 2 ? count * 2 : count);
}

function replyOne(call: Call, entry: number, field: number, values: boolean): void {
  if (values && call.reply.protocol === 3) call.reply.array(2);
  replyName(call, entry, field);
  if (values) replyValue(call, entry, field);
}
