/**
 * A RESP reply as a tree of JavaScript values that keeps what kind each value is, and back to bytes.
 *
 * For tests that compare parts of a reply (sets without order, ids masked). Byte-by-byte comparison needs none of this.
 */
export type ReplyValue =
  | { readonly kind: "+" | "-" | ":" | "#" | "," | "("; readonly text: string }
  | { readonly kind: "$" | "=" | "!"; readonly text: string }
  | { readonly kind: "_" | "$-1" | "*-1" }
  | { readonly kind: "*" | "~" | ">" | "%"; readonly items: readonly ReplyValue[] };

/** Decodes one whole reply; texts are latin1, one character a byte. Attributes are dropped. */
export function decodeReply(bytes: Uint8Array): ReplyValue {
  const reader = { text: Buffer.from(bytes).toString("latin1"), at: 0 };
  const value = read(reader);
  if (reader.at !== reader.text.length) throw new Error(`${reader.text.length - reader.at} bytes behind the reply`);
  return value;
}

function read(reader: { text: string; at: number }): ReplyValue {
  const lineEnd = reader.text.indexOf("\r\n", reader.at);
  const kind = reader.text[reader.at]!;
  const line = reader.text.slice(reader.at + 1, lineEnd);
  reader.at = lineEnd + 2;
  switch (kind) {
    case "+":
    case "-":
    case ":":
    case "#":
    case ",":
    case "(":
      return { kind, text: line };
    case "_":
      return { kind };
    case "$":
    case "=":
    case "!": {
      if (line === "-1") return { kind: "$-1" };
      const text = reader.text.slice(reader.at, reader.at + Number(line));
      reader.at += text.length + 2;
      return { kind, text };
    }
    case "*":
    case "~":
    case ">":
    case "%": {
      if (line === "-1") return { kind: "*-1" };
      const items: ReplyValue[] = [];
      for (let i = Number(line) * (kind === "%" ? 2 : 1); i > 0; i--) items.push(read(reader));
      return { kind, items };
    }
    case "|":
      for (let i = Number(line) * 2; i > 0; i--) read(reader);
      return read(reader);
    default:
      throw new Error(`no RESP reply kind: ${JSON.stringify(kind)}`);
  }
}

/** The reply's bytes, as a latin1 text. */
export function encodeReply(value: ReplyValue): string {
  switch (value.kind) {
    case "_":
      return "_\r\n";
    case "$-1":
    case "*-1":
      return `${value.kind}\r\n`;
    case "$":
    case "=":
    case "!":
      return `${value.kind}${value.text.length}\r\n${value.text}\r\n`;
    case "*":
    case "~":
    case ">":
      return `${value.kind}${value.items.length}\r\n${value.items.map(encodeReply).join("")}`;
    case "%":
      return `%${value.items.length / 2}\r\n${value.items.map(encodeReply).join("")}`;
    default:
      return `${value.kind}${value.text}\r\n`;
  }
}

/** A plain JavaScript value: texts, numbers, null, arrays; a map becomes an array of keys and values. Errors become `Error`s. */
export type PlainReply = string | number | null | boolean | Error | readonly PlainReply[];

export function plain(value: ReplyValue): PlainReply {
  switch (value.kind) {
    case "_":
    case "$-1":
    case "*-1":
      return null;
    case ":":
      return Number(value.text);
    case "#":
      return value.text === "t";
    case "-":
    case "!":
      return new Error(value.text);
    case "=":
      return value.text.slice(4);
    case "*":
    case "~":
    case ">":
    case "%":
      return value.items.map(plain);
    default:
      return value.text;
  }
}
