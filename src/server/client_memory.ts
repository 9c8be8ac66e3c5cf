/**
 * What the clients take, as maxmemory counts it: asked at the start of every turn, and therefore measured now and then only. The more connections
 * there are, the longer measuring takes and the less often it is done, so that it never costs more than a fiftieth of the thread.
 */
import type { Clock } from "../base/clock.ts";
import { allConnectionsBytes } from "./info/connection_bytes.ts";
import type { Server } from "./server.ts";

const PERIOD_US_MIN = 10_000;
const SHARE = 50;

export class ClientMemory {
  private readonly server: Server;
  private readonly clock: Clock;
  private bytes = 0;
  private nextUs = Number.NEGATIVE_INFINITY;

  constructor(server: Server) {
    this.server = server;
    this.clock = server.clock;
  }

  /** Bytes at `nowUs` of the monotonic clock, or shortly before. */
  measure(nowUs: number): number {
    if (nowUs < this.nextUs) return this.bytes;
    this.bytes = allConnectionsBytes(this.server);
    const tookUs = this.clock.monotonicUs() - nowUs;
    this.nextUs = nowUs + Math.max(PERIOD_US_MIN, tookUs * SHARE);
    return this.bytes;
  }
}
