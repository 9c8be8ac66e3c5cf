/**
 * The listeners that the configuration asks for: opened at the start, and changed by CONFIG SET port and bind.
 *
 * A change opens what is new before it closes what is no longer wanted, so that a refused one leaves everything as it was. Connections
 * stay, whichever listener they came through.
 */
import { check } from "../base/check.ts";
import { EmberlogError } from "../base/errors.ts";
import type { Listener } from "../platform/transport.ts";
import type { Server } from "./server.ts";

/** An address of `bind`. */
interface Address {
  readonly host: string;
  /** It may be missing on this machine. */
  readonly optional: boolean;
}

interface TcpListener extends Listener {
  readonly host: string;
}

export class Listeners {
  /** The TCP port in use, 0 for none. */
  port = 0;
  private readonly server: Server;
  private tcp: TcpListener[] = [];
  private unix: { readonly listener: number; readonly path: string } | undefined;
  /** Port 0 means a free one, not none: the library's `startServer({ port: 0 })`. */
  private anyPort = false;

  constructor(server: Server) {
    this.server = server;
  }

  /** "127.0.0.1:6379", a path. */
  get addresses(): string[] {
    const tcp = this.tcp.map(({ host, port }) =>
      host.includes(":") ? `[${host}]:${port}` : `${host === "*" ? "0.0.0.0" : host}:${port}`,
    );
    return this.unix === undefined ? tcp : [...tcp, this.unix.path];
  }

  /** Is this a listener on a unix socket? */
  isLocal(listener: number): boolean {
    return listener === this.unix?.listener;
  }

  /** Opens what a start asks for; throws CONFIG_INVALID or ADDRESS_IN_USE. */
  async open(anyPort: boolean): Promise<void> {
    const { config, transport } = this.server;
    const backlog = config.integer("tcp-backlog");
    this.anyPort = anyPort;
    let port = config.integer("port");
    if (port !== 0 || anyPort) {
      const addresses = this.wanted();
      for (const { host, optional } of addresses) {
        try {
          const opened = await transport.listenTcp(host, port, backlog);
          port = opened.port;
          this.tcp.push({ ...opened, host });
        } catch (error) {
          this.passOver(error, host, optional);
        }
      }
      if (this.tcp.length === 0 && addresses.length > 0)
        throw new EmberlogError("CONFIG_INVALID", `None of the addresses in 'bind' can be listened on`);
      if (this.tcp.length > 0) this.port = port;
    }
    const path = config.path("unixsocket");
    if (path !== undefined) {
      const mode = Number.parseInt(config.text("unixsocketperm"), 8);
      this.unix = { ...(await transport.listenUnix(path, mode, backlog)), path };
    }
    config.onChange(["port", "bind"], () => this.change());
  }

  closeAll(): void {
    for (const listener of this.tcp) this.close(listener);
    if (this.unix !== undefined) this.server.transport.closeListener(this.unix.listener);
    this.tcp = [];
    this.unix = undefined;
  }

  /** CONFIG SET port, bind. A text says why it can't be; nothing has changed then. */
  private change(): string | undefined {
    const { config, transport, logger } = this.server;
    const port = config.integer("port") === 0 && this.anyPort ? this.port : config.integer("port");
    const wanted = port === 0 ? [] : this.wanted();
    const present = this.tcp;
    const kept = present.filter((old) => old.port === port && wanted.some(({ host }) => host === old.host));
    const obsolete = present.filter((old) => !kept.includes(old));
    const missing = wanted.filter(({ host }) => !kept.some((old) => old.host === host));
    if (missing.length > 0 && transport.listenTcpNow === undefined) {
      return "without the native addon the server can't change what it listens on while it runs";
    }
    try {
      this.tcp = [...kept, ...this.replace(missing, obsolete, port, kept.length === 0)];
    } catch (error) {
      if (!(error instanceof EmberlogError)) throw error;
      logger.warning(error.message);
      return port === this.port
        ? "Failed to bind to specified addresses."
        : "Unable to listen on this port. Check server logs.";
    }
    this.port = this.tcp.length === 0 ? 0 : port;
    for (const address of this.addresses) logger.notice(`Listening on ${address}`);
    return undefined;
  }

  /** Opens what is missing and closes what is obsolete; when that fails the obsolete ones are open as before, and it throws. */
  private replace(
    missing: readonly Address[],
    obsolete: readonly TcpListener[],
    port: number,
    needed: boolean,
  ): TcpListener[] {
    let opened: TcpListener[];
    try {
      opened = this.openNow(missing, port, needed);
    } catch (error) {
      if (!(error instanceof EmberlogError) || error.code !== "ADDRESS_IN_USE") throw error;
      // It may be our own: "*" can't be listened on while 127.0.0.1 is.
      if (!obsolete.some((old) => old.port === port)) throw error;
      for (const old of obsolete) this.close(old);
      try {
        return this.openNow(missing, port, needed);
      } catch (again) {
        const others = this.tcp.filter((listener) => !obsolete.includes(listener));
        const reopened = obsolete.flatMap((old) => this.openNow([{ ...old, optional: true }], old.port, false));
        this.tcp = [...others, ...reopened];
        throw again;
      }
    }
    for (const old of obsolete) this.close(old);
    return opened;
  }

  /** All of them or, with an exception, none. `needed`: at least one. */
  private openNow(addresses: readonly Address[], port: number, needed: boolean): TcpListener[] {
    const { config, transport } = this.server;
    const opened: TcpListener[] = [];
    try {
      for (const { host, optional } of addresses) {
        try {
          check(transport.listenTcpNow !== undefined, "the transport can listen at once");
          opened.push({ ...transport.listenTcpNow(host, port, config.integer("tcp-backlog")), host });
        } catch (error) {
          this.passOver(error, host, optional);
        }
      }
      if (needed && opened.length === 0 && addresses.length > 0)
        throw new EmberlogError("CONFIG_INVALID", `None of the addresses in 'bind' can be listened on`);
    } catch (error) {
      for (const listener of opened) this.close(listener);
      throw error;
    }
    return opened;
  }

  private close({ listener }: TcpListener): void {
    this.server.transport.closeListener(listener);
  }

  /** As Redis has it: an address with "-" in front may be missing on this machine, but not in use by another. */
  private passOver(error: unknown, host: string, optional: boolean): void {
    if (!(error instanceof EmberlogError) || !optional || error.code === "ADDRESS_IN_USE") throw error;
    this.server.logger.verbose(`Not listening on ${host}: ${error.message}`);
  }

  private wanted(): Address[] {
    return this.server.config.list("bind").map((address) => {
      const optional = address.startsWith("-");
      const host = optional ? address.slice(1) : address;
      return { host: host === "::*" ? "::" : host, optional };
    });
  }
}
