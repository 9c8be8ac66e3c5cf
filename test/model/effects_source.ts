/**
 * Draws what the effects model executes: the random commands of conformance, and besides them what those leave out because two servers
 * can't be compared in it: chance (SPOP), times to live that end while the commands run, fields that expire, pops that would wait.
 *
 * Elements of collections are named as they are at the moment, asked of the engine that the commands go to, so that most commands find
 * something.
 */
import { latin1Bytes } from "../../src/base/bytes.ts";
import { type Random, uniform } from "../../src/base/random.ts";
import { CommandSource, type RandomCommand } from "../conformance/random_commands.ts";
import { decodeReply, plain } from "../support/reply_value.ts";
import type { Argument } from "../support/resp_client.ts";

/** Asks the engine; the reply is raw RESP in latin1. */
export type Ask = (...args: Argument[]) => string;

export class EffectsSource {
  private readonly random: Random;
  private readonly commands: CommandSource;
  private readonly ask: Ask;
  private inMulti = false;

  constructor(random: Random, ask: Ask) {
    this.random = random;
    this.commands = new CommandSource(random);
    this.ask = ask;
  }

  next(): RandomCommand {
    if (this.inMulti || this.below(4) > 0) {
      const command = this.commands.next();
      if (command[0] === "MULTI") this.inMulti = true;
      if (command[0] === "EXEC" || command[0] === "DISCARD") this.inMulti = false;
      return command;
    }
    return this.own();
  }

  private below(bound: number): number {
    return uniform(this.random, bound);
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  private own(): RandomCommand {
    const key = this.commands.key();
    const type = this.ask("TYPE", key).slice(1, -2);
    const soon = String(1 + this.below(3000));
    if (type !== "none" && this.below(12) === 0) return this.restore(key, soon);
    switch (type) {
      case "hash":
        return this.ofHash(key, soon);
      case "list":
        return this.ofList(key);
      case "set":
        return this.ofSet(key);
      case "zset":
        return this.ofSortedSet(key);
      case "none":
        return this.create(key);
      default:
        return this.pick<RandomCommand>([
          ["PEXPIRE", key, soon],
          ["GETEX", key, "PX", soon],
          ["SET", key, "brief", "PX", soon],
          ["PEXPIREAT", key, "1700000000000"],
          ["DEL", key],
        ]);
    }
  }

  /** What a key holds, into another key, or into its own place. */
  private restore(key: Argument, soon: string): RandomCommand {
    const payload = this.payload(key);
    const time = this.pick([["0"], [soon], [String(1_700_000_000_000 + this.below(4_000_000)), "ABSTTL"]]);
    return ["RESTORE", this.pick([key, this.commands.key()]), time[0]!, payload, "REPLACE", ...time.slice(1)];
  }

  /** Empty where the key has just expired. */
  private payload(key: Argument): Uint8Array {
    const raw = this.ask("DUMP", key);
    return latin1Bytes(raw.slice(raw.indexOf("\r\n") + 2, -2));
  }

  /** Something of each type, often large enough to be no longer packed. */
  private create(key: Argument): RandomCommand {
    const count = this.pick([1, 3, 8, 40, 150, 600]);
    const texts = Array.from({ length: count }, (_, i) => this.element(i));
    switch (this.below(5)) {
      case 0:
        return ["HSET", key, ...texts.flatMap((text) => [text, this.commands.value()])];
      case 1:
        return [this.pick(["RPUSH", "LPUSH"]), key, ...texts];
      case 2:
        return ["SADD", key, ...texts];
      case 3:
        return ["ZADD", key, ...texts.flatMap((text) => [String(this.below(1000) / 4), text])];
      default:
        return ["PSETEX", key, String(1 + this.below(3000)), "brief"];
    }
  }

  private element(i: number): Argument {
    switch (this.below(4)) {
      case 0:
        return String(this.below(100_000) - 50_000);
      case 1:
        return `element ${i}`.padEnd(this.below(90), "x");
      default:
        return `e${i}`;
    }
  }

  /** Elements that are there, as the reply of `question` names them. */
  private some(...question: Argument[]): Argument[] {
    const reply = plain(decodeReply(latin1Bytes(this.ask(...question))));
    if (Array.isArray(reply) && reply.length > 0) return reply.map((each) => latin1Bytes(String(each)));
    return typeof reply === "string" ? [latin1Bytes(reply)] : ["none"];
  }

  private ofHash(key: Argument, soon: string): RandomCommand {
    const fields = this.some("HRANDFIELD", key, String(1 + this.below(4)));
    const clause = ["FIELDS", String(fields.length), ...fields];
    const condition = this.below(3) === 0 ? [this.pick(["NX", "XX", "GT", "LT"])] : [];
    const inSeconds = String(1 + this.below(3));
    return this.pick<() => RandomCommand>([
      () => ["HPEXPIRE", key, soon, ...condition, ...clause],
      () => ["HPEXPIRE", key, soon, ...condition, ...clause],
      () => ["HEXPIRE", key, inSeconds, ...condition, ...clause],
      () => ["HPEXPIREAT", key, String(1_700_000_000_000 + this.below(4_000_000)), ...condition, ...clause],
      () => ["HEXPIREAT", key, String(1_700_000_000 + this.below(4000)), ...condition, ...clause],
      () => ["HPERSIST", key, ...clause],
      () => ["HGETEX", key, ...this.pick([["PX", soon], ["EX", inSeconds], ["PERSIST"], []]), ...clause],
      () => ["HGETDEL", key, ...clause],
      () => [
        "HSETEX",
        key,
        ...this.pick([[], ["FNX"], ["FXX"]]),
        ...this.pick([["PX", soon], ["EX", inSeconds], ["KEEPTTL"], []]),
        "FIELDS",
        String(fields.length),
        ...fields.flatMap((field) => [field, this.commands.value()]),
      ],
      () => ["HSET", key, fields[0]!, this.commands.value()],
      () => ["HDEL", key, ...fields],
      () => ["HINCRBYFLOAT", key, fields[0]!, this.commands.float()],
      () => ["HINCRBY", key, fields[0]!, this.commands.integer()],
      () => ["HSETNX", key, `new ${soon}`, "v"],
      () => ["PEXPIRE", key, soon],
      () => ["COPY", key, this.commands.key(), "REPLACE"],
    ])();
  }

  private ofList(key: Argument): RandomCommand {
    const other = this.commands.key();
    const [element] = this.some("LINDEX", key, String(this.below(10) - 5));
    const end = (): string => this.pick(["LEFT", "RIGHT"]);
    return this.pick<() => RandomCommand>([
      () => [this.pick(["BLPOP", "BRPOP"]), other, key, "0"],
      () => ["BLMOVE", key, other, end(), end(), "0"],
      () => ["BRPOPLPUSH", key, other, "0"],
      () => ["BLMPOP", "0", "2", other, key, end(), "COUNT", String(1 + this.below(20))],
      () => ["LMPOP", "2", other, key, end(), "COUNT", String(1 + this.below(200))],
      () => ["LMOVE", key, other, end(), end()],
      () => ["LINSERT", key, this.pick(["BEFORE", "AFTER"]), element!, this.commands.value()],
      () => ["LREM", key, String(this.below(5) - 2), element!],
      () => ["LTRIM", key, String(this.below(10)), String(this.below(400) - 300)],
      () => ["LSET", key, String(this.below(40) - 20), this.commands.value()],
      () => ["LPUSHX", key, this.commands.value(), this.commands.value()],
      () => ["RPUSHX", key, this.element(7)],
      () => ["SORT", key, "ALPHA", "STORE", other],
      () => ["RPOP", key, String(this.below(100))],
      () => ["PEXPIRE", key, String(1 + this.below(3000))],
    ])();
  }

  private ofSet(key: Argument): RandomCommand {
    const members = this.some("SRANDMEMBER", key, String(1 + this.below(4)));
    return this.pick<() => RandomCommand>([
      () => ["SPOP", key],
      () => ["SPOP", key, String(this.below(9))],
      () => ["SPOP", key, this.pick(["1", "100", "400", "1000"])],
      () => ["SREM", key, ...members],
      () => ["SMOVE", key, this.commands.key(), members[0]!],
      () => ["SADD", key, ...members, this.element(this.below(1000))],
      () => [this.pick(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), this.commands.key(), key, this.commands.key()],
      () => ["SORT", key, "ALPHA", "LIMIT", "0", "9", "STORE", this.commands.key()],
      () => ["PEXPIRE", key, String(1 + this.below(3000))],
    ])();
  }

  private ofSortedSet(key: Argument): RandomCommand {
    const members = this.some("ZRANDMEMBER", key, String(1 + this.below(4)));
    const other = this.commands.key();
    const low = String(this.below(300) / 4);
    return this.pick<() => RandomCommand>([
      () => ["ZADD", key, ...this.pick([["GT"], ["LT"], ["NX"], ["XX", "CH"], []]), low, members[0]!],
      () => ["ZADD", key, "INCR", this.commands.float(), members[0]!],
      () => ["ZINCRBY", key, this.commands.float(), members[0]!],
      () => ["ZREM", key, ...members],
      () => [this.pick(["ZPOPMIN", "ZPOPMAX"]), key, String(this.below(30))],
      () => [this.pick(["BZPOPMIN", "BZPOPMAX"]), other, key, "0"],
      () => ["BZMPOP", "0", "2", other, key, this.pick(["MIN", "MAX"]), "COUNT", String(1 + this.below(20))],
      () => ["ZMPOP", "2", other, key, this.pick(["MIN", "MAX"]), "COUNT", String(1 + this.below(200))],
      () => ["ZREMRANGEBYRANK", key, String(this.below(20)), String(this.below(60) - 20)],
      () => ["ZREMRANGEBYSCORE", key, low, String(Number(low) + 20)],
      () => ["ZREMRANGEBYLEX", key, "[e1", "[e2"],
      () => ["ZRANGESTORE", other, key, "0", String(this.below(200))],
      () => [this.pick(["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"]), this.commands.key(), "2", key, other],
      () => ["PEXPIRE", key, String(1 + this.below(3000))],
    ])();
  }
}
