/** Opens the listeners that the configuration asks for. */
import { EmberlogError } from "../base/errors.ts";
import type { Server } from "./server.ts";

/**
 * `bind` as Redis has it: an address with "-" in front may be missing on this machine, no address means no TCP. `port` 0 means no TCP, unless the server was
 * told to choose a free port (the library's `startServer({ port: 0 })`).
 */
export async function listen(server: Server, anyPort = false): Promise<void> {
  const { config, transport, clients } = server;
  const backlog = config.integer("tcp-backlog");
  let port = config.integer("port");
  if (port !== 0 || anyPort) {
    const addresses = config.list("bind");
    let bound = 0;
    for (const address of addresses) {
      const optional = address.startsWith("-");
      const named = optional ? address.slice(1) : address;
      const host = named === "::*" ? "::" : named;
      try {
        const opened = await transport.listenTcp(host, port, backlog);
        clients.listeners.push(opened.listener);
        port = opened.port;
        bound++;
        server.listening.push(host.includes(":") ? `[${host}]:${port}` : `${host === "*" ? "0.0.0.0" : host}:${port}`);
      } catch (error) {
        if (!(error instanceof EmberlogError) || !optional || error.code === "ADDRESS_IN_USE") throw error;
        server.logger.verbose(`Not listening on ${host}: ${error.message}`);
      }
    }
    if (bound === 0 && addresses.length > 0)
      throw new EmberlogError("CONFIG_INVALID", `None of the addresses in 'bind' can be listened on`);
    if (bound > 0) server.port = port;
  }
  const path = config.path("unixsocket");
  if (path !== undefined) {
    const opened = await transport.listenUnix(path, Number.parseInt(config.text("unixsocketperm"), 8), backlog);
    clients.listeners.push(opened.listener);
    clients.localListeners.add(opened.listener);
    server.listening.push(path);
  }
}
