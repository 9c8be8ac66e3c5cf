/** The small languages of the directives about backups: targets, recipients, times, limits. The typed readers stand beside their kinds. */
import { Cron } from "croner";
import { parseStoreUrl } from "../../backup/open_store.ts";
import { parseRetention } from "../../backup/retention.ts";
import { EmberlogError } from "../../base/errors.ts";
import { quoteArgument } from "./syntax.ts";
import { type Kind, memory, memoryText } from "./values.ts";

const words = (value: string): string[] => (value === "" ? [] : value.split(" "));

/** Why `read` does not take a text; undefined: it does. */
function problemOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof EmberlogError)) throw thrown;
    return thrown.message;
  }
}

function storeProblem(url: string): string | undefined {
  return problemOf(() => parseStoreUrl(url));
}

/** `7d daily 14 weekly 8 monthly 12`; empty: everything is kept. */
export const retention: Kind = {
  manyArguments: true,
  read(args) {
    const value = args
      .filter((word) => word !== "")
      .join(" ")
      .toLowerCase();
    const problem = value === "" ? undefined : problemOf(() => parseRetention(value));
    return problem === undefined ? { value } : { error: problem };
  },
  lines: (name, value) => [value === "" ? `${name} ""` : `${name} ${value}`],
};

/** `file:///path` or `s3://bucket/prefix?options`; empty: none. */
export const storeUrl: Kind = {
  manyArguments: false,
  read(args) {
    const problem = args[0] === "" ? undefined : storeProblem(args[0]!);
    return problem === undefined ? { value: args[0]! } : { error: problem };
  },
  lines: (name, value) => (value === "" ? [] : [`${name} ${quoteArgument(value)}`]),
};

/** A place to restore from into an empty directory, and whether to begin empty where nothing was ever backed up. */
export const restoreSource: Kind = {
  manyArguments: true,
  read(args) {
    const [url = "", choice, ...more] = args.filter((word) => word !== "");
    if (url === "") return { value: "" };
    if (more.length > 0 || (choice !== undefined && choice.toLowerCase() !== "or-begin")) {
      return { error: "expected the URL of a backup, and after it at most the word or-begin" };
    }
    const problem = storeProblem(url);
    if (problem !== undefined) return { error: problem };
    return { value: choice === undefined ? url : `${url} or-begin` };
  },
  lines: (name, value) => (value === "" ? [] : [`${name} ${value}`]),
};

export interface RestoreSource {
  readonly url: string;
  /** A store that was never written to is no reason to refuse. */
  readonly mayBegin: boolean;
}

export function readRestoreSource(value: string): RestoreSource | undefined {
  const [url, choice] = words(value);
  return url === undefined ? undefined : { url, mayBegin: choice !== undefined };
}

/** `age1…`, one or more; lines add up within one load and replace each other otherwise; an empty argument means none. */
export const recipients: Kind = {
  manyArguments: true,
  read(args, context) {
    const given = args.filter((word) => word !== "");
    if (given.some((word) => /^AGE-/i.test(word))) {
      return {
        error: "a recipient begins with age1; this is an identity, which is secret and belongs into a file of its own",
      };
    }
    if (given.some((word) => !/^age1[a-z0-9]+$/.test(word))) return { error: "recipients of age look like age1…" };
    const kept = context.loading && context.repeated && given.length > 0 ? words(context.previous) : [];
    return { value: [...new Set([...kept, ...given])].join(" ") };
  },
  lines: (name, value) => words(value).map((recipient) => `${name} ${recipient}`),
};

const bytes = memory(64 * 1024, 1024 ** 4);

/** `seconds [bytes]`: a pass is made after the one or the other. */
export const shippingRate: Kind = {
  manyArguments: true,
  read(args, context) {
    const [seconds = "", size, ...more] = args;
    if (more.length > 0 || !/^[0-9]{1,6}$/.test(seconds) || Number(seconds) < 1 || Number(seconds) > 86_400) {
      return { error: "expected seconds from 1 to 86400, and after them at most a size: 10 8mb" };
    }
    if (size === undefined) return { value: `${Number(seconds)} ${words(context.previous)[1]}` };
    const parsed = bytes.read([size], context);
    return "error" in parsed ? parsed : { value: `${Number(seconds)} ${parsed.value}` };
  },
  lines(name, value) {
    const [seconds, size] = words(value);
    return [`${name} ${seconds} ${memoryText(BigInt(size!))}`];
  },
};

export function readShippingRate(value: string): { readonly intervalMs: number; readonly bytes: number } {
  const [seconds, size] = words(value).map(Number);
  return { intervalMs: seconds! * 1000, bytes: size! };
}

/** Why a text is no cron expression; undefined: it is one. */
function cronProblem(expression: string): string | undefined {
  try {
    new Cron(expression, { paused: true });
    return undefined;
  } catch {
    return `not a cron expression: ${JSON.stringify(expression)} (minute hour day month weekday: 0 4 * * *)`;
  }
}

/** One cron expression by the machine's clock; empty: never. */
export const cronTimes: Kind = {
  manyArguments: true,
  read(args) {
    const expression = args.filter((word) => word !== "").join(" ");
    const problem = expression === "" ? undefined : cronProblem(expression);
    return problem === undefined ? { value: expression } : { error: problem };
  },
  lines: (name, value) => [value === "" ? `${name} ""` : `${name} ${value}`],
};

export interface ImageTime {
  readonly full: boolean;
  readonly expression: string;
}

/** `delta 0 * * * * full 0 3 * * *`: when images are taken for the backup; lines add up within one load; empty: never. */
export const imageSchedule: Kind = {
  manyArguments: true,
  read(args, context) {
    const given = args.filter((word) => word !== "");
    const kept = context.loading && context.repeated && given.length > 0 ? words(context.previous) : [];
    const value = [...kept, ...given]
      .map((word) => (/^(full|delta)$/i.test(word) ? word.toLowerCase() : word))
      .join(" ");
    if (value === "") return { value };
    if (!/^(full|delta) /.test(value)) return { error: "expected full or delta, and a cron expression after each" };
    for (const { expression } of readImageSchedule(value)) {
      const problem = cronProblem(expression);
      if (problem !== undefined) return { error: problem };
    }
    return { value };
  },
  lines(name, value) {
    if (value === "") return [`${name} ""`];
    return readImageSchedule(value).map(({ full, expression }) => `${name} ${full ? "full" : "delta"} ${expression}`);
  },
};

export function readImageSchedule(value: string): ImageTime[] {
  return value
    .split(/(?=\bfull |\bdelta )/)
    .filter((part) => part !== "")
    .map((part) => {
      const [kind, ...expression] = part.trim().split(" ");
      return { full: kind === "full", expression: expression.join(" ") };
    });
}

const limitBytes = memory(1024 * 1024, Number.MAX_SAFE_INTEGER);

/** `bytes refuse|hole`: what to do when more of the log than that waits for the store; empty: it waits as long as the disk lasts. */
export const lagLimit: Kind = {
  manyArguments: true,
  read(args, context) {
    const [size = "", choice = "refuse", ...more] = args.filter((word) => word !== "");
    if (size === "") return { value: "" };
    const action = choice.toLowerCase();
    if (more.length > 0 || (action !== "refuse" && action !== "hole")) {
      return { error: "expected a size, and after it refuse or hole: 20gb refuse" };
    }
    const parsed = limitBytes.read([size], context);
    return "error" in parsed ? parsed : { value: `${parsed.value} ${action}` };
  },
  lines(name, value) {
    const [size, action] = words(value);
    return size === undefined ? [`${name} ""`] : [`${name} ${memoryText(BigInt(size))} ${action}`];
  },
};

export interface LagLimit {
  readonly bytes: number;
  readonly action: "refuse" | "hole";
}

export function readLagLimit(value: string): LagLimit | undefined {
  const [size, action] = words(value);
  return size === undefined ? undefined : { bytes: Number(size), action: action === "hole" ? "hole" : "refuse" };
}
