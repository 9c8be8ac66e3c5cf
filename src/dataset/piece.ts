/** Part of a value, lent: a file of its own, so that the types' operations, which value_operations.ts imports, can make pieces. */

/** A piece of a value: `length` bytes from `offset` on. Only lent: copy what must outlive the call. */
export class Piece {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;
  length = 0;
}
