/** The process ends by process.exit() while sockets are open, a turn runs and the log's threads are at work. */
import fs from "node:fs";
import net from "node:net";
import { NativeLogIo } from "../../../src/platform/log_io.ts";
import { nativeAddon } from "../../../src/platform/native.ts";
import { EpollTransport } from "../../../src/platform/transport_epoll.ts";

const addon = nativeAddon()!;
const logIo = new NativeLogIo(addon);
const fd = fs.openSync("/dev/null", "w");
const bytes = new Uint8Array(1_000_000);
let turns = 0;
const transport = new EpollTransport(addon, {
  onTurn: () => {
    turns++;
    if (turns === 3) {
      logIo.write(fd, bytes, 0, bytes.length, 0);
      console.log("leaving");
      process.exit(7);
    }
    return 0;
  },
});
transport.attachLog(logIo);
const { port } = await transport.listenTcp("127.0.0.1", 0, 10);
const socket = net.connect(port, "127.0.0.1");
setInterval(() => socket.write("x"), 5);
