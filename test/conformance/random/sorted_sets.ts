/**
 * Random commands on sorted sets. What is drawn at random is left out, and so are ranges of members where scores differ, which Redis leaves
 * open: those have keys of their own, whose scores are all equal.
 */
import type { Argument } from "../../support/resp_client.ts";
import type { CommandSource, RandomCommand } from "../random_commands.ts";

const MEMBERS: readonly Argument[] = [
  "",
  "x",
  "y",
  "xx",
  "abc",
  "007",
  "-0",
  "1.5",
  "70000",
  "9223372036854775807",
  "-9223372036854775808",
  "l".repeat(64),
  "l".repeat(65),
  Buffer.from([0, 255, 13, 10]),
];
const SCORES = [
  "0",
  "1",
  "2",
  "3",
  "-1",
  "0.1",
  "2.5",
  "1e17",
  "inf",
  "-inf",
  "1e-7",
  "4503599627370497",
  "123456.7890123",
  "-0",
];
const BOUNDS = ["-inf", "+inf", "0", "1", "(1", "2", "(2", "2.5", "-5", "1e18", "(inf"];
const MEMBER_BOUNDS = ["-", "+", "[a", "(a", "[m", "(m5", "[m10", "[", "(", "[z", "[-0", "(x"];
const LEX_KEYS = ["lex:1", "lex:2"];

function member(source: CommandSource): Argument {
  return source.below(2) === 0 ? `m${source.below(30)}` : source.pick(MEMBERS);
}

function members(source: CommandSource): Argument[] {
  return Array.from({ length: 1 + source.below(5) }, () => member(source));
}

function score(source: CommandSource): string {
  return source.below(2) === 0 ? String(source.below(40) - 10) : source.pick(SCORES);
}

/** Now and then as many pairs as cross a threshold, all of different members. */
function pairs(source: CommandSource): Argument[] {
  if (source.below(25) === 0) {
    const count = source.pick([100, 127, 128, 129, 300]);
    // Without -0: 7.2 makes so many pairs a skiplist at once, which keeps it, where 7.0 goes by a listpack, which makes it 0.
    return Array.from({ length: count }, (_, i) => [score(source).replace("-0", "0"), `n${i}`]).flat();
  }
  return members(source).flatMap((each) => [source.below(60) === 0 ? "nan" : score(source), each]);
}

function rank(source: CommandSource): string {
  return source.below(20) === 0 ? source.integer() : String(source.below(14) - 5);
}

function limit(source: CommandSource): string[] {
  return source.below(3) > 0 ? [] : ["LIMIT", String(source.below(5) - 1), String(source.below(6) - 1)];
}

function withScores(source: CommandSource): string[] {
  return source.below(2) === 0 ? [] : ["WITHSCORES"];
}

function add(source: CommandSource): RandomCommand {
  const options: string[] = [];
  if (source.below(3) === 0) options.push(source.pick(["NX", "XX", "GT", "LT", "CH"]));
  if (source.below(4) === 0) options.push(source.pick(["XX", "GT", "LT", "CH"]));
  if (source.below(6) > 0) {
    const added = pairs(source);
    // So many pairs make a skiplist since 7.2, even where XX lets none of them in.
    const kept = added.length < 200 ? options : options.filter((option) => option !== "XX");
    return ["ZADD", source.key(), ...kept, ...added];
  }
  return ["ZADD", source.key(), ...options, "INCR", score(source), member(source)];
}

function several(source: CommandSource): Argument[] {
  const keys = Array.from({ length: 1 + source.below(3) }, () => source.key());
  return [String(source.below(30) === 0 ? source.below(5) : keys.length), ...keys];
}

function combination(source: CommandSource): RandomCommand {
  const operation = source.pick(["ZUNION", "ZINTER", "ZDIFF"]);
  const keys = several(source);
  const options: string[] = [];
  if (operation !== "ZDIFF" || source.below(20) === 0) {
    if (source.below(3) === 0) options.push("WEIGHTS", ...keys.slice(1).map(() => score(source)));
    if (source.below(2) === 0) options.push("AGGREGATE", source.pick(["SUM", "MIN", "MAX", "min", "bogus"]));
  }
  if (source.below(2) === 0) return [`${operation}STORE`, source.key(), ...keys, ...options];
  if (source.below(4) === 0) return ["ZINTERCARD", ...keys, ...(source.below(2) === 0 ? [] : ["LIMIT", rank(source)])];
  return [operation, ...keys, ...options, ...withScores(source)];
}

function range(source: CommandSource): RandomCommand {
  const bounds = [source.pick(BOUNDS), source.pick(BOUNDS)];
  switch (source.below(7)) {
    case 0:
      return ["ZRANGE", source.key(), rank(source), rank(source), ...source.pick([[], ["REV"]]), ...withScores(source)];
    case 1:
      return ["ZREVRANGE", source.key(), rank(source), rank(source), ...withScores(source)];
    case 2:
      return [
        "ZRANGE",
        source.key(),
        ...bounds,
        "BYSCORE",
        ...source.pick([[], ["REV"]]),
        ...limit(source),
        ...withScores(source),
      ];
    case 3:
      return [
        source.pick(["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"]),
        source.key(),
        ...bounds,
        ...withScores(source),
        ...limit(source),
      ];
    case 4:
      return ["ZCOUNT", source.key(), ...bounds];
    case 5:
      return source.below(2) === 0
        ? ["ZRANGESTORE", source.key(), source.key(), rank(source), rank(source), ...source.pick([[], ["REV"]])]
        : ["ZRANGESTORE", source.key(), source.key(), ...bounds, "BYSCORE", ...limit(source)];
    default:
      return source.below(2) === 0
        ? ["ZREMRANGEBYRANK", source.key(), rank(source), rank(source)]
        : ["ZREMRANGEBYSCORE", source.key(), ...bounds];
  }
}

function ofMembers(source: CommandSource): RandomCommand {
  const key = source.pick(LEX_KEYS);
  const bounds = [source.pick(MEMBER_BOUNDS), source.pick(MEMBER_BOUNDS)];
  switch (source.below(7)) {
    case 0:
    case 1:
      return [
        "ZADD",
        key,
        ...Array.from({ length: 1 + source.below(8) }, () => member(source)).flatMap((each) => ["0", each]),
      ];
    case 2:
      return ["ZADD", key, ...Array.from({ length: 60 }, (_, i) => ["0", `m${i * 3 + source.below(3)}`]).flat()];
    case 3:
      return [source.pick(["ZRANGEBYLEX", "ZREVRANGEBYLEX"]), key, ...bounds, ...limit(source)];
    case 4:
      return ["ZRANGE", key, ...bounds, "BYLEX", ...source.pick([[], ["REV"]]), ...limit(source)];
    case 5:
      return ["ZLEXCOUNT", key, ...bounds];
    default:
      return source.below(3) === 0 ? ["ZREMRANGEBYLEX", key, ...bounds] : ["ZREM", key, ...members(source)];
  }
}

export function sortedSetSource(source: CommandSource): RandomCommand {
  switch (source.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return add(source);
    case 4:
      return ["ZINCRBY", source.key(), score(source), member(source)];
    case 5:
      return ["ZREM", source.key(), ...members(source)];
    case 6:
      return [source.pick(["ZSCORE", "ZRANK", "ZREVRANK"]), source.key(), member(source)];
    case 7:
      return source.below(2) === 0 ? ["ZCARD", source.key()] : ["ZMSCORE", source.key(), ...members(source)];
    case 8:
    case 9:
    case 10:
      return range(source);
    case 11:
    case 12:
      return combination(source);
    case 13:
      return ofMembers(source);
    case 14: {
      const count = source.below(2) === 0 ? [] : [rank(source)];
      return [source.pick(["ZPOPMIN", "ZPOPMAX"]), source.key(), ...count];
    }
    default:
      return source.below(6) === 0
        ? ["ZRANDMEMBER", source.key(), source.pick(["0", "x", "-9223372036854775808"])]
        : ["ZMPOP", ...several(source), source.pick(["MIN", "MAX"]), ...source.pick([[], ["COUNT", "3"]])];
  }
}
