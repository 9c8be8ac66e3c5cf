/** Random commands on sets. What is drawn at random is left out, but for SPOP and SRANDMEMBER of everything: both servers must agree. */
import type { Argument } from "../../support/resp_client.ts";
import type { CommandSource, RandomCommand } from "../random_commands.ts";

const MEMBERS: readonly Argument[] = [
  "",
  "x",
  "y",
  "abc",
  "01",
  "-0",
  "+7",
  "1.5",
  "70000",
  "-70000",
  "5000000000",
  "9223372036854775807",
  "-9223372036854775808",
  "9223372036854775808",
  "l".repeat(64),
  "l".repeat(65),
  Buffer.from([0, 255, 13, 10]),
];

function member(source: CommandSource): Argument {
  return source.below(2) === 0 ? String(source.below(30) - 5) : source.pick(MEMBERS);
}

function members(source: CommandSource): Argument[] {
  // Now and then as many as cross a threshold.
  if (source.below(30) === 0) {
    const first = source.below(100);
    const prefix = source.pick(["", "", "m"]);
    const count = source.pick([100, 127, 128, 129, 500, 513]);
    return Array.from({ length: count }, (_, i) => `${prefix}${first + i}`);
  }
  return Array.from({ length: 1 + source.below(6) }, () => member(source));
}

export function setSource(source: CommandSource): RandomCommand {
  switch (source.below(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return ["SADD", source.key(), ...members(source)];
    case 5:
    case 6:
      return ["SREM", source.key(), ...members(source)];
    case 7:
      return source.below(2) === 0
        ? ["SISMEMBER", source.key(), member(source)]
        : ["SMISMEMBER", source.key(), ...members(source)];
    case 8:
      return [source.pick(["SMEMBERS", "SCARD"]), source.key()];
    case 9:
      return ["SPOP", source.key(), source.pick(["0", "-1", "x", "9223372036854775808"])];
    case 10:
      return ["SRANDMEMBER", source.key(), source.pick(["0", "x", "9223372036854775808", "-9223372036854775808"])];
    case 11:
    case 12:
      return ["SMOVE", source.key(), source.key(), member(source)];
    case 13:
      return [source.pick(["SINTER", "SUNION", "SDIFF"]), ...source.keys()];
    case 14: {
      const keys = source.keys();
      const count = source.below(10) === 0 ? source.pick(["0", "-1", "x", "9"]) : String(keys.length);
      const limit = source.below(2) === 0 ? [] : ["LIMIT", source.pick(["0", "1", "5", "1000", "-1", "x"])];
      return ["SINTERCARD", count, ...keys, ...limit];
    }
    case 15:
    case 16:
    case 17:
      return [source.pick(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), source.key(), ...source.keys()];
    default:
      return ["SSCAN", source.key(), source.pick(["x", "-", "1.0"]), ...source.pick([[], ["COUNT"], ["MATCH", "*"]])];
  }
}
