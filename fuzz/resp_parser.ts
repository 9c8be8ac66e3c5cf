/** The request parser alone: the same bytes cut anywhere give the same requests and the same error, and offsets stay inside. */

import { uniform } from "../src/base/random.ts";
import { readRequests } from "../test/support/request_stream.ts";
import { drawCuts, drawStream } from "./resp_stream.ts";
import type { Target } from "./target.ts";

export const respParser: Target = {
  name: "resp-parser",
  start: async () => true,
  stop: async () => "",
  async run(random) {
    const bytes = drawStream(random, { mutate: uniform(random, 4) !== 0, nul: true });
    const whole = readRequests(bytes);
    for (const cuts of [drawCuts(random, bytes.length), Array.from({ length: bytes.length }, (_, i) => i)]) {
      const cut = readRequests(bytes, cuts);
      if (cut.error !== whole.error || JSON.stringify(cut.requests) !== JSON.stringify(whole.requests)) {
        return [
          `stream ${JSON.stringify(Buffer.from(bytes).toString("latin1"))} cut at ${cuts}`,
          `whole: ${JSON.stringify(whole.requests)} ${whole.error}`,
          `cut:   ${JSON.stringify(cut.requests)} ${cut.error}`,
        ].join("\n");
      }
    }
    return "";
  },
};
