/**
 * Bytes that claim to be a listpack or an intset, as a RESTORE payload or an image may bring them: the validators say yes or no, read
 * nothing outside of the bytes they were given, and end. What they say yes to can be walked forwards and backwards.
 *
 * The bytes lie in a larger array whose other bytes are drawn anew for a second opinion: an answer that depends on them has read
 * beyond. Reads before or behind the array show as `undefined` turned into a number, and are caught by a proxy in a share of the cases.
 */
import { type Random, uniform } from "../src/base/random.ts";
import { Integer64 } from "../src/structure/integer64.ts";
import { intsetBytes, intsetCount, readIntset, validateIntset } from "../src/structure/intset.ts";
import {
  copyElementText,
  elementTextLength,
  encodedBytes,
  encodeElement,
  endPosition,
  firstElement,
  isCanonicalListpack,
  LISTPACK_HEADER_BYTES,
  lastElement,
  listpackBytes,
  listpackCount,
  nextElement,
  previousElement,
  validateListpack,
} from "../src/structure/listpack.ts";
import { writeWord } from "../src/structure/listpack_encoding.ts";
import type { Target } from "./target.ts";

/** Room before and behind what is validated. */
const MARGIN = 40;
/** First bytes of elements of all kinds, and of none. */
const HEADS = [0xf0, 0xef, 0xff, 0xf4, 0xf5, 0x80, 0xbf, 0xc0, 0xe0, 0x7f];
const LENGTHS = [0, 1, 5, 62, 63, 64, 100, 127, 4094, 4095, 4096, 5000];

export const packedBytes: Target = {
  name: "packed-bytes",
  start: async () => true,
  stop: async () => "",
  async run(random) {
    const list = uniform(random, 3) > 0;
    let packed = list ? drawListpack(random) : drawIntset(random);
    for (let i = uniform(random, 5); i > 0; i--) packed = mutate(random, packed);
    // The length in the header as it would have to be, so that what follows is looked at.
    if (list && packed.length >= LISTPACK_HEADER_BYTES && uniform(random, 4) > 0) writeWord(packed, 0, packed.length);
    let failure: string;
    try {
      failure = list ? tryListpack(random, packed) : tryIntset(random, packed);
    } catch (error) {
      failure = String(error);
    }
    return failure === "" ? "" : `${failure}\n${list ? "listpack" : "intset"} ${Buffer.from(packed).toString("hex")}`;
  },
};

function tryListpack(random: Random, packed: Uint8Array): string {
  const verdict = judge(random, packed, validateListpack);
  if (typeof verdict === "string") return verdict;
  if (!verdict) return "";
  const count = listpackCount(packed, 0);
  let walked = 0;
  for (let at = firstElement(packed, 0); at !== -1; at = nextElement(packed, at)) {
    const length = elementTextLength(packed, at);
    const text = new Uint8Array(length);
    if (copyElementText(packed, at, text, 0) !== length) return `the element at ${at} has two lengths`;
    if (++walked > packed.length) return "the walk does not end";
  }
  let back = 0;
  for (let at = lastElement(packed, 0); at !== -1; at = previousElement(packed, 0, at)) {
    if (++back > packed.length) return "the walk backwards does not end";
  }
  if (walked !== count || back !== count) return `${count} elements counted, ${walked} forwards, ${back} backwards`;
  if (listpackBytes(packed, 0) !== packed.length || endPosition(packed, 0) !== packed.length - 1)
    return "another length than that of the bytes";
  isCanonicalListpack(packed, 0);
  return "";
}

function tryIntset(random: Random, packed: Uint8Array): string {
  const verdict = judge(random, packed, validateIntset);
  if (typeof verdict === "string") return verdict;
  if (!verdict) return "";
  if (intsetBytes(packed, 0) !== packed.length) return "another length than that of the bytes";
  const value = new Integer64();
  let before: bigint | undefined;
  for (let i = 0; i < intsetCount(packed, 0); i++) {
    readIntset(packed, 0, i, value);
    const now = (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
    if (before !== undefined && now <= before) return `integer ${i} is not above the one before`;
    before = now;
  }
  return "";
}

/** What `validate` says, wherever the bytes lie and whatever lies around them; a text when it says different things. */
function judge(
  random: Random,
  packed: Uint8Array,
  validate: (bytes: Uint8Array, base: number, length: number) => boolean,
): boolean | string {
  const alone = validate(packed, 0, packed.length);
  for (let round = 0; round < 2; round++) {
    const around = new Uint8Array(packed.length + 2 * MARGIN);
    for (let i = 0; i < around.length; i++) around[i] = round === 0 ? uniform(random, 256) : 0xff;
    around.set(packed, MARGIN);
    if (validate(around, MARGIN, packed.length) !== alone) return "the answer depends on bytes outside";
  }
  if (packed.length < 600 && validate(guarded(packed), 0, packed.length) !== alone)
    return "the answer depends on bytes outside";
  return alone;
}

/** The same bytes, which throw when another index is read. */
function guarded(packed: Uint8Array): Uint8Array {
  return new Proxy(packed, {
    get(target, name) {
      if (name === "length") return target.length;
      const index = Number(name);
      if (!(index >= 0 && index < target.length)) throw new Error(`byte ${String(name)} of ${target.length} was read`);
      return target[index];
    },
  });
}

function drawListpack(random: Random): Uint8Array {
  const elements: Uint8Array[] = [];
  let bytes = LISTPACK_HEADER_BYTES + 1;
  for (let i = uniform(random, 12); i > 0; i--) {
    const text = drawText(random);
    const element = new Uint8Array(encodedBytes(text, 0, text.length));
    encodeElement(element, 0, text, 0, text.length);
    elements.push(element);
    bytes += element.length;
  }
  const packed = new Uint8Array(bytes);
  writeWord(packed, 0, bytes);
  packed[4] = elements.length;
  let at = LISTPACK_HEADER_BYTES;
  for (const element of elements) {
    packed.set(element, at);
    at += element.length;
  }
  packed[at] = 0xff;
  return packed;
}

function drawText(random: Random): Uint8Array {
  if (uniform(random, 2) === 0) {
    const digits = uniform(random, 20);
    const sign = uniform(random, 2) === 0 ? "-" : "";
    return Buffer.from(
      sign +
        String(random.int32() >>> 0)
          .padEnd(digits, "7")
          .slice(0, digits + 1),
    );
  }
  return new Uint8Array(LENGTHS[uniform(random, LENGTHS.length)]!).fill(97 + uniform(random, 26));
}

function drawIntset(random: Random): Uint8Array {
  const width = [2, 4, 8][uniform(random, 3)]!;
  const values = new Set<bigint>();
  for (let i = uniform(random, 12); i > 0; i--) {
    values.add(BigInt.asIntN(width * 8, (BigInt(random.int32()) << 32n) | BigInt(random.int32() >>> 0)));
  }
  const sorted = [...values].sort((a, b) => (a < b ? -1 : 1));
  const packed = new Uint8Array(8 + sorted.length * width);
  writeWord(packed, 0, width);
  writeWord(packed, 4, sorted.length);
  for (const [i, value] of sorted.entries()) {
    for (let n = 0; n < width; n++) packed[8 + i * width + n] = Number((value >> BigInt(8 * n)) & 255n);
  }
  return packed;
}

function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  const out = Array.from(bytes);
  // Often near the end, where a head may reach over it.
  const range = Math.max(1, uniform(random, 3) === 0 ? Math.min(8, out.length) : out.length);
  const at = Math.max(0, out.length - 1 - uniform(random, range));
  switch (uniform(random, 7)) {
    case 0:
      out[at] = uniform(random, 256);
      break;
    case 1:
      out.splice(at, 1 + uniform(random, 4));
      break;
    case 2:
      out.splice(at, 0, ...Array.from({ length: 1 + uniform(random, 4) }, () => uniform(random, 256)));
      break;
    case 3:
      // The first byte of a long element, and of what looks like one.
      out[at] = HEADS[uniform(random, HEADS.length)]!;
      break;
    case 4:
      for (let i = 0; i < 4; i++) out[at + i] = [0xff, 0x7f, 0x80, 0][uniform(random, 4)]!;
      break;
    case 5:
      return Uint8Array.from(out.slice(0, at));
    default:
      // A head whose rest would lie behind the end.
      out.splice(out.length - 1, 0, HEADS[uniform(random, HEADS.length)]!);
  }
  return Uint8Array.from(out, (byte) => byte ?? 0);
}
