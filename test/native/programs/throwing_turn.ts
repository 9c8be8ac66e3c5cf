/** A turn that throws: the exception is an uncaughtException, and the next turn works. */
import net from "node:net";
import { nativeAddon } from "../../../src/platform/native.ts";
import { EpollTransport } from "../../../src/platform/transport_epoll.ts";

let turns = 0;
const transport = new EpollTransport(nativeAddon()!, {
  onTurn: () => {
    turns++;
    if (turns === 1) throw new Error("thrown in a turn");
    queueMicrotask(() => {
      if (turns === 2) throw new Error("thrown in a microtask");
    });
    return 0;
  },
});
const caught: string[] = [];
process.on("uncaughtException", (error) => {
  caught.push(error.message);
  if (caught.length < 2) return;
  console.log(JSON.stringify(caught));
  transport.stop();
  socket.destroy();
});
const { port } = await transport.listenTcp("127.0.0.1", 0, 10);
const socket = net.connect(port, "127.0.0.1", () => setTimeout(() => socket.write("x"), 50));
