/** Draws streams of request bytes: valid ones, and ones that were damaged, cut off or made up. */
import { type Random, uniform } from "../src/base/random.ts";

const KEYS = ["a", "b", "key:1", "", "x".repeat(70)];
const VALUES = [
  "",
  "1",
  "abc",
  "two words",
  "\r\n",
  "$5\r\nhowdy",
  "*1\r\n$4\r\nPING\r\n",
  "é".repeat(10),
  "v".repeat(300),
  "\xff\x80",
];
const LENGTHS = [
  "-1",
  "0",
  "1",
  "3",
  "00",
  "abc",
  "",
  "2147483648",
  "536870913",
  "9223372036854775808",
  "-2147483648",
  "1 ",
];
const INLINE = [
  "PING\r\n",
  "\r\n",
  "GET a\n",
  "SET a 'x y'\r\n",
  'SET b "\\x41\\n"\r\n',
  'SET a "x\r\n',
  "  ECHO  hi \r\n",
  "NOSUCH a b\r\n",
  "EXISTS a b a\r\n",
];

/** A stream of a few requests; with `mutate` the bytes are damaged afterwards, with `nul` zero bytes may occur. */
export function drawStream(random: Random, options: { readonly mutate: boolean; readonly nul: boolean }): Uint8Array {
  let text = "";
  for (let i = uniform(random, 8); i >= 0; i--)
    text += uniform(random, 5) === 0 ? pick(random, INLINE) : array(random, options.nul);
  let bytes: Uint8Array = Uint8Array.from(Buffer.from(text, "latin1"));
  if (options.mutate) for (let i = uniform(random, 4); i >= 0; i--) bytes = mutate(random, bytes);
  if (!options.nul) for (let i = 0; i < bytes.length; i++) if (bytes[i] === 0) bytes[i] = 1 + uniform(random, 255);
  return bytes;
}

/** Places to cut `length` bytes at, ascending: few, many, or everywhere. */
export function drawCuts(random: Random, length: number): number[] {
  if (length === 0) return [];
  if (uniform(random, 20) === 0) return Array.from({ length }, (_, i) => i);
  const cuts = Array.from({ length: uniform(random, 12) }, () => uniform(random, length));
  return cuts.sort((a, b) => a - b);
}

function array(random: Random, nul: boolean): string {
  const args = request(random);
  if (nul && uniform(random, 6) === 0) args[args.length - 1] = "\0\0x";
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}

function request(random: Random): string[] {
  const key = pick(random, KEYS);
  switch (uniform(random, 12)) {
    case 0:
      return ["PING"];
    case 1:
      return ["ECHO", pick(random, VALUES)];
    case 2:
    case 3:
      return ["SET", key, pick(random, VALUES)];
    case 4:
      return ["get", key];
    case 5:
      return ["APPEND", key, pick(random, VALUES)];
    case 6:
      return ["MGET", key, pick(random, KEYS), pick(random, KEYS)];
    case 7:
      return ["EXISTS", ...Array.from({ length: 1 + uniform(random, 150) }, () => key)];
    case 8:
      return ["DEL", key];
    case 9:
      return ["INCR", key];
    case 10:
      return [pick(random, ["NOSUCH", "", "GET", "MULTI", "EXEC", "UNWATCH", "STRLEN"])];
    default:
      return ["SETRANGE", key, String(uniform(random, 100)), pick(random, VALUES)];
  }
}

function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  const at = bytes.length === 0 ? 0 : uniform(random, bytes.length);
  const out = Array.from(bytes);
  switch (uniform(random, 8)) {
    case 0:
      if (out.length > 0) out[at] = uniform(random, 256);
      break;
    case 1:
      out.splice(at, 1 + uniform(random, 5));
      break;
    case 2:
      out.splice(at, 0, ...Array.from({ length: 1 + uniform(random, 5) }, () => uniform(random, 256)));
      break;
    case 3:
      return bytes.slice(0, at);
    case 4:
      out.splice(at, 0, ...out.slice(at, at + uniform(random, 40)));
      break;
    case 5: {
      // Another number where a length stands.
      const text = Buffer.from(bytes).toString("latin1");
      const places = [...text.matchAll(/[*$]-?\d*\r\n/g)];
      if (places.length === 0) break;
      const place = places[uniform(random, places.length)]!;
      const line = `${place[0][0]}${pick(random, LENGTHS)}\r\n`;
      return Uint8Array.from(
        Buffer.from(text.slice(0, place.index) + line + text.slice(place.index + place[0].length), "latin1"),
      );
    }
    case 6:
      out.splice(at, 0, ...Buffer.from(pick(random, ["\r\n", "\n", "*1\r\n", "$", "*", "'", '"', "$3\r\n"])));
      break;
    default:
      if (out.length > 0) out[at] = out[at]! ^ (1 << uniform(random, 8));
  }
  return Uint8Array.from(out);
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[uniform(random, list.length)]!;
}
