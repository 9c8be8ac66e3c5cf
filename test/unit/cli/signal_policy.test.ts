/** One wish, however often the terminal and npm repeat it; then impatience. */
import { expect, test } from "vitest";
import { SignalPolicy } from "../../../src/cli/signal_policy.ts";

function check(...signals: [atMs: number, name: string, action: string][]): void {
  let nowMs = 5000;
  const policy = new SignalPolicy({ wallMs: () => 0, monotonicUs: () => nowMs * 1000 });
  for (const [atMs, name, action] of signals) {
    nowMs = 5000 + atMs;
    expect(policy.decide(name)).toBe(action);
  }
}

test("signals", () => {
  check([0, "SIGINT", "stop"], [3, "SIGINT", "ignore"], [999, "SIGINT", "ignore"], [1001, "SIGINT", "force"]);
  check([0, "SIGTERM", "stop"], [5000, "SIGTERM", "ignore"], [5001, "SIGINT", "force"]);
});
