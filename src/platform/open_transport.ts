/** The best transport there is: epoll with the addon, `node:net` without. */
import { nativeAddon } from "./native.ts";
import type { Transport, TransportOptions } from "./transport.ts";
import { EpollTransport } from "./transport_epoll.ts";
import { NetTransport } from "./transport_net.ts";

export function openTransport(options: TransportOptions): Transport {
  const addon = nativeAddon();
  return addon === undefined ? new NetTransport(options) : new EpollTransport(addon, options);
}
