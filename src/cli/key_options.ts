/**
 * The options by which check, dump and repair are told the keys of an encrypted directory, named like the server's directives:
 * `--encryption-key-file FILE`, `--encryption-key-env NAME` or `--encryption-key-command COMMAND`, and `--encryption-key-permissions any`.
 *
 * They do without a key too: then files are verified as files, and what is in them stays unknown.
 */
import type { Command } from "commander";
import { KeyRing, type Keys, keyInvalid, NO_KEYS } from "../base/key_ring.ts";
import { type KeySource, readKeys } from "../disk/key_sources.ts";

const FILE = "--encryption-key-file";
const VARIABLE = "--encryption-key-env";
const COMMAND = "--encryption-key-command";
const PERMISSIONS = "--encryption-key-permissions";

export const KEY_USAGE = `[${FILE} FILE | ${VARIABLE} NAME | ${COMMAND} COMMAND] [${PERMISSIONS} any]`;

/** Takes the options about keys out of `words`; undefined: one of them lacks its value. Throws KEY_INVALID. */
export function takeKeys(
  words: readonly string[],
): { readonly rest: readonly string[]; readonly keys: Keys } | undefined {
  const rest: string[] = [];
  const given = new Map<string, string>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (![FILE, VARIABLE, COMMAND, PERMISSIONS].includes(word)) rest.push(word);
    else if (i + 1 === words.length) return undefined;
    else given.set(word, words[++i]!);
  }
  const anyPermissions = given.get(PERMISSIONS) === "any";
  given.delete(PERMISSIONS);
  const [first, ...more] = [...given];
  if (first === undefined) return { rest, keys: NO_KEYS };
  if (more.length > 0) throw keyInvalid(`${first[0]} and ${more[0]![0]}`, "all keys come from one place");
  return { rest, keys: new KeyRing(readKeys(sourceOf(first[0], first[1], anyPermissions))) };
}

function sourceOf(option: string, value: string, anyPermissions: boolean): KeySource {
  if (option === FILE) return { kind: "file", path: value, anyPermissions };
  return option === VARIABLE ? { kind: "variable", name: value } : { kind: "command", command: value };
}

/** Makes commander know them, for --help and mistakes. */
export function describeKeyOptions(command: Command): Command {
  return command
    .option(`${FILE} <file>`, "the keys of an encrypted directory")
    .option(`${VARIABLE} <name>`, "the same from an environment variable")
    .option(`${COMMAND} <command>`, "the same from what a command prints")
    .option(`${PERMISSIONS} <strict|any>`, "any: a key file that others may read is all right");
}
