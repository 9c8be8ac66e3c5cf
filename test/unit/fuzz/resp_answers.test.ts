/** What the comparison with redis-server leaves aside, and that it leaves nothing else aside. */
import { describe, expect, test } from "vitest";
import { comparable } from "../../../fuzz/resp_answers.ts";

const LACKING = new Set(["xrange", "xadd"]);
const unknown = (name: string): string => `-ERR unknown command '${name}', with args beginning with: \r\n`;
const ARITY = "-ERR wrong number of arguments for 'xrange' command\r\n";

function check(
  mine: string,
  other: string,
  equal: boolean,
  closed: readonly [boolean, boolean] = [false, false],
): void {
  const compared = comparable({ text: mine, closed: closed[0] }, { text: other, closed: closed[1] }, LACKING);
  expect(compared.mine.text === compared.other.text && compared.mine.closed === compared.other.closed).toBe(equal);
}

describe("a command that Emberlog does not have yet", () => {
  test("refused by both: everything else is compared", () => {
    check(`+A\r\n${unknown("xRANGE")}+B\r\n`, `+A\r\n${ARITY}+B\r\n`, true);
    check(`+A\r\n${unknown("xRANGE")}+B\r\n`, `+A\r\n${ARITY}+C\r\n`, false);
    check(`+Z\r\n${unknown("xRANGE")}+B\r\n`, `+A\r\n${ARITY}+B\r\n`, false);
    check(`${unknown("xRANGE")}$5\r\nab`, `${ARITY}$5\r\nab`, true);
    check(`${unknown("xRANGE")}+B\r\n`, `${ARITY}+B\r\n+C\r\n`, false);
    check(unknown("xRANGE"), ARITY, false, [false, true]);
  });

  test("executed by redis-server: everything before it is compared", () => {
    check(`+A\r\n${unknown("XADD")}$-1\r\n`, "+A\r\n$3\r\n1-1\r\n$1\r\nx\r\n", true, [false, true]);
    check(`+A\r\n${unknown("XADD")}$-1\r\n`, "+B\r\n$3\r\n1-1\r\n$-1\r\n", false);
  });

  test("answered by one only: waited for", () => {
    check(unknown("XADD"), "", false);
    check(`+A\r\n${unknown("XADD")}`, "+A\r\n$3\r\n1", false);
  });
});

test("other unknown commands are compared to the byte", () => {
  check(`${unknown("nosuch")}+B\r\n`, `${unknown("nosuch")}+B\r\n`, true);
  check(unknown("nosuch"), unknown("noSuch"), false);
  check(unknown("nosuch"), ARITY, false);
  check(`$-1\r\n`, ARITY, false);
});
