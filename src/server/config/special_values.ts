/**
 * The directives whose value is a small language of its own: save points, output buffer limits, addresses, event
 * classes, percentiles. Each reads its arguments into the text that CONFIG GET shows and writes it back as lines;
 * the typed readers that the server uses (savePoints, outputBufferLimits) stand beside the kind they belong to.
 */
import { memoryBytes } from "../../base/memory_size.ts";
import { type Kind, memory, memoryText, type Parsed } from "./values.ts";

const words = (value: string): string[] => (value === "" ? [] : value.split(" "));

export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

/** Lines add up within one load and replace each other otherwise; an empty argument means none. */
export const savePoints: Kind = {
  manyArguments: true,
  read(args, context) {
    const invalid: Parsed = { error: "Invalid save parameters" };
    if (args.length % 2 === 1) return invalid;
    for (let i = 0; i < args.length; i++) {
      if (!/^[+-]?[0-9]+$/.test(args[i]!) || Number(args[i]) < (i % 2 === 0 ? 1 : 0)) return invalid;
    }
    const added = args.map((number) => String(Number(number)));
    const kept = context.loading && context.repeated && args.length > 0 ? words(context.previous) : [];
    return { value: [...kept, ...added].join(" ") };
  },
  lines(name, value) {
    const points = readSavePoints(value);
    return points.length === 0 ? [`${name} ""`] : points.map((point) => `${name} ${point.seconds} ${point.changes}`);
  },
};

export function readSavePoints(value: string): SavePoint[] {
  const numbers = words(value).map(Number);
  const points: SavePoint[] = [];
  for (let i = 0; i < numbers.length; i += 2) points.push({ seconds: numbers[i]!, changes: numbers[i + 1]! });
  return points;
}

/** Times of day by the machine's clock, `03:30 15:30`; an empty argument means none. */
export const timesOfDay: Kind = {
  manyArguments: true,
  read(args) {
    const times = args.filter((time) => time !== "");
    if (times.some((time) => !/^([01]?[0-9]|2[0-3]):[0-5][0-9]$/.test(time))) {
      return { error: "times of day look like 03:30, from 00:00 to 23:59" };
    }
    return { value: times.map((time) => time.padStart(5, "0")).join(" ") };
  },
  lines: (name, value) => [value === "" ? `${name} ""` : `${name} ${value}`],
};

/** Minutes since midnight. */
export function readTimesOfDay(value: string): number[] {
  return words(value).map((time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3)));
}

const CLIENT_CLASSES = ["normal", "slave", "pubsub"] as const;
export type ClientClass = (typeof CLIENT_CLASSES)[number];

export interface OutputBufferLimit {
  /** Above this the connection is closed at once; 0 is no limit. */
  readonly hardBytes: number;
  /** Above this for longer than softSeconds it is closed. */
  readonly softBytes: number;
  readonly softSeconds: number;
}

/** `class hard soft seconds`, any number of times; classes not named keep what they have. */
export const outputBufferLimits: Kind = {
  manyArguments: true,
  read(args, context) {
    if (args.length % 4 !== 0) {
      return { error: "Wrong number of arguments in buffer limit configuration." };
    }
    const rows = splitRows(context.previous);
    for (let i = 0; i < args.length; i += 4) {
      const named = args[i]!.toLowerCase();
      const name = CLIENT_CLASSES.find((each) => each === (named === "replica" ? "slave" : named));
      if (name === undefined) return { error: "Invalid client class specified in buffer limit configuration." };
      const hard = memoryBytes(args[i + 1]!);
      const soft = memoryBytes(args[i + 2]!);
      const seconds = args[i + 3]!;
      if (hard === undefined || soft === undefined || !/^[0-9]+$/.test(seconds)) {
        return { error: "Error in hard, soft or soft_seconds setting in buffer limit configuration." };
      }
      rows.set(name, [String(hard), String(soft), String(Number(seconds))]);
    }
    return { value: [...rows].map(([name, row]) => [name, ...row].join(" ")).join(" ") };
  },
  lines: (name, value) =>
    [...splitRows(value)].map(([row, [hard, soft, seconds]]) =>
      [name, row === "slave" ? "replica" : row, memoryText(BigInt(hard)), memoryText(BigInt(soft)), seconds].join(" "),
    ),
};

type LimitRow = [hard: string, soft: string, seconds: string];

function splitRows(value: string): Map<ClientClass, LimitRow> {
  const parts = words(value);
  const rows = new Map<ClientClass, LimitRow>();
  for (const [index, name] of CLIENT_CLASSES.entries()) {
    rows.set(name, [parts[index * 4 + 1]!, parts[index * 4 + 2]!, parts[index * 4 + 3]!]);
  }
  return rows;
}

export function readOutputBufferLimits(value: string): Record<ClientClass, OutputBufferLimit> {
  const rows = splitRows(value);
  const limit = (name: ClientClass): OutputBufferLimit => {
    const [hard, soft, seconds] = rows.get(name)!;
    return { hardBytes: Number(hard), softBytes: Number(soft), softSeconds: Number(seconds) };
  };
  return { normal: limit("normal"), slave: limit("slave"), pubsub: limit("pubsub") };
}

/** Addresses to listen on, at most 16. A leading "-" means: if the machine has it. No address: no TCP at all. */
export const addresses: Kind = {
  manyArguments: true,
  read(args) {
    if (args.length > 16) return { error: "Too many bind addresses specified." };
    // A single empty argument is how a file says "no address".
    return { value: args.filter((address) => address !== "").join(" ") };
  },
  lines: (name, value) => [value === "" ? `${name} ""` : `${name} ${value}`],
};

const EVENT_CLASSES = "g$lshzxetdn";
const EVENT_CLASSES_ALL = "g$lshzxetd";

/**
 * Event classes of keyspace notifications; "A" stands for all that are not asked for by name, which "n" and "m" are. CONFIG GET does not show
 * "n" beside "A", as in Redis; a configuration file keeps it.
 */
export const eventClasses: Kind = {
  manyArguments: false,
  read(args) {
    const given = new Set(args[0]!.replaceAll("A", EVENT_CLASSES_ALL));
    for (const letter of given) {
      if (!`${EVENT_CLASSES}KEm`.includes(letter)) {
        return { error: "Invalid event class character. Use 'Ag$lshzxeKEtmdn'." };
      }
    }
    const all = [...EVENT_CLASSES_ALL].every((letter) => given.has(letter));
    const named = [...EVENT_CLASSES].filter((letter) => given.has(letter)).join("");
    const classes = all ? `A${given.has("n") ? "n" : ""}` : named;
    const rest = ["K", "E", "m"].filter((letter) => given.has(letter)).join("");
    return { value: classes + rest };
  },
  shown: (value) => value.replace("An", "A"),
  lines: (name, value) => [`${name} "${value}"`],
};

/** Percentiles between 0 and 100, each a decimal number; an empty argument means none. */
export const percentiles: Kind = {
  manyArguments: true,
  read(args) {
    for (const share of args) {
      if (!/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(share)) {
        return { error: "Invalid latency-tracking-info-percentiles parameters" };
      }
      if (Number(share) < 0 || Number(share) > 100) {
        return { error: "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]" };
      }
    }
    return { value: args.map((share) => String(Number(Number(share).toFixed(6)))).join(" ") };
  },
  lines: (name, value) => [value === "" ? `${name} ""` : `${name} ${value}`],
};

/** Three adjustments of the kernel's out-of-memory score: primary, replica, child. */
export const scoreAdjustments: Kind = {
  manyArguments: true,
  read(args) {
    if (args.length !== 3) return { error: "wrong number of arguments" };
    if (args.some((score) => !/^-?[0-9]*$/.test(score) || Math.abs(Number(score)) > 2000)) {
      return { error: "Invalid oom-score-adj-values, elements must be between -2000 and 2000." };
    }
    return { value: args.map((score) => String(Number(score))).join(" ") };
  },
  lines: (name, value) => [`${name} ${value}`],
};

/** `host port` of a primary; `no one` is the same as none. */
export const primaryAddress: Kind = {
  manyArguments: true,
  read(args) {
    if (args.length !== 2) return { error: "wrong number of arguments" };
    if (args[0]!.toLowerCase() === "no" && args[1]!.toLowerCase() === "one") return { value: "" };
    const port = Number(args[1]);
    if (!/^[0-9]+$/.test(args[1]!) || port > 65535) return { error: "Invalid master port" };
    return { value: `${args[0]} ${port}` };
  },
  lines: (name, value) => (value === "" ? [] : [`${name} ${value}`]),
};

const shareOrBytes = memory(0, Number.MAX_SAFE_INTEGER, { percent: true });

/** A part of a disk: bytes, a share of the whole ("5%"), or "auto". */
export const diskWatermark: Kind = {
  manyArguments: false,
  read: (args, context) => (args[0]!.toLowerCase() === "auto" ? { value: "auto" } : shareOrBytes.read(args, context)),
  lines: (name, value) => (value === "auto" ? [`${name} auto`] : shareOrBytes.lines(name, value)),
};
