/** The request parser against vectors written by hand, each cut at every position and byte by byte. */
import { describe, expect, test } from "vitest";
import { INCOMPLETE, REQUEST, RequestParser, splitInline } from "../../../src/protocol/request_parser.ts";
import { readRequests } from "../../support/request_stream.ts";

interface Vector {
  readonly bytes: string;
  readonly requests: readonly (readonly string[])[];
  readonly error?: string;
}

/** The vector's requests are found whole, cut in two anywhere, and byte by byte. */
function check({ bytes, requests, error = "" }: Vector): void {
  const input = new Uint8Array(Buffer.from(bytes, "latin1"));
  const cutsList: number[][] = [[], Array.from({ length: input.length }, (_, i) => i)];
  for (let cut = 0; cut <= input.length; cut++) cutsList.push([cut]);
  for (const cuts of cutsList) {
    const stream = readRequests(input, cuts);
    const name = `${JSON.stringify(bytes.slice(0, 80))} cut at ${cuts.length > 1 ? "every byte" : cuts.join()}`;
    expect(stream.requests, name).toEqual(requests);
    expect(stream.error, name).toBe(error);
  }
}

const bad = (message: string): string => `Protocol error: ${message}`;

describe("arrays", () => {
  const vectors: Vector[] = [
    { bytes: "", requests: [] },
    { bytes: "*1\r\n$4\r\nPING\r\n", requests: [["PING"]] },
    { bytes: "*2\r\n$3\r\nGET\r\n$0\r\n\r\n", requests: [["GET", ""]] },
    { bytes: "*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n", requests: [["GET", "a\r\nb"]] },
    { bytes: "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n", requests: [["PING"], ["QUIT"]] },
    { bytes: "*0\r\n*-1\r\n*-7\r\n*1\r\n$4\r\nPING\r\n", requests: [["PING"]] },
    { bytes: "*2\r\n$1\r\na\r\n$12\r\n0123456789ab\r\n", requests: [["a", "0123456789ab"]] },
    { bytes: `*2\r\n$1\r\na\r\n$100\r\n${"x".repeat(100)}\r\n`, requests: [["a", "x".repeat(100)]] },
    { bytes: `*9\r\n${"$1\r\nk\r\n".repeat(9)}`, requests: [Array(9).fill("k")] },
    { bytes: "*1\r\n$2\r\n\xff\x00\r\n", requests: [["\xff\x00"]] },
    // What stands where "\r\n" behind a bulk and '\n' behind a length belong is skipped unseen, as Redis does.
    { bytes: "*1\rX$4\rYPINGZZ*1\r\n$1\r\na\r\n", requests: [["PING"], ["a"]] },
    { bytes: "*2\r\n$3\r\nGET\r\n", requests: [] },
  ];
  for (const vector of vectors) test(JSON.stringify(vector.bytes.slice(0, 60)), () => check(vector));
});

describe("protocol errors", () => {
  const lengths = [
    "abc",
    "",
    "+1",
    " 1",
    "1 ",
    "01",
    "-0",
    "1.5",
    "2147483648",
    "9223372036854775808",
    "9".repeat(40),
    "0x1",
    "--1",
  ];
  for (const length of lengths) {
    test(`array of ${JSON.stringify(length)}`, () =>
      check({ bytes: `*${length}\r\n`, requests: [], error: bad("invalid multibulk length") }));
  }
  for (const length of [...lengths.filter((each) => each !== "-0"), "-1", "-2", "536870913"]) {
    test(`bulk of ${JSON.stringify(length)}`, () =>
      check({ bytes: `*1\r\n$${length}\r\n`, requests: [], error: bad("invalid bulk length") }));
  }
  for (const other of ["P", ":", "*", "\r", "#", "\xff"]) {
    test(`${JSON.stringify(other)} instead of $`, () =>
      check({ bytes: `*2\r\n$1\r\na\r\n${other}1\r\n`, requests: [], error: bad(`expected '$', got '${other}'`) }));
  }
  test("what came before the error still counts", () => {
    check({
      bytes: "*1\r\n$4\r\nPING\r\n*x\r\n*1\r\n$4\r\nPING\r\n",
      requests: [["PING"]],
      error: bad("invalid multibulk length"),
    });
  });
  test("a length line that never ends", () => {
    expect(readRequests(Buffer.from(`*${"1".repeat(70_000)}`)).error).toBe(bad("too big mbulk count string"));
    expect(readRequests(Buffer.from(`*1\r\n$${"1".repeat(70_000)}`)).error).toBe(bad("too big bulk count string"));
    expect(readRequests(Buffer.from("x".repeat(70_000))).error).toBe(bad("too big inline request"));
    expect(readRequests(Buffer.from(`*${"1".repeat(60_000)}`)).error).toBe("");
  });
});

describe("inline requests", () => {
  const vectors: Vector[] = [
    { bytes: "PING\r\n", requests: [["PING"]] },
    { bytes: "PING\n", requests: [["PING"]] },
    { bytes: "\r\n\n  \r\nPING\r\n", requests: [["PING"]] },
    {
      bytes: " SET \t a  b \r\nGET a\r\n",
      requests: [
        ["SET", "a", "b"],
        ["GET", "a"],
      ],
    },
    { bytes: 'SET a "b c"\r\n', requests: [["SET", "a", "b c"]] },
    { bytes: "SET a 'b \"c'\r\n", requests: [["SET", "a", 'b "c']] },
    { bytes: "SET a 'it\\'s'\r\n", requests: [["SET", "a", "it's"]] },
    {
      bytes: 'SET a "\\x00\\xFf\\n\\r\\t\\a\\b\\\\\\"\\q\\xg1"\r\n',
      requests: [["SET", "a", '\x00\xff\n\r\t\x07\b\\"qxg1']],
    },
    { bytes: 'SET a ""\r\n', requests: [["SET", "a", ""]] },
    { bytes: 'SET a b"c d"\r\n', requests: [["SET", "a", "bc d"]] },
    { bytes: "PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n", requests: [["PING"], ["PING"], ["PING"]] },
    { bytes: 'SET a "b\r\n', requests: [], error: bad("unbalanced quotes in request") },
    { bytes: "SET a 'b\r\n", requests: [], error: bad("unbalanced quotes in request") },
    { bytes: 'SET a "b"c\r\n', requests: [], error: bad("unbalanced quotes in request") },
    { bytes: 'PING\r\nSET a "b\r\nPING\r\n', requests: [["PING"]], error: bad("unbalanced quotes in request") },
  ];
  for (const vector of vectors) test(JSON.stringify(vector.bytes), () => check(vector));

  test("offsets are absolute", () => {
    const bytes = new Uint8Array(Buffer.from("xxxxPING a\r\nrest"));
    const found = splitInline(bytes, 4, bytes.length);
    expect(found.end).toBe(12);
    expect(found.args.map((arg) => Buffer.from(arg).toString())).toEqual(["PING", "a"]);
  });
});

describe("limits", () => {
  test("before authentication requests are small", () => {
    const parser = new RequestParser();
    parser.unauthenticated = true;
    const read = (text: string): string => {
      const bytes = new Uint8Array(Buffer.from(text));
      parser.reset();
      parser.error = "";
      parser.next(bytes, 0, bytes.length);
      return parser.error;
    };
    expect(read("*11\r\n")).toBe(bad("unauthenticated multibulk length"));
    expect(read("*10\r\n")).toBe("");
    expect(read("*1\r\n$16385\r\n")).toBe(bad("unauthenticated bulk length"));
    expect(read("*1\r\n$16384\r\n")).toBe("");
  });

  test("proto-max-bulk-len", () => {
    const parser = new RequestParser();
    parser.bulkBytesMax = 1000;
    const long = new Uint8Array(Buffer.from("*1\r\n$1001\r\n"));
    parser.next(long, 0, long.length);
    expect(parser.error).toBe(bad("invalid bulk length"));
  });

  test("says how many bytes a request takes at least", () => {
    const parser = new RequestParser();
    const bytes = new Uint8Array(Buffer.from("*2\r\n$3\r\nSET\r\n$1000\r\nabc"));
    expect(parser.next(bytes, 0, bytes.length)).toBe(INCOMPLETE);
    expect(parser.needed).toBe(bytes.length - 3 + 1000 + 2);
  });

  test("the table of arguments grows, also across several requests of a turn", () => {
    const parser = new RequestParser(4);
    const one = `*50\r\n${"$2\r\nab\r\n".repeat(50)}`;
    const bytes = new Uint8Array(Buffer.from(one + one));
    expect(parser.next(bytes, 0, bytes.length)).toBe(REQUEST);
    expect(parser.next(bytes, parser.end, bytes.length)).toBe(REQUEST);
    expect([parser.argCount, parser.argc, parser.end]).toEqual([100, 50, bytes.length]);
    for (let i = 0; i < 100; i++) {
      const start = parser.args[i * 2]!;
      expect(Buffer.from(bytes.subarray(start, start + parser.args[i * 2 + 1]!)).toString()).toBe("ab");
    }
  });

  test("a request of many arguments in small pieces is read in linear time", () => {
    const count = 200_000;
    const bytes = new Uint8Array(Buffer.from(`*${count}\r\n${"$1\r\nk\r\n".repeat(count)}`));
    const parser = new RequestParser();
    let found = parser.next(bytes, 0, 1000);
    let steps = 0;
    for (let limit = 2000; found === INCOMPLETE; limit += 1000, steps++)
      found = parser.resume(bytes, 0, Math.min(limit, bytes.length));
    expect(found).toBe(REQUEST);
    expect(parser.argc).toBe(count);
    expect(steps).toBeGreaterThan(1000);
  }, 5000);
});
