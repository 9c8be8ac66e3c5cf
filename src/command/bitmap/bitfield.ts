/**
 * BITFIELD and BITFIELD_RO: all operations are read before the first is executed, and the string is made long enough for all of them at
 * once.
 */

import { parseIntegerSafe } from "../../base/integer.ts";
import { STRING_BYTES_MAX } from "../../base/limits.ts";
import { EVENT_STRING } from "../../dataset/key_events.ts";
import { locateString, readString, stringLength } from "../../dataset/strings.ts";
import { ENCODING_RAW } from "../../dataset/types.ts";
import { Span } from "../../structure/blob.ts";
import { entryEncoding } from "../../structure/entry.ts";
import type { Call } from "../call.ts";
import { argument, block, type CommandDefinition, keysAt, oneOf, token } from "../definition.ts";
import { NOT_AN_INTEGER, OUT_OF_MEMORY, STRING_TOO_LONG, SYNTAX_ERROR, WRONG_TYPE } from "../messages.ts";
import { growRaw, isOtherType } from "../string/store.ts";
import { readBitOffset } from "./bit_offset.ts";
import { FAIL, FIELD_BYTES_MAX, fitTo, readField, SATURATE, WRAP, writeField } from "./field.ts";

type Kind = "get" | "set" | "incrby";

interface Operation {
  kind: Kind;
  signed: boolean;
  bits: number;
  /** Of the field's first bit. */
  offset: number;
  /** Value or increment. */
  operand: bigint;
  overflow: number;
}

const span = new Span();
/** The bytes around a field, zeros where the string ends. */
const window = new Uint8Array(FIELD_BYTES_MAX);

const encoding = argument("encoding", "string");
const offset = argument("offset", "integer");

/** BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] SET type offset value | INCRBY type offset increment …] */
export const bitfield: CommandDefinition = {
  name: "BITFIELD",
  group: "bitmap",
  since: "3.2.0",
  summary: "Performs arbitrary bitfield integer operations on strings.",
  complexity: "O(1) for each subcommand specified",
  arity: -2,
  flags: ["write", "denyoom"],
  keys: [
    {
      ...keysAt(["RW", "update", "access", "variable_flags"]),
      notes: "This command allows both access and modification of the key",
    },
  ],
  keyFlags: (call, at, argc) => (onlyReads(call, at, argc) ? ["RO", "access"] : ["RW", "access", "update"]),
  args: [
    argument("key", "key", { keySpec: 0 }),
    oneOf(
      "operation",
      [
        block("get-block", [encoding, offset], { token: "GET" }),
        block("write", [
          oneOf("overflow-block", [token("WRAP"), token("SAT"), token("FAIL")], { token: "OVERFLOW", optional: true }),
          oneOf("write-operation", [
            block("set-block", [encoding, offset, argument("value", "integer")], { token: "SET" }),
            block("incrby-block", [encoding, offset, argument("increment", "integer")], { token: "INCRBY" }),
          ]),
        ]),
      ],
      { multiple: true, optional: true },
    ),
  ],
  run: (call) => execute(call, false),
};

/** BITFIELD_RO key [GET type offset …] */
export const bitfieldReadOnly: CommandDefinition = {
  name: "BITFIELD_RO",
  group: "bitmap",
  since: "6.0.0",
  summary: "Performs arbitrary read-only bitfield integer operations on strings.",
  complexity: "O(1) for each subcommand specified",
  arity: -2,
  flags: ["readonly", "fast"],
  keys: [keysAt(["RO", "access"])],
  args: [
    argument("key", "key", { keySpec: 0 }),
    block("get-block", [encoding, offset], { token: "GET", optional: true, multiple: true, multipleToken: true }),
  ],
  run: (call) => execute(call, true),
};

/** Do all operations of a request read? What can't be read as an operation may be anything. */
function onlyReads(call: Call, at: number, argc: number): boolean {
  for (let i = 2; i < argc; ) {
    if (call.is(at + i, "GET") && i + 2 < argc) i += 3;
    else if (call.is(at + i, "OVERFLOW") && i + 1 < argc) i += 2;
    else return false;
  }
  return true;
}

function execute(call: Call, readOnly: boolean): void {
  const operations = readOperations(call);
  if (operations === undefined) return;
  const { reply } = call;
  if (operations.every((operation) => operation.kind === "get")) {
    const entry = call.read(1);
    if (isOtherType(call, entry)) return reply.error(WRONG_TYPE);
    reply.array(operations.length);
    for (const operation of operations) replyField(call, entry, operation);
    return;
  }
  if (readOnly) return reply.error("ERR BITFIELD_RO only supports the GET subcommand");
  write(call, operations);
}

/** The operations; undefined: an error has been replied. */
function readOperations(call: Call): Operation[] | undefined {
  const operations: Operation[] = [];
  let overflow = WRAP;
  for (let i = 2; i < call.argc; ) {
    const rest = call.argc - i - 1;
    if (rest >= 1 && call.is(i, "OVERFLOW")) {
      overflow = overflowOf(call, i + 1);
      if (overflow === -1) {
        call.reply.error("ERR Invalid OVERFLOW type specified");
        return undefined;
      }
      i += 2;
      continue;
    }
    const kind = kindOf(call, i, rest);
    if (kind === undefined) {
      call.reply.error(SYNTAX_ERROR);
      return undefined;
    }
    const operation = readOperation(call, i, kind, overflow);
    if (operation === undefined) return undefined;
    operations.push(operation);
    i += kind === "get" ? 3 : 4;
  }
  return operations;
}

function kindOf(call: Call, i: number, rest: number): Kind | undefined {
  if (rest >= 2 && call.is(i, "GET")) return "get";
  if (rest >= 3 && call.is(i, "SET")) return "set";
  if (rest >= 3 && call.is(i, "INCRBY")) return "incrby";
  return undefined;
}

function overflowOf(call: Call, i: number): number {
  if (call.is(i, "WRAP")) return WRAP;
  if (call.is(i, "SAT")) return SATURATE;
  if (call.is(i, "FAIL")) return FAIL;
  return -1;
}

function readOperation(call: Call, i: number, kind: Kind, overflow: number): Operation | undefined {
  const start = call.start(i + 1);
  const length = call.length(i + 1);
  const sign = length === 0 ? 0 : call.input[start]!;
  const signed = sign === 105;
  const bits = sign === 105 || sign === 117 ? parseIntegerSafe(call.input, start + 1, length - 1) : Number.NaN;
  if (!(bits >= 1 && bits <= (signed ? 64 : 63))) {
    call.reply.error(
      "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
    return undefined;
  }
  const at = readBitOffset(call, i + 2, bits);
  if (at === -1) return undefined;
  let operand: bigint | undefined = 0n;
  if (kind !== "get") operand = call.integer64(i + 3);
  if (operand === undefined) {
    call.reply.error(NOT_AN_INTEGER);
    return undefined;
  }
  return { kind, signed, bits, offset: at, operand, overflow };
}

function write(call: Call, operations: readonly Operation[]): void {
  const { reply } = call;
  const { arena } = call.dataset;
  const entry = call.write(1);
  if (isOtherType(call, entry)) return reply.error(WRONG_TYPE);
  let length = 0;
  for (const { kind, offset, bits } of operations) {
    if (kind !== "get") length = Math.max(length, Math.floor((offset + bits - 1) / 8) + 1);
  }
  // A field may begin at the last bit allowed and end behind it.
  if (length > STRING_BYTES_MAX) return reply.error(STRING_TOO_LONG);
  const oldLength = entry === 0 ? 0 : stringLength(arena, entry);
  const grows = entry === 0 || length > oldLength;
  const converts = entry !== 0 && entryEncoding(arena, entry) !== ENCODING_RAW;
  const target = growRaw(call, entry, length, oldLength);
  if (target === 0) return reply.error(OUT_OF_MEMORY);
  reply.array(operations.length);
  let changes = 0;
  for (const operation of operations) {
    if (operation.kind === "get") replyField(call, target, operation);
    else if (writeOperation(call, target, operation, grows)) changes++;
  }
  if (changes > 0) call.notify(EVENT_STRING, "setbit", 1);
  // Growing and becoming raw can be seen by clients: they are logged even where all values stayed as they were.
  if (changes === 0 && (grows || converts)) changes = 1;
  for (let i = 0; i < changes; i++) call.changed(1);
}

/** Executes SET or INCRBY and replies; true when it counts as a change, which in a string that has just grown every write does. */
function writeOperation(call: Call, entry: number, operation: Operation, grown: boolean): boolean {
  const { kind, bits, signed, offset, operand, overflow } = operation;
  load(call, entry, offset);
  const old = readField(window, offset % 8, bits, signed);
  const value =
    kind === "set" ? fitTo(operand, 0n, bits, signed, overflow) : fitTo(old, operand, bits, signed, overflow);
  if (value === undefined) {
    call.reply.nil();
    return false;
  }
  call.reply.bigint(kind === "set" ? old : value);
  if (value !== old) {
    writeField(window, offset % 8, bits, value);
    store(call, entry, offset, bits);
  }
  return grown || value !== old;
}

function replyField(call: Call, entry: number, { offset, bits, signed }: Operation): void {
  load(call, entry, offset);
  call.reply.bigint(readField(window, offset % 8, bits, signed));
}

/** Fills `window` from the byte of bit `offset` on. */
function load(call: Call, entry: number, offset: number): void {
  const { arena } = call.dataset;
  const byte = Math.floor(offset / 8);
  window.fill(0);
  const rest = entry === 0 ? 0 : stringLength(arena, entry) - byte;
  if (rest > 0) readString(arena, entry, byte, window, 0, Math.min(rest, FIELD_BYTES_MAX));
}

/** Writes back the bytes of `window` that hold the field; they may lie in two chunks of the value. */
function store(call: Call, entry: number, offset: number, bits: number): void {
  const { arena } = call.dataset;
  const byte = Math.floor(offset / 8);
  const count = ((offset % 8) + bits + 7) >>> 3;
  for (let done = 0; done < count; done += span.length) {
    locateString(arena, entry, byte + done, count - done, span);
    arena.touchBytes(span.segment, span.offset, span.length);
    const bytes = arena.bytes[span.segment]!;
    for (let i = 0; i < span.length; i++) bytes[span.offset + i] = window[done + i]!;
  }
}
