/** Rates for INFO: operations and bytes a second over the last samples, as Redis averages them. */

const SAMPLES = 16;

export class OperationsRate {
  operationsPerSecond = 0;
  inputKilobytesPerSecond = 0;
  outputKilobytesPerSecond = 0;

  private readonly operations = new Float64Array(SAMPLES);
  private readonly input = new Float64Array(SAMPLES);
  private readonly output = new Float64Array(SAMPLES);
  private at = 0;
  private lastMs = 0;
  private lastOperations = 0;
  private lastInput = 0;
  private lastOutput = 0;

  /** Takes totals at a time; calls closer than 100 ms are ignored. */
  sample(nowMs: number, operations: number, inputBytes: number, outputBytes: number): void {
    if (nowMs - this.lastMs < 100) return;
    const seconds = (nowMs - this.lastMs) / 1000;
    const first = this.lastMs === 0;
    this.operations[this.at] = first ? 0 : (operations - this.lastOperations) / seconds;
    this.input[this.at] = first ? 0 : (inputBytes - this.lastInput) / seconds;
    this.output[this.at] = first ? 0 : (outputBytes - this.lastOutput) / seconds;
    this.at = (this.at + 1) % SAMPLES;
    this.lastMs = nowMs;
    this.lastOperations = operations;
    this.lastInput = inputBytes;
    this.lastOutput = outputBytes;
    this.operationsPerSecond = Math.round(mean(this.operations));
    this.inputKilobytesPerSecond = mean(this.input) / 1024;
    this.outputKilobytesPerSecond = mean(this.output) / 1024;
  }
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The longest turn since the counters were reset, µs on the processor. */
export class TurnTimes {
  maxUs = 0;
  /** Turns over 5 ms. */
  long = 0;

  /** Time on the processor of this thread, µs. */
  private readonly cpuUs: () => number;
  private readCpuUs = 0;
  private readAtUs = 0;

  constructor(cpuUs: () => number) {
    this.cpuUs = cpuUs;
  }

  /** From here on time counts: what came before was no turn. */
  begin(nowUs: number): void {
    this.readCpuUs = this.cpuUs();
    this.readAtUs = nowUs;
  }

  /**
   * A turn has ended: records the time on the processor since the last reading, when that is at least `leastUs` of wall clock ago. Reading it
   * is a system call, so turns that are over sooner share one; what is recorded is never less than the longest of them took, and at
   * most `leastUs` more.
   */
  account(nowUs: number, leastUs: number): void {
    if (nowUs - this.readAtUs < leastUs) return;
    const before = this.readCpuUs;
    this.begin(nowUs);
    const us = this.readCpuUs - before;
    if (us > this.maxUs) this.maxUs = us;
    if (us > 5000) this.long++;
  }

  reset(): void {
    this.maxUs = 0;
    this.long = 0;
  }
}
