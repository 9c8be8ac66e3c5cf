/**
 * All commands by name, and what the hot path needs of them copied into flat arrays: definitions have different shapes, and
 * reading them there would turn every access megamorphic.
 */

import type { Call } from "./call.ts";
import type { CommandDefinition } from "./definition.ts";

/** Bits of `CommandTable.bits`. */
export const WRITE = 1;
export const READ_ONLY = 2;
/** Takes memory, so it is refused while there is more in use than maxmemory allows. */
export const DENY_OOM = 4;
/** Allowed before authentication. */
export const NO_AUTH = 8;
/** Executed at once inside MULTI instead of being queued. */
export const NOT_QUEUED = 16;
/** Not allowed inside MULTI. */
export const NO_MULTI = 32;
/** All keys are at fixed positions and in the session's database, so that a reader may wait for those keys only. */
export const KEYS_KNOWN = 64;
/** Has subcommands, each a command with an id of its own. */
export const CONTAINER = 128;
/** May take long by its nature, so that each execution is measured alone: neither "fast" nor O(1). */
export const TIMED = 256;
/** Every command has this one: for masks that mean all of them. */
export const EVERY = 512;
/** Makes others (replicas, subscribers) see something without being a write. */
export const MAY_REPLICATE = 1024;
/** Allowed to a connection with RESP2 that has subscriptions. */
export const SUBSCRIBER = 2048;
/** Its reply tells of subscriptions or of the connection, never of data. */
export const SHOWS_NO_DATA = 4096;
/** Its reply tells of the server, of data at most how much there is. */
export const TELLS_OF_SERVER = 8192;

/** The name is none of ours. */
export const UNKNOWN_COMMAND = -1;

const SUBSCRIBER_NAMES = new Set([
  ...["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"],
  ...["PING", "QUIT", "RESET"],
]);
/** Where commands on one member of a collection have it. */
const MEMBER_POSITIONS = new Map([
  ...["SADD", "SREM", "SISMEMBER", "HGET", "HSET", "HDEL", "HEXISTS", "HINCRBY"].map((name) => [name, 2] as const),
  ...["ZREM", "ZSCORE", "ZRANK", "ZREVRANK"].map((name) => [name, 2] as const),
  ...["ZADD", "ZINCRBY"].map((name) => [name, 3] as const),
]);
const NOT_QUEUED_NAMES = new Set(["EXEC", "DISCARD", "MULTI", "WATCH", "QUIT", "RESET"]);

/** What commands have that don't execute several requests at once. */
export function runsNone(): number {
  return 0;
}

export class CommandTable {
  /** By id: the commands, then the subcommands of each container. */
  readonly definitions: readonly CommandDefinition[];
  /** Commands without subcommands: ids below this one. */
  readonly commandCount: number;
  /** By id, lower case, "client|setname" for subcommands. */
  readonly fullNames: readonly string[];
  readonly handlers: ((call: Call) => void)[] = [];
  /** For several requests at once, `runsNone` where a command has none. */
  readonly alikeHandlers: ((call: Call, count: number) => number)[] = [];
  readonly arity: Int32Array;
  readonly bits: Int32Array;
  /** Index of the first key argument, 0 for none: what the touching pass hashes. */
  readonly firstKey: Int32Array;
  /** Index of the argument that mostly is a member of the collection under that key, 0 for none: also for the touching pass. */
  readonly memberAt: Int32Array;
  /** Last key argument (negative from the end) and step, for commands with KEYS_KNOWN. */
  readonly lastKey: Int32Array;
  readonly keyStep: Int32Array;

  private readonly slots: Int32Array;
  private readonly names: Uint8Array;
  private readonly nameStart: Int32Array;

  private readonly subcommands = new Map<number, CommandTable>();
  private readonly subcommandBase = new Map<number, number>();

  constructor(commands: readonly CommandDefinition[]) {
    const definitions = [...commands];
    const fullNames = commands.map((command) => command.name.toLowerCase());
    commands.forEach((command, id) => {
      if (command.subcommands === undefined) return;
      this.subcommands.set(id, new CommandTable(command.subcommands));
      this.subcommandBase.set(id, definitions.length);
      definitions.push(...command.subcommands);
      fullNames.push(...command.subcommands.map((sub) => `${command.name}|${sub.name}`.toLowerCase()));
    });
    this.commandCount = commands.length;
    this.definitions = definitions;
    this.fullNames = fullNames;
    const count = definitions.length;
    this.arity = new Int32Array(count);
    this.bits = new Int32Array(count);
    this.firstKey = new Int32Array(count);
    this.memberAt = new Int32Array(count);
    this.lastKey = new Int32Array(count);
    this.keyStep = new Int32Array(count);
    this.nameStart = new Int32Array(count + 1);
    let size = 64;
    while (size < count * 8) size *= 2;
    this.slots = new Int32Array(size).fill(UNKNOWN_COMMAND);
    this.names = new Uint8Array(definitions.reduce((total, definition) => total + definition.name.length, 0));
    definitions.forEach((definition, id) => {
      this.describe(definition, id);
      if (id < this.commandCount) this.index(id);
    });
  }

  /** The id of the subcommand that argument 1 names, or UNKNOWN_COMMAND. */
  subcommand(call: Call, container: number): number {
    const id = this.subcommands.get(container)!.lookup(call.input, call.start(1), call.length(1));
    return id === UNKNOWN_COMMAND ? id : id + this.subcommandBase.get(container)!;
  }

  isContainer(id: number): boolean {
    return id !== UNKNOWN_COMMAND && (this.bits[id]! & CONTAINER) !== 0;
  }

  /** The ids of a container's subcommands. */
  subcommandIds(container: number): number[] {
    const base = this.subcommandBase.get(container);
    if (base === undefined) return [];
    return this.definitions[container]!.subcommands!.map((_, i) => base + i);
  }

  /** The id of the command with this name in any case, or UNKNOWN_COMMAND. */
  lookup(bytes: Uint8Array, offset: number, length: number): number {
    const slots = this.slots;
    const mask = slots.length - 1;
    let slot = nameHash(bytes, offset, length) & mask;
    for (;;) {
      const id = slots[slot]!;
      if (id === UNKNOWN_COMMAND) return UNKNOWN_COMMAND;
      if (this.matches(id, bytes, offset, length)) return id;
      slot = (slot + 1) & mask;
    }
  }

  /** The definition of a command's name, in any case. */
  find(name: string): CommandDefinition | undefined {
    const bytes = Uint8Array.from(name, (character) => character.charCodeAt(0));
    const id = this.lookup(bytes, 0, bytes.length);
    return id === UNKNOWN_COMMAND ? undefined : this.definitions[id];
  }

  private matches(id: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const start = this.nameStart[id]!;
    if (this.nameStart[id + 1]! - start !== length) return false;
    const names = this.names;
    for (let i = 0; i < length; i++) {
      let byte = bytes[offset + i]!;
      if (byte >= 97 && byte <= 122) byte -= 32;
      if (names[start + i] !== byte) return false;
    }
    return true;
  }

  private index(id: number): void {
    const start = this.nameStart[id]!;
    const mask = this.slots.length - 1;
    let slot = nameHash(this.names, start, this.nameStart[id + 1]! - start) & mask;
    while (this.slots[slot] !== UNKNOWN_COMMAND) slot = (slot + 1) & mask;
    this.slots[slot] = id;
  }

  private describe(definition: CommandDefinition, id: number): void {
    const { name, flags } = definition;
    const start = this.nameStart[id]!;
    for (let i = 0; i < name.length; i++) this.names[start + i] = name.charCodeAt(i);
    this.nameStart[id + 1] = start + name.length;
    // Taken off its definition on purpose: handlers never use `this`, and a bound function costs an extra call.
    this.handlers[id] = definition.run ?? ((call) => call.reply.error(`ERR ${name} has no default action`));
    this.alikeHandlers[id] = definition.runAlike ?? runsNone;
    this.arity[id] = definition.arity;
    if (id < this.commandCount) this.memberAt[id] = MEMBER_POSITIONS.get(name) ?? 0;
    let bits = EVERY;
    if (!flags.includes("fast") && definition.complexity?.startsWith("O(1)") !== true) bits |= TIMED;
    if (flags.includes("may_replicate")) bits |= MAY_REPLICATE;
    if (flags.includes("write")) bits |= WRITE;
    if (flags.includes("readonly")) bits |= READ_ONLY;
    if (flags.includes("denyoom")) bits |= DENY_OOM;
    if (flags.includes("no_auth")) bits |= NO_AUTH;
    if (flags.includes("no_multi")) bits |= NO_MULTI;
    if (NOT_QUEUED_NAMES.has(name)) bits |= NOT_QUEUED;
    if (SUBSCRIBER_NAMES.has(name)) bits |= SUBSCRIBER;
    if (flags.includes("pubsub")) bits |= SHOWS_NO_DATA;
    if ((bits & (READ_ONLY | WRITE)) === 0 && definition.keys === undefined) {
      if (definition.group === "connection") bits |= SHOWS_NO_DATA;
      if (definition.group === "server" && !name.startsWith("DEBUG")) bits |= TELLS_OF_SERVER;
    }
    if (definition.subcommands !== undefined) bits |= CONTAINER;
    const spec = definition.keys?.[0];
    if (spec !== undefined && "index" in spec.begin && "last" in spec.find) {
      this.firstKey[id] = spec.begin.index;
      this.lastKey[id] = spec.find.last >= 0 ? spec.begin.index + spec.find.last : spec.find.last;
      this.keyStep[id] = spec.find.step;
      const known = definition.keys?.length === 1 && !flags.includes("movablekeys");
      if (known && definition.otherDatabases !== true) bits |= KEYS_KNOWN;
    }
    this.bits[id] = bits;
  }
}

/** Mixes length and the first and last bytes, letters in either case alike. */
function nameHash(bytes: Uint8Array, offset: number, length: number): number {
  if (length === 0) return 0;
  const first = bytes[offset]! & 0xdf;
  const second = length > 1 ? bytes[offset + 1]! & 0xdf : 0;
  const middle = bytes[offset + (length >> 1)]! & 0xdf;
  const last = bytes[offset + length - 1]! & 0xdf;
  const mixed =
    Math.imul(first | (second << 8) | (middle << 16) | (last << 24), 0x9e3779b1) ^ Math.imul(length, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
