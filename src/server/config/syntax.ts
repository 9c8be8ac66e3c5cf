/**
 * The words of a configuration line, as Redis splits them:
 *
 *   save 900 1          # the line's first word is the directive
 *   requirepass "a \"b\" \x00 \n"     double quotes know \n \r \t \b \a \xhh and \ before any other character
 *   logfile 'it\'s.log'               single quotes know only \'
 *
 * A closing quote must be followed by white space. Text is one character a byte (latin1), so that any bytes survive
 * reading and writing back.
 */

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };
const SPACE = /\s/;

/** The words of `line`, or undefined when a quote isn't closed or is followed by something else than a space. */
export function splitArguments(line: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && SPACE.test(line[at]!)) at++;
    if (at === line.length) return words;
    let word = "";
    while (at < line.length && !SPACE.test(line[at]!)) {
      const character = line[at]!;
      if (character !== '"' && character !== "'") {
        word += character;
        at++;
        continue;
      }
      const quoted = character === '"' ? readDoubleQuoted(line, at + 1) : readSingleQuoted(line, at + 1);
      if (quoted === undefined) return undefined;
      if (quoted.end < line.length && !SPACE.test(line[quoted.end]!)) return undefined;
      word += quoted.text;
      at = quoted.end;
      break;
    }
    words.push(word);
  }
}

interface Quoted {
  readonly text: string;
  /** Index after the closing quote. */
  readonly end: number;
}

function readDoubleQuoted(line: string, start: number): Quoted | undefined {
  let text = "";
  for (let at = start; at < line.length; at++) {
    const character = line[at]!;
    if (character === '"') return { text, end: at + 1 };
    if (character !== "\\" || at + 1 === line.length) {
      text += character;
      continue;
    }
    const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(at + 1, at + 4));
    if (hex !== null) {
      text += String.fromCharCode(Number.parseInt(hex[1]!, 16));
      at += 3;
      continue;
    }
    at++;
    text += ESCAPES[line[at]!] ?? line[at]!;
  }
  return undefined;
}

function readSingleQuoted(line: string, start: number): Quoted | undefined {
  let text = "";
  for (let at = start; at < line.length; at++) {
    if (line[at] === "'") return { text, end: at + 1 };
    if (line[at] === "\\" && line[at + 1] === "'") at++;
    text += line[at]!;
  }
  return undefined;
}

const NAMED: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  '"': '\\"',
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\x07": "\\a",
  "\b": "\\b",
};

/** `word` in double quotes, such that splitArguments gives it back. */
export function quoteArgument(word: string): string {
  let out = '"';
  for (const character of word) {
    const code = character.charCodeAt(0);
    const named = NAMED[character];
    if (named !== undefined) out += named;
    else if (code >= 32 && code < 127) out += character;
    else out += `\\x${code.toString(16).padStart(2, "0")}`;
  }
  return `${out}"`;
}
