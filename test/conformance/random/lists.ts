/** Random commands on lists. Blocking ones are drawn with a time-out so short that a key without elements answers soon. */
import type { Argument } from "../../support/resp_client.ts";
import type { CommandSource, RandomCommand } from "../random_commands.ts";

const ELEMENTS: readonly Argument[] = [
  "",
  "x",
  "y",
  "abc",
  "01",
  "-0",
  "70000",
  "-70000",
  "9223372036854775807",
  "9223372036854775808",
  "l".repeat(64),
  "q".repeat(700),
  Buffer.from([0, 255, 13, 10]),
];
const ENDS = ["LEFT", "RIGHT", "left", "right"];

function element(source: CommandSource): Argument {
  return source.below(2) === 0 ? String(source.below(12) - 3) : source.pick(ELEMENTS);
}

function elements(source: CommandSource): Argument[] {
  // Now and then as many as make a list big.
  if (source.below(25) === 0) {
    const word = source.pick(["v", "some-longer-element-", "1"]);
    return Array.from({ length: source.pick([100, 400, 1000]) }, (_, i) => `${word}${i}`);
  }
  return Array.from({ length: 1 + source.below(5) }, () => element(source));
}

function index(source: CommandSource): string {
  return source.below(20) === 0 ? source.integer() : String(source.below(14) - 6);
}

function end(source: CommandSource): string {
  return source.below(30) === 0 ? "MIDDLE" : source.pick(ENDS);
}

export function listSource(source: CommandSource): RandomCommand {
  const key = source.key();
  switch (source.below(22)) {
    case 0:
    case 1:
    case 2:
      return [source.pick(["LPUSH", "RPUSH"]), key, ...elements(source)];
    case 3:
      return [source.pick(["LPUSHX", "RPUSHX"]), key, ...elements(source)];
    case 4:
      return [source.pick(["LPOP", "RPOP"]), key];
    case 5:
      return [source.pick(["LPOP", "RPOP"]), key, index(source)];
    case 6:
      return ["LLEN", key];
    case 7:
      return ["LRANGE", key, index(source), index(source)];
    case 8:
      return ["LRANGE", key, "0", "-1"];
    case 9:
      return ["LINDEX", key, index(source)];
    case 10:
      return ["LSET", key, index(source), element(source)];
    case 11:
    case 12:
      return ["LINSERT", key, source.pick(["BEFORE", "AFTER", "after", "NEAR"]), element(source), element(source)];
    case 13:
      return ["LREM", key, index(source), element(source)];
    case 14:
      return ["LTRIM", key, index(source), String(source.below(300) - 20)];
    case 15:
      return lpos(source, key);
    case 16:
    case 17:
      return ["LMOVE", key, source.key(), end(source), end(source)];
    case 18:
      return ["RPOPLPUSH", key, source.key()];
    case 19: {
      const keys = source.keys();
      const count = source.below(2) === 0 ? [] : ["COUNT", index(source)];
      return ["LMPOP", source.below(15) === 0 ? source.integer() : String(keys.length), ...keys, end(source), ...count];
    }
    case 20:
      return ["DEBUG", "DIGEST-VALUE", key];
    default:
      return [source.pick(["BLPOP", "BRPOP"]), ...source.keys(), "0.001"];
  }
}

function lpos(source: CommandSource, key: Argument): RandomCommand {
  const command: Argument[] = ["LPOS", key, element(source)];
  for (let i = source.below(4); i > 0; i--) {
    const option = source.pick(["RANK", "COUNT", "MAXLEN"]);
    const value = index(source);
    // redis-server 7.0.15 takes it for a rank (differences.ts); among the replies of an EXEC that could not be told from a mistake.
    command.push(option, option === "RANK" && value === "-9223372036854775808" ? "-1" : value);
  }
  return command;
}
