/**
 * Draws random commands over few keys and few values, so that they meet each other: every string, bitmap and key command with
 * every option, mostly well-formed and sometimes not. The same seed draws the same commands.
 *
 * Times to live are far in the future or in the past: what expires while the commands run would expire at different moments on
 * the two servers.
 */
import { type Random, uniform } from "../../src/base/random.ts";
import type { Argument } from "../support/resp_client.ts";
import { hashSource } from "./random/hashes.ts";
import { listSource } from "./random/lists.ts";
import { setSource } from "./random/sets.ts";
import { sortSource } from "./random/sort.ts";
import { sortedSetSource } from "./random/sorted_sets.ts";

export type RandomCommand = readonly Argument[];

/** Draws a command of one group; one file a group under random/. */
export type GroupSource = (source: CommandSource) => RandomCommand;

const collections: readonly GroupSource[] = [hashSource, setSource, sortedSetSource, listSource, sortSource];

const KEYS: readonly Argument[] = [
  "a",
  "b",
  "c",
  "d",
  "e",
  "key:000000000001",
  "key:000000000002",
  "",
  Buffer.from([0, 255, 13, 10]),
];
const INTEGERS = [
  "0",
  "1",
  "-1",
  "2",
  "7",
  "8",
  "9",
  "10",
  "63",
  "64",
  "100",
  "255",
  "256",
  "1000",
  "65535",
  "-128",
  "12345678901",
  "9223372036854775807",
  "-9223372036854775808",
  "4503599627370497",
];
/** None beyond a double: redis-server 7.0.15 remembers that strtod overflowed, and refuses a later SORT for it. */
const FLOATS = [
  "0.1",
  "-0.25",
  "3.0e3",
  "1e-5",
  "1e17",
  "123456.789",
  "5e-18",
  "1e300",
  "-1e300",
  "0x1p-3",
  "2.5",
  "nan",
];
const TEXTS: readonly Argument[] = [
  "",
  "x",
  "abc",
  "hello world",
  "01",
  " 1",
  "1.50",
  "ohmytext",
  "mynewtext",
  Buffer.from([0, 1, 2, 255]),
  "e".repeat(44),
  "r".repeat(45),
  Buffer.alloc(300, 0x0f),
];
const TYPES = ["u1", "u4", "u8", "u16", "u31", "u63", "i1", "i5", "i8", "i32", "i64"];
const AHEAD_SECONDS = ["100000", "200000", "300000"];
const AT_SECONDS = ["4102444800", "4102444900", "4202444800"];

export class CommandSource {
  private readonly random: Random;
  private readonly waiting: RandomCommand[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  next(): RandomCommand {
    const waiting = this.waiting.shift();
    if (waiting !== undefined) return waiting;
    if (this.below(40) === 0) this.drawTransaction();
    return this.waiting.shift() ?? this.draw();
  }

  private drawTransaction(): void {
    this.waiting.push(["MULTI"]);
    for (let i = this.below(5); i >= 0; i--) {
      let command = this.draw();
      while (/TTL|EXPIRETIME|KEYS|RANDOMKEY|FLUSH|IDLETIME|OBJECT|HSCAN/i.test(String(command[0])))
        command = this.draw();
      this.waiting.push(command);
    }
    this.waiting.push([this.below(5) === 0 ? "DISCARD" : "EXEC"]);
  }

  below(bound: number): number {
    return uniform(this.random, bound);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  key(): Argument {
    return this.pick(KEYS);
  }

  keys(): Argument[] {
    return Array.from({ length: 1 + this.below(4) }, () => this.key());
  }

  integer(): string {
    return this.below(3) === 0 ? String(this.below(2000) - 1000) : this.pick(INTEGERS);
  }

  float(): string {
    return this.below(3) === 0
      ? ((this.random.int32() / 65536) * 10 ** (this.below(12) - 6)).toString()
      : this.pick(FLOATS);
  }

  value(): Argument {
    switch (this.below(4)) {
      case 0:
        return this.integer();
      case 1:
        return this.float();
      default:
        return this.pick(TEXTS);
    }
  }

  /** A position in a short string: near its ends, or anywhere. */
  position(): string {
    return this.below(8) === 0 ? this.integer() : String(this.below(120) - 40);
  }

  /** An offset that grows a string by little. */
  offset(): string {
    return this.below(20) === 0 ? this.pick(["-1", "abc", "4294967296"]) : String(this.below(400));
  }

  expiry(): string[] {
    switch (this.below(6)) {
      case 0:
        return ["EX", this.pick(AHEAD_SECONDS)];
      case 1:
        return ["PX", `${this.pick(AHEAD_SECONDS)}000`];
      case 2:
        return ["EXAT", this.pick(AT_SECONDS)];
      case 3:
        return ["PXAT", `${this.pick(AT_SECONDS)}000`];
      case 4:
        return ["EX", this.pick(["0", "-1", "abc"])];
      default:
        return [];
    }
  }

  private setOptions(): string[] {
    const options: string[] = [];
    if (this.below(4) === 0) options.push(this.pick(["NX", "XX"]));
    if (this.below(4) === 0) options.push("GET");
    options.push(...(this.below(4) === 0 ? ["KEEPTTL"] : this.expiry()));
    if (this.below(40) === 0) options.push(this.pick(["bogus", "NX", "EX"]));
    return options;
  }

  private expireCommand(): RandomCommand {
    const options = this.below(2) === 0 ? [] : [this.pick(["NX", "XX"])];
    // GT and LT compare times: two relative ones are a millisecond apart on one server and equal on the other.
    const atOptions = this.below(2) === 0 ? [] : [this.pick(["NX", "XX", "GT", "LT"])];
    if (this.below(20) === 0) options.push(this.pick(["NX", "GT", "bogus"]));
    if (this.below(12) === 0) return ["PEXPIREAT", this.key(), this.pick(["1", "-5", "0"]), ...options];
    switch (this.below(4)) {
      case 0:
        return ["EXPIRE", this.key(), this.pick(AHEAD_SECONDS), ...options.filter((option) => option !== "GT")];
      case 1:
        return [
          "PEXPIRE",
          this.key(),
          `${this.pick(AHEAD_SECONDS)}000`,
          ...options.filter((option) => option !== "GT"),
        ];
      case 2:
        return ["EXPIREAT", this.key(), this.pick(AT_SECONDS), ...atOptions];
      default:
        return ["PEXPIREAT", this.key(), `${this.pick(AT_SECONDS)}000`, ...atOptions];
    }
  }

  private bitfield(): RandomCommand {
    const args: Argument[] = ["BITFIELD", this.key()];
    for (let i = this.below(3); i >= 0; i--) {
      const at = this.below(3) === 0 ? `#${this.below(20)}` : String(this.below(200));
      if (this.below(3) === 0) args.push("OVERFLOW", this.pick(["WRAP", "SAT", "FAIL"]));
      switch (this.below(3)) {
        case 0:
          args.push("GET", this.pick(TYPES), at);
          break;
        case 1:
          args.push("SET", this.pick(TYPES), at, this.integer());
          break;
        default:
          args.push("INCRBY", this.pick(TYPES), at, this.integer());
      }
    }
    return args;
  }

  private bits(): RandomCommand {
    const unit = this.pick([[], ["BYTE"], ["BIT"]]);
    switch (this.below(7)) {
      case 0:
        return ["SETBIT", this.key(), this.offset(), this.pick(["0", "1"])];
      case 1:
        return ["GETBIT", this.key(), this.offset()];
      case 2:
        return this.below(3) === 0
          ? ["BITCOUNT", this.key()]
          : ["BITCOUNT", this.key(), this.position(), this.position(), ...unit];
      case 3:
        return ["BITPOS", this.key(), this.pick(["0", "1"]), this.position(), this.position(), ...unit];
      case 4:
        return ["BITPOS", this.key(), this.pick(["0", "1"]), ...(this.below(2) === 0 ? [] : [this.position()])];
      case 5:
        return ["BITOP", this.pick(["AND", "OR", "XOR"]), this.key(), ...this.keys()];
      default:
        return this.below(3) === 0 ? ["BITOP", "NOT", this.key(), this.key()] : this.bitfield();
    }
  }

  private generic(): RandomCommand {
    switch (this.below(16)) {
      case 0:
        return ["DEL", ...this.keys()];
      case 1:
        return ["UNLINK", this.key()];
      case 2:
        return ["EXISTS", ...this.keys()];
      case 3:
        return ["TYPE", this.key()];
      case 4:
        return ["RENAME", this.key(), this.key()];
      case 5:
        return ["RENAMENX", this.key(), this.key()];
      case 6: {
        const options = this.below(2) === 0 ? ["REPLACE"] : [];
        if (this.below(3) === 0) options.push("DB", this.pick(["0", "1", "2", "16"]));
        return ["COPY", this.key(), this.key(), ...options];
      }
      case 7:
        return ["MOVE", this.key(), this.pick(["0", "1", "2", "99"])];
      case 8:
        return ["OBJECT", "ENCODING", this.key()];
      case 9:
        return [this.pick(["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"]), this.key()];
      case 10:
        return ["PERSIST", this.key()];
      case 11:
        return this.below(4) === 0
          ? ["SWAPDB", this.pick(["0", "1", "2"]), this.pick(["0", "1", "2"])]
          : ["SELECT", this.pick(["0", "0", "1", "2"])];
      case 12:
        return this.below(10) === 0 ? [this.pick(["FLUSHDB", "FLUSHALL"])] : ["DBSIZE"];
      case 13:
        return ["KEYS", this.pick(["*", "key:*", "[a-c]", "?"])];
      case 14:
        return ["TOUCH", ...this.keys()];
      default:
        return this.expireCommand();
    }
  }

  private strings(): RandomCommand {
    switch (this.below(22)) {
      case 0:
      case 1:
      case 2:
        return ["SET", this.key(), this.value(), ...this.setOptions()];
      case 3:
        return ["GET", this.key()];
      case 4:
        return ["GETDEL", this.key()];
      case 5:
        return ["GETEX", this.key(), ...(this.below(4) === 0 ? ["PERSIST"] : this.expiry())];
      case 6:
        return ["GETSET", this.key(), this.value()];
      case 7:
        return ["GETRANGE", this.key(), this.position(), this.position()];
      case 8:
        return ["SETRANGE", this.key(), this.offset(), this.value()];
      case 9:
        return ["APPEND", this.key(), this.value()];
      case 10:
        return ["STRLEN", this.key()];
      case 11:
        return [this.pick(["INCR", "DECR"]), this.key()];
      case 12:
      case 13:
        return [this.pick(["INCRBY", "DECRBY"]), this.key(), this.integer()];
      case 14:
      case 15:
        return ["INCRBYFLOAT", this.key(), this.below(2) === 0 ? this.float() : this.integer()];
      case 16:
        return ["MGET", ...this.keys()];
      case 17:
        return [this.pick(["MSET", "MSET", "MSETNX"]), ...this.keys().flatMap((key) => [key, this.value()])];
      case 18:
        return ["SETNX", this.key(), this.value()];
      case 19:
        return this.below(2) === 0
          ? ["SETEX", this.key(), this.pick(AHEAD_SECONDS), this.value()]
          : ["PSETEX", this.key(), "100000000", this.value()];
      case 20:
        return [
          "LCS",
          this.key(),
          this.key(),
          ...this.pick([[], ["LEN"], ["IDX"], ["IDX", "MINMATCHLEN", "2"], ["IDX", "WITHMATCHLEN"]]),
        ];
      default:
        return ["SUBSTR", this.key(), this.position(), this.position()];
    }
  }

  private draw(): RandomCommand {
    if (this.below(3) > 0 && collections.length > 0) return this.pick(collections)(this);
    switch (this.below(10)) {
      case 0:
      case 1:
        return this.bits();
      case 2:
      case 3:
      case 4:
        return this.generic();
      default:
        return this.strings();
    }
  }
}

/** What tells two keyspaces apart, to be asked now and then. */
export function inspection(): RandomCommand[] {
  const commands: RandomCommand[] = [["DISCARD"], ["DEBUG", "DIGEST"]];
  for (const database of ["0", "1", "2"]) {
    commands.push(["SELECT", database], ["DBSIZE"], ["KEYS", "*"]);
    for (const key of KEYS) {
      commands.push(["GET", key], ["OBJECT", "ENCODING", key], ["PTTL", key], ["DEBUG", "DIGEST-VALUE", key]);
    }
  }
  return [...commands, ["SELECT", "0"]];
}
