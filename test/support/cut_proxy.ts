/** A way to a server that can be cut: while it is, connections end and new ones are refused, as when a store or the network is away. */
import { createServer, type Server, Socket } from "node:net";

export class CutProxy {
  readonly port: number;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private away = false;

  private constructor(server: Server, port: number) {
    this.server = server;
    this.port = port;
  }

  static start(targetPort: number): Promise<CutProxy> {
    return new Promise((resolve) => {
      const server = createServer((socket) => proxy.accept(socket, targetPort));
      let proxy: CutProxy;
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        proxy = new CutProxy(server, typeof address === "object" && address !== null ? address.port : 0);
        resolve(proxy);
      });
    });
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  cut(): void {
    this.away = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.away = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private accept(from: Socket, targetPort: number): void {
    if (this.away) {
      from.destroy();
      return;
    }
    const to = new Socket();
    to.connect(targetPort, "127.0.0.1");
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }
}
