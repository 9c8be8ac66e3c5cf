/**
 * How one value of a directive is read and shown: each kind turns what a person wrote into the text that CONFIG GET
 * shows ("64mb" becomes "67108864"), or into Redis's own error message.
 *
 * The canonical text is the only stored form. Numbers are read with BigInt because Redis's bounds are 64 bits wide.
 * Nothing here knows a directive's name, a file or the server.
 */
import { resolve } from "node:path";
import { MEMORY_UNITS, memoryBytes } from "../../base/memory_size.ts";
import { quoteArgument } from "./syntax.ts";

export type Parsed = { readonly value: string } | { readonly error: string };

/** What a kind may know when it reads a value. */
export interface ReadContext {
  /** Where the process runs: relative paths start there. */
  readonly workingDirectory: string;
  /** The canonical text before this change. */
  readonly previous: string;
  /** True while a configuration file is read: then repeated lines add up (`save`, `client-output-buffer-limit`). */
  readonly loading: boolean;
  /** True when an earlier line of the same load has set this directive already. */
  readonly repeated: boolean;
}

export interface Kind {
  /** Several arguments on one line belong to the value. */
  readonly manyArguments: boolean;
  read(args: readonly string[], context: ReadContext): Parsed;
  /** The value as CONFIG GET shows it, where that is not all of it. */
  shown?(value: string): string;
  /** The lines of a configuration file that set `value`; none where no line can say it. */
  lines(name: string, value: string): string[];
}

const INT64_MAX = 9223372036854775807n;
const UINT64_MAX = 18446744073709551615n;

function ok(value: string): Parsed {
  return { value };
}

function bad(error: string): Parsed {
  return { error };
}

const oneLine = (name: string, value: string): string[] => [`${name} ${value}`];

export const yesNo: Kind = {
  manyArguments: false,
  read(args) {
    const word = args[0]!.toLowerCase();
    return word === "yes" || word === "no" ? ok(word) : bad("argument must be 'yes' or 'no'");
  },
  lines: oneLine,
};

/**
 * One word of a list, or with `several` any number of them; the first word of a list of several stands for "none", and
 * `conflict` names two words that exclude each other and the error that says so.
 */
export function oneOf(words: readonly string[], several = false, conflict?: readonly [string, string, string]): Kind {
  const error = `argument(s) must be one of the following: ${words.join(", ")}`;
  return {
    manyArguments: several,
    read(args) {
      const chosen = args.map((word) => word.toLowerCase());
      if (chosen.length === 0 || chosen.some((word) => !words.includes(word))) return bad(error);
      if (!several) return ok(chosen[0]!);
      if (conflict !== undefined && chosen.includes(conflict[0]) && chosen.includes(conflict[1]))
        return bad(conflict[2]);
      const named = words.slice(1).filter((word) => chosen.includes(word));
      return ok(named.length === 0 ? words[0]! : named.join(" "));
    },
    lines: oneLine,
  };
}

/** A plain decimal number as string2ll reads it: no sign but "-", no leading zeros, 64 bits. */
function plainInteger(text: string): bigint | undefined {
  if (!/^(0|-?[1-9][0-9]*)$/.test(text) || text.length > 20) return undefined;
  const value = BigInt(text);
  return value >= -INT64_MAX - 1n && value <= INT64_MAX ? value : undefined;
}

/** The shortest exact form of a size, as CONFIG REWRITE writes it. */
export function memoryText(bytes: bigint): string {
  for (const unit of ["gb", "mb", "kb"]) {
    const factor = MEMORY_UNITS[unit]!;
    if (bytes !== 0n && bytes % factor === 0n) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

function outside(min: bigint, max: bigint, radix = 10): Parsed {
  return bad(`argument must be between ${min.toString(radix)} and ${max.toString(radix)} inclusive`);
}

export function integer(
  min: number | bigint = 0,
  max: number | bigint = INT64_MAX,
  adjust?: (value: bigint) => bigint,
): Kind {
  const [low, high] = [BigInt(min), BigInt(max)];
  return {
    manyArguments: false,
    read(args) {
      const value = plainInteger(args[0]!);
      if (value === undefined) return bad("argument couldn't be parsed into an integer");
      if (value < low || value > high) return outside(low, high);
      return ok(String(adjust === undefined ? value : adjust(value)));
    },
    lines: oneLine,
  };
}

/** A number of bytes. With `percent`, a share of maxmemory ("5%") may stand instead. */
export function memory(
  min: number | bigint = 0,
  max: number | bigint = INT64_MAX,
  options: { percent?: boolean; adjust?: (value: bigint) => bigint } = {},
): Kind {
  const [low, high] = [BigInt(min), BigInt(max)];
  return {
    manyArguments: false,
    read(args) {
      const text = args[0]!;
      const bytes = memoryBytes(text);
      if (bytes !== undefined) {
        if (bytes < low || bytes > high) return outside(low, high);
        return ok(String(options.adjust === undefined ? bytes : options.adjust(bytes)));
      }
      if (options.percent !== true) return bad("argument must be a memory value");
      const share = text.endsWith("%") ? plainInteger(text.slice(0, -1)) : undefined;
      if (share === undefined || share < 0n) return bad("argument must be a memory or percent value");
      return share > 100n ? bad("percentage argument must be less or equal to 100") : ok(`${share}%`);
    },
    lines: (name, value) => [`${name} ${value.endsWith("%") ? value : memoryText(BigInt(value))}`],
  };
}

export const MEMORY_BYTES_MAX: bigint = UINT64_MAX;

/** The permission bits of a file, in octal: 700. */
export const permissions: Kind = {
  manyArguments: false,
  read(args) {
    const text = args[0]!;
    if (!/^-?[0-7]+$/.test(text)) return bad("argument couldn't be parsed as an octal number");
    const value = Number.parseInt(text, 8);
    return value < 0 || value > 0o777 ? outside(0n, 0o777n, 8) : ok(value.toString(8));
  },
  lines: oneLine,
};

/** Free text. An empty one can't be written back as a bare word, so it is quoted like everything unusual. */
export function text(problem?: (value: string) => string | undefined): Kind {
  return {
    manyArguments: false,
    read(args) {
      const error = problem?.(args[0]!);
      return error === undefined ? ok(args[0]!) : bad(error);
    },
    lines: (name, value) => (value === "" ? [] : [`${name} ${quoteArgument(value)}`]),
  };
}

/** A directory, shown as an absolute path. A second one in the same load starts at the first, as if changed into. */
export const directoryPath: Kind = {
  manyArguments: false,
  read(args, context) {
    if (args[0] === "") return bad("No such file or directory");
    return ok(resolve(context.repeated ? context.previous : context.workingDirectory, args[0]!));
  },
  lines: (name, value) => [`${name} ${quoteArgument(value)}`],
};
