/** When the address space is full, commands on lists that need memory answer -OOM and leave everything as it was. */
import { expect, test } from "vitest";
import { stateDigest } from "../../../src/dataset/digest.ts";
import { EngineClient } from "../../support/engine_client.ts";
import { failAllocation } from "../../support/failing_allocator.ts";
import { verifyDataset } from "../../support/verify_dataset.ts";

const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

/** Elements that compress well. */
const elements = (count: number): string[] => Array.from({ length: count }, (_, i) => "abc".repeat(30) + i);

/** Lets each allocation of a command fail, with all behind it, until none fails any more. */
function failEach(command: string[]): void {
  for (let n = 1, reply = OOM; reply === OOM; n++) {
    const client = new EngineClient({ firstSegment: 0 });
    const { dataset } = client.engine;
    Object.assign(dataset.limits, { listListpackSize: 8, listCompressDepth: 1 });
    client.command("RPUSH", "list", ...elements(100));
    client.command("RPUSH", "large", "x".repeat(9000), "y".repeat(9000), "z");
    const before = stateDigest(dataset);
    const end = failAllocation(dataset.allocator, n, true);
    reply = client.command(...command);
    end();
    expect([n, verifyDataset(dataset)]).toEqual([n, []]);
    if (reply === OOM) expect([n, stateDigest(dataset)]).toEqual([n, before]);
    else expect(reply).toMatch(/^[:$]/);
  }
}

test("a push is taken back though it would have compressed what it made", () => {
  failEach(["RPUSH", "list", ...elements(40)]);
  failEach(["LPUSH", "list", ...elements(40), "x".repeat(9000)]);
  failEach(["SORT", "list", "ALPHA", "STORE", "large"]);
});

test("an element that finds no room at the other end stays where it was", () => {
  failEach(["LMOVE", "large", "large", "LEFT", "RIGHT"]);
  failEach(["LMOVE", "large", "large", "RIGHT", "LEFT"]);
  failEach(["LMOVE", "list", "list", "LEFT", "RIGHT"]);
});
