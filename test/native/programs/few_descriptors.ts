/** Accepting runs out of descriptors: said once, what is open goes on, the others come in later. Prints port, full, end. */
import { nativeAddon } from "../../../src/platform/native.ts";
import { ACCEPT_FAILED, CLOSED, INPUT_ROW_WORDS, OPENED } from "../../../src/platform/transport.ts";
import { EpollTransport } from "../../../src/platform/transport_epoll.ts";

let opened = 0;
let failed = 0;
let failedError = 0;
const transport = new EpollTransport(nativeAddon()!, {
  onTurn: (rows) => {
    for (let row = 0; row < rows; row++) {
      const slot = transport.inputTable[row * INPUT_ROW_WORDS]!;
      const flags = transport.inputTable[row * INPUT_ROW_WORDS + 3]!;
      if ((flags & ACCEPT_FAILED) !== 0) {
        failed++;
        failedError = transport.acceptError();
      }
      if ((flags & OPENED) !== 0) opened++;
      if ((flags & CLOSED) !== 0) transport.release(slot);
    }
    return 0;
  },
});
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
console.log(`port ${(await transport.listenTcp("127.0.0.1", 0, 511)).port}`);
while (failed === 0) await wait(10);
await wait(350);
console.log(`full ${JSON.stringify({ some: opened > 10, failed, failedError })}`);
while (opened < 200) await wait(10);
await wait(10);
console.log(`end ${JSON.stringify({ opened, acceptError: transport.acceptError() })}`);
transport.stop();
