/**
 * A growing list of 32-bit numbers (addresses of entries, mostly) for collecting without allocation: it is cleared
 * and used again.
 */
export class EntryList {
  items: Int32Array;
  count = 0;

  constructor(room: number) {
    this.items = new Int32Array(room);
  }

  push(item: number): void {
    if (this.count === this.items.length) this.grow();
    this.items[this.count++] = item;
  }

  /** Takes the last item off; the list isn't empty. */
  pop(): number {
    return this.items[--this.count]!;
  }

  clear(): void {
    this.count = 0;
  }

  private grow(): void {
    const larger = new Int32Array(this.items.length * 2);
    larger.set(this.items);
    this.items = larger;
  }
}
