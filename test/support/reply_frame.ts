/**
 * Finds where one RESP reply ends, in RESP2 and RESP3, nested to any depth, while its bytes still arrive.
 *
 * Nothing is decoded: conformance compares the bytes themselves. The scan goes on where it stopped, so that a reply of 100 MB
 * in a thousand pieces is scanned once. An attribute ("|") belongs to the reply behind it; a push (">") is a reply of its own.
 *
 * Invariant: `scanned` never lies beyond the first byte that has not been understood yet.
 */
const CR = 13;

export class ReplyFrame {
  /** Offset of the first byte not scanned yet, from the start of the reply. */
  private scanned = 0;
  /** Values that must still follow until the reply is whole. */
  private missing = 1;

  /** Length of the reply that begins at `start`, or -1 when `bytes[start, end)` does not hold all of it. */
  length(bytes: Uint8Array, start: number, end: number): number {
    let at = start + this.scanned;
    let missing = this.missing;
    while (missing > 0) {
      let lineEnd = at + 1;
      while (lineEnd < end && bytes[lineEnd] !== CR) lineEnd++;
      if (lineEnd + 1 >= end) break;
      const next = lineEnd + 2;
      const kind = String.fromCharCode(bytes[at]!);
      switch (kind) {
        case "+":
        case "-":
        case ":":
        case "_":
        case "#":
        case ",":
        case "(":
          missing--;
          at = next;
          break;
        case "$":
        case "=":
        case "!": {
          const length = count(bytes, at + 1, lineEnd);
          const behind = length < 0 ? next : next + length + 2;
          if (behind > end) {
            this.scanned = at - start;
            this.missing = missing;
            return -1;
          }
          missing--;
          at = behind;
          break;
        }
        case "*":
        case "~":
        case ">":
          missing += Math.max(count(bytes, at + 1, lineEnd), 0) - 1;
          at = next;
          break;
        case "%":
          missing += count(bytes, at + 1, lineEnd) * 2 - 1;
          at = next;
          break;
        case "|":
          missing += count(bytes, at + 1, lineEnd) * 2;
          at = next;
          break;
        default:
          throw new Error(
            `no RESP reply: ${JSON.stringify(Buffer.from(bytes.subarray(at, at + 60)).toString("latin1"))}`,
          );
      }
    }
    this.scanned = at - start;
    this.missing = missing;
    if (missing > 0) return -1;
    this.scanned = 0;
    this.missing = 1;
    return at - start;
  }
}

function count(bytes: Uint8Array, start: number, end: number): number {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
  if (!/^-?\d+$/.test(text)) throw new Error(`no length in a RESP reply: ${JSON.stringify(text)}`);
  return Number(text);
}
