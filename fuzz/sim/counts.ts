/** What happened in a run, for the report: numbers by name, added up over seeds. */
export class Counts {
  readonly numbers = new Map<string, number>();

  add(name: string, by = 1): void {
    this.numbers.set(name, (this.numbers.get(name) ?? 0) + by);
  }

  /** Keeps the largest. */
  max(name: string, value: number): void {
    if (value > (this.numbers.get(name) ?? 0)) this.numbers.set(name, value);
  }

  get(name: string): number {
    return this.numbers.get(name) ?? 0;
  }

  addAll(other: Counts): void {
    for (const [name, number] of other.numbers) {
      if (name.startsWith("longest")) this.max(name, number);
      else this.add(name, number);
    }
  }
}
