/** Random commands on hashes that redis-server 7.0.15 knows. What is drawn at random is left out, but for HRANDFIELD of what leaves no choice. */
import type { Argument } from "../../support/resp_client.ts";
import type { CommandSource, RandomCommand } from "../random_commands.ts";

const FIELDS: readonly Argument[] = [
  "",
  "a",
  "b",
  "name",
  "01",
  "7",
  "-70000",
  "9223372036854775807",
  "f".repeat(64),
  "f".repeat(65),
  Buffer.from([0, 255, 13, 10]),
];

function field(source: CommandSource): Argument {
  return source.below(2) === 0 ? `field:${source.below(20)}` : source.pick(FIELDS);
}

function value(source: CommandSource): Argument {
  switch (source.below(12)) {
    case 0:
      return "v".repeat(source.pick([63, 64, 65, 300, 2000]));
    case 1:
    case 2:
    case 3:
      return source.integer();
    default:
      return source.value();
  }
}

function pairs(source: CommandSource): Argument[] {
  // Now and then as many as cross the threshold, no name twice: later versions look at how many there are, not how many differ.
  if (source.below(40) === 0) {
    const first = source.below(300);
    const count = source.pick([500, 511, 512, 513]);
    return Array.from({ length: count }, (_, i) => [`n${first + i}`, String(i)]).flat();
  }
  return Array.from({ length: 1 + source.below(4) }, () => [field(source), value(source)]).flat();
}

function fields(source: CommandSource): Argument[] {
  return Array.from({ length: 1 + source.below(5) }, () => field(source));
}

export function hashSource(source: CommandSource): RandomCommand {
  switch (source.below(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return [source.pick(["HSET", "HSET", "HMSET"]), source.key(), ...pairs(source)];
    case 4:
      return ["HSETNX", source.key(), field(source), value(source)];
    case 5:
    case 6:
      return ["HDEL", source.key(), ...fields(source)];
    case 7:
      return ["HGET", source.key(), field(source)];
    case 8:
      return ["HMGET", source.key(), ...fields(source)];
    case 9:
    case 10:
      return [source.pick(["HGETALL", "HKEYS", "HVALS"]), source.key()];
    case 11:
      return ["HLEN", source.key()];
    case 12:
      return [source.pick(["HSTRLEN", "HEXISTS"]), source.key(), field(source)];
    case 13:
    case 14:
      return ["HINCRBY", source.key(), field(source), source.integer()];
    case 15:
    case 16:
      return ["HINCRBYFLOAT", source.key(), field(source), source.below(2) === 0 ? source.float() : source.integer()];
    case 17:
      return ["HRANDFIELD", source.key(), source.pick(["0", "x", "9223372036854775808", "-9223372036854775808"])];
    case 18:
      return ["HSCAN", source.key(), source.pick(["0", "x", "-"]), "COUNT", source.pick(["0", "x", "100000"])];
    default:
      return source.below(10) === 0 ? ["HSET", source.key(), field(source)] : ["HSTRLEN", source.key(), field(source)];
  }
}
