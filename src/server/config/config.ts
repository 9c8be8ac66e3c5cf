/**
 * The values of all directives: what CONFIG GET, SET and REWRITE and the server's own code ask.
 *
 * Invariants: every directive of the table has a value at all times, in canonical text; a change of several directives
 * happens as a whole or not at all, including what the listeners of a change must do (open a port, say).
 *
 * It reads no file and writes none: load.ts brings lines, and the caller writes what rewrite() returns.
 */
import { resolve } from "node:path";
import { check } from "../../base/check.ts";
import type { Directive } from "./directive.ts";
import { allNames, directives, findDirective } from "./directives.ts";
import { isPattern, matchesPattern } from "./pattern.ts";
import { rewriteLines } from "./rewrite.ts";
import {
  type ClientClass,
  type OutputBufferLimit,
  readOutputBufferLimits,
  readSavePoints,
  type SavePoint,
} from "./special_values.ts";

interface Setting {
  readonly directive: Directive;
  /** The default of this process: for `dir` an absolute path. */
  readonly initial: string;
  value: string;
  /** `value` as a number, so that asking for one parses nothing. */
  number: number;
  /** Set by a file, the command line or CONFIG SET. */
  given: boolean;
}

/** Carries out a change that has been stored already; a text refuses it, and everything is put back. */
export type ApplyChange = () => string | undefined;

interface Listener {
  readonly names: ReadonlySet<string>;
  readonly apply: ApplyChange;
}

export class Config {
  /** The absolute path of the configuration file, if there is one. */
  file: string | undefined = undefined;
  /** Called with one line for every directive that is changed while the server runs and has no effect. */
  onWarning: (line: string) => void = () => {};

  readonly workingDirectory: string;
  readonly #settings = new Map<string, Setting>();
  readonly #listeners: Listener[] = [];

  constructor(workingDirectory = process.cwd()) {
    this.workingDirectory = workingDirectory;
    for (const directive of directives) {
      const initial = directive.name === "dir" ? resolve(workingDirectory, directive.initial) : directive.initial;
      const setting = { directive, initial, value: "", number: 0, given: false };
      store(setting, initial);
      this.#settings.set(directive.name, setting);
    }
  }

  /** The text that CONFIG GET shows; undefined for an unknown name. */
  get(name: string): string | undefined {
    const directive = findDirective(name);
    return directive === undefined ? undefined : shown(this.#setting(directive.name));
  }

  /** A number of the server's own asking: its name must be right. */
  integer(name: string): number {
    const { number } = this.#setting(name);
    check(!Number.isNaN(number), "the directive is a number");
    return number;
  }

  flag(name: string): boolean {
    const { value } = this.#setting(name);
    check(value === "yes" || value === "no", "the directive is yes or no");
    return value === "yes";
  }

  text(name: string): string {
    return this.#setting(name).value;
  }

  /** The words of a directive that holds several, such as `bind`. */
  list(name: string): string[] {
    const { value } = this.#setting(name);
    return value === "" ? [] : value.split(" ");
  }

  /**
   * The absolute path of a file that a directive names, undefined when it names none. As in Redis, relative to `dir`
   * when the configuration sets one (Redis changes into it), else to the working directory.
   */
  path(name: string): string | undefined {
    const { value } = this.#setting(name);
    const dir = this.#setting("dir");
    return value === "" ? undefined : resolve(dir.given ? dir.value : this.workingDirectory, value);
  }

  savePoints(): SavePoint[] {
    return readSavePoints(this.text("save"));
  }

  outputBufferLimits(): Record<ClientClass, OutputBufferLimit> {
    return readOutputBufferLimits(this.text("client-output-buffer-limit"));
  }

  /** The names and values that CONFIG GET answers to these names and patterns, each name once. */
  match(patterns: readonly string[]): [name: string, value: string][] {
    const found = new Map<string, [name: string, value: string]>();
    for (const pattern of patterns) {
      const lower = pattern.toLowerCase();
      if (!isPattern(pattern)) {
        const value = this.get(pattern);
        if (value !== undefined && !found.has(lower)) found.set(lower, [pattern, value]);
        continue;
      }
      for (const [name, directive] of allNames()) {
        if (directive.hidden || found.has(name) || !matchesPattern(lower, name)) continue;
        found.set(name, [name, shown(this.#setting(directive.name))]);
      }
    }
    return [...found.values()];
  }

  /**
   * CONFIG SET: all pairs or none. Undefined when done, else the error as a client sees it, with its code.
   */
  set(pairs: readonly (readonly [name: string, value: string])[]): string | undefined {
    const planned: { name: string; directive: Directive; value: string }[] = [];
    for (const [name, value] of pairs) {
      const directive = findDirective(name);
      if (directive === undefined) return `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
      if (directive.mutability === "start") return failed(name, "can't set immutable config");
      if (directive.mutability === "protected") return failed(name, "can't set protected config");
      if (planned.some((other) => other.name.toLowerCase() === name.toLowerCase())) {
        return failed(name, "duplicate parameter");
      }
      planned.push({ name, directive, value });
    }
    const undo = new Map<Setting, { value: string; given: boolean }>();
    for (const { name, directive, value } of planned) {
      const setting = this.#setting(directive.name);
      const parsed = directive.kind.read(directive.kind.manyArguments ? splitValue(value) : [value], {
        previous: setting.value,
        loading: false,
        repeated: false,
        workingDirectory: this.workingDirectory,
      });
      const refusal = "error" in parsed ? parsed.error : refusalOf(setting, parsed.value);
      if (refusal !== undefined || "error" in parsed) {
        restore(undo);
        return failed(name, refusal ?? "");
      }
      if (!undo.has(setting)) undo.set(setting, { value: setting.value, given: setting.given });
      store(setting, parsed.value);
      setting.given = true;
    }
    const problem = this.#apply(undo, planned[0]?.name ?? "");
    if (problem !== undefined) return problem;
    for (const [setting, before] of undo) {
      const warning = setting.value === before.value ? undefined : warningOf([setting]);
      if (warning !== undefined) this.onWarning(warning);
    }
    return undefined;
  }

  /**
   * One line of a file or of the command line. `loaded` holds the names that this load has set so far.
   * Undefined when done, else the reason as Redis words it.
   */
  assign(directive: Directive, args: readonly string[], loaded: Set<string>): string | undefined {
    if (!directive.kind.manyArguments && args.length !== 1) return "wrong number of arguments";
    if (args.length === 0) return "wrong number of arguments";
    const setting = this.#setting(directive.name);
    const parsed = directive.kind.read(directive.kind.manyArguments ? splitValue(args.join(" ")) : args, {
      previous: setting.value,
      loading: true,
      repeated: loaded.has(directive.name),
      workingDirectory: this.workingDirectory,
    });
    if ("error" in parsed) return parsed.error;
    const refusal = refusalOf(setting, parsed.value);
    if (refusal !== undefined) return refusal;
    store(setting, parsed.value);
    setting.given = true;
    loaded.add(directive.name);
    return undefined;
  }

  /** After a change of any of these directives `apply` is called, once however many of them changed. */
  onChange(names: readonly string[], apply: ApplyChange): void {
    for (const name of names) this.#setting(name);
    this.#listeners.push({ names: new Set(names), apply });
  }

  /** One line for each reason why directives that were set have no effect. */
  warnings(): string[] {
    const byReason = new Map<string, Setting[]>();
    for (const setting of this.#settings.values()) {
      const { status, reason } = setting.directive;
      if (status !== "inert" || setting.value === setting.initial) continue;
      byReason.set(reason, [...(byReason.get(reason) ?? []), setting]);
    }
    return [...byReason.values()].map((settings) => warningOf(settings)!);
  }

  /** The text of the configuration file that CONFIG REWRITE writes, made from the present one. */
  rewrite(present: string): string {
    const settings = [...this.#settings.values()].map(({ directive, value, initial }) => ({
      name: directive.name,
      lines: directive.kind.lines(directive.name, value),
      standard: directive.kind.lines(directive.name, initial),
      isDefault: value === initial,
    }));
    return rewriteLines(present, settings);
  }

  #setting(name: string): Setting {
    const setting = this.#settings.get(name);
    check(setting !== undefined, "the directive stands in the table");
    return setting;
  }

  /** Tells the listeners; when one refuses, puts the values back and lets those already told act on them again. */
  #apply(undo: ReadonlyMap<Setting, { value: string; given: boolean }>, name: string): string | undefined {
    const told: Listener[] = [];
    for (const listener of this.#listeners) {
      const changed = [...undo.keys()].find(({ directive }) => listener.names.has(directive.name));
      if (changed === undefined) continue;
      const problem = listener.apply();
      if (problem !== undefined) {
        restore(undo);
        for (const earlier of told) earlier.apply();
        return failed(changed.directive.name || name, problem);
      }
      told.push(listener);
    }
    return undefined;
  }
}

function shown({ directive, value }: Setting): string {
  return directive.kind.shown?.(value) ?? value;
}

function store(setting: Setting, value: string): void {
  setting.value = value;
  setting.number = /^-?[0-9]+$/.test(value) ? Number(value) : Number.NaN;
}

function restore(undo: ReadonlyMap<Setting, { value: string; given: boolean }>): void {
  for (const [setting, before] of undo) {
    store(setting, before.value);
    setting.given = before.given;
  }
}

function refusalOf(setting: Setting, value: string): string | undefined {
  const { status, reason } = setting.directive;
  return status === "refused" && value !== setting.initial ? reason : undefined;
}

function failed(name: string, problem: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${problem}`;
}

/** A value of several words: separated by single spaces, and an empty one has none. */
function splitValue(value: string): string[] {
  return value === "" ? [] : value.split(" ");
}

function warningOf(settings: readonly Setting[]): string | undefined {
  const { status, reason } = settings[0]!.directive;
  if (status !== "inert") return undefined;
  const names = settings.map(({ directive }) => directive.name).join(", ");
  return `Accepted without effect: ${names} (${reason})`;
}
