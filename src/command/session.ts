/**
 * What commands know about the client that they run for. The server's connections and the in-process API each have one.
 */
export class Session {
  /** Unique for the life of the process; CLIENT ID. */
  readonly id: number;
  /** Selected database. */
  database = 0;
  /** RESP version, 2 or 3. */
  protocol = 2;
  name = "";
  libraryName = "";
  libraryVersion = "";
  authenticated = true;
  /** CLIENT NO-TOUCH: reads don't change access times. */
  noTouch = false;
  noEvict = false;
  /** CLIENT REPLY: "on", "off", or "skip" for the next command only. */
  replyMode: "on" | "off" | "skip" = "on";
  /** Between MULTI and EXEC. */
  inMulti = false;
  /** A queued command was refused, so EXEC must abort. */
  multiFailed = false;
  /** Requests queued since MULTI, each as RESP bytes. */
  readonly queued: Uint8Array[] = [];
  queuedBytes = 0;
  /** Bits of the table of all queued commands together. */
  queuedBits = 0;
  /** A watched key changed since WATCH. */
  watchBroken = false;
  /** Watched keys as `database:key` in latin1. */
  readonly watched = new Set<string>();
  /** The connection is to be closed once what is written has been sent. */
  closing = false;
  /** MONITOR: sees every command that is executed, and may not touch keys itself. */
  monitoring = false;
  /** Listens to a channel or pattern: with RESP2 only the commands about subscriptions are allowed. */
  subscribed = false;
  /** Anything that makes the fast path wrong: kept by `refresh`. */
  special = false;

  constructor(id: number) {
    this.id = id;
  }

  /** Keeps a request between MULTI and EXEC; `bits` are those of its command. */
  queue(request: Uint8Array, bits: number): void {
    this.queued.push(request);
    this.queuedBytes += request.length;
    this.queuedBits |= bits;
  }

  forgetQueue(): void {
    this.queued.length = 0;
    this.queuedBytes = 0;
    this.queuedBits = 0;
  }

  /** To be called after any change of the fields that alter how requests are executed. */
  refresh(): void {
    this.special =
      this.inMulti ||
      this.replyMode !== "on" ||
      !this.authenticated ||
      this.closing ||
      this.monitoring ||
      this.subscribed;
  }
}
