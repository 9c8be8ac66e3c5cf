/**
 * The way to an orderly end, as Redis has it: SHUTDOWN with its options, and the signals.
 *
 * 1. writes are paused, and an image under way is called off
 * 2. an image is taken where save points are set or SAVE asks for it, unless NOSAVE; reads are answered meanwhile
 * 3. `server.close()`: what is in hand is answered, the log is synced
 *
 * Until 3 it can be called off by ABORT, and an image that fails calls it off unless FORCE. Then everything goes on, and whoever sent SHUTDOWN
 * is told. Nothing that was acknowledged depends on that image, since the log has it; a server that was told to save insists nevertheless, as
 * Redis does. Where there is no space for an image, or none can be begun at all (no data directory, a log that has failed), only SAVE insists.
 *
 * NOW skips a wait for replicas, of which there are none.
 */
import type { ReplyWriter } from "../protocol/reply_writer.ts";
import type { Server } from "./server.ts";

export interface ShutdownOptions {
  readonly save: boolean;
  readonly nosave: boolean;
  readonly force: boolean;
}

type Answer = (write: (reply: ReplyWriter) => void) => void;

export class Shutdown {
  /** Called when a shutdown has come to nothing. */
  onCalledOff: () => void = () => {};
  private readonly server: Server;
  private phase: "no" | "saving" | "closing" = "no";
  private answers: Answer[] = [];
  /** The pause of clients that was in force before. */
  private pausedBefore: { mode: "no" | "write" | "all"; untilMs: number } = { mode: "no", untilMs: 0 };
  /** Counts shutdowns, so that one that was called off is not taken for the next. */
  private attempt = 0;

  constructor(server: Server) {
    this.server = server;
  }

  /** One has begun, and has not been called off. */
  get initiated(): boolean {
    return this.phase !== "no";
  }

  /** Begins one, outside of a turn; while one is under way that one goes on. `answer` is for whoever waits in case it comes to nothing. */
  begin(options: ShutdownOptions, answer?: Answer): void {
    if (answer !== undefined) this.answers.push(answer);
    const { server } = this;
    if (this.initiated || server.isStopping()) return;
    this.phase = "saving";
    this.attempt++;
    server.logger.warning("User requested shutdown...");
    const { clients } = server;
    this.pausedBefore = { mode: clients.paused, untilMs: clients.pausedUntilMs };
    clients.pause("write", Number.POSITIVE_INFINITY);
    void this.run(options, this.attempt);
  }

  /** ABORT: false where there is nothing to call off. */
  abort(): boolean {
    if (this.phase !== "saving") return false;
    this.server.logger.notice("The shutdown was called off by SHUTDOWN ABORT");
    this.callOff();
    void this.server.storage?.images.cancel();
    return true;
  }

  private async run(options: ShutdownOptions, attempt: number): Promise<void> {
    const { server } = this;
    // D9: what memory alone knows is worth an attempt, whatever the options say.
    await server.storage?.rescue();
    const { images } = server.storage ?? {};
    if (images?.busy === true) server.logger.warning("An image is being taken: it is called off");
    await images?.cancel();
    const wanted = options.save || (!options.nosave && server.config.savePoints().length > 0);
    const failure = wanted && attempt === this.attempt && this.initiated ? await this.save(options) : undefined;
    if (attempt !== this.attempt || !this.initiated) return;
    if (failure !== undefined) {
      if (!options.force) {
        server.logger.warning(
          `The image could not be taken, so the server goes on (SHUTDOWN NOSAVE or FORCE ends it all the same): ${failure}`,
        );
        return this.callOff();
      }
      server.logger.warning(`The image could not be taken, and the server ends all the same: ${failure}`);
    }
    this.phase = "closing";
    await server.close();
  }

  /** What went wrong, if that is to count. */
  private save({ save }: ShutdownOptions): Promise<string | undefined> {
    const { saving, logger } = this.server;
    return new Promise((resolve) => {
      logger.notice("Taking an image before the end");
      const without = (reason: string): void => {
        if (!save) logger.notice(`No image can be taken now, and what there is of the log must do: ${reason}`);
        resolve(save ? reason : undefined);
      };
      const refusal = saving.begin("save", (error) => {
        if (error?.code === "DISK_FULL") without(error.message);
        else resolve(error?.message);
      });
      if (refusal !== undefined) without(refusal);
    });
  }

  private callOff(): void {
    const { server, pausedBefore } = this;
    this.phase = "no";
    server.clients.unpause();
    if (pausedBefore.mode !== "no" && pausedBefore.untilMs > server.clock.wallMs()) {
      server.clients.pause(pausedBefore.mode, pausedBefore.untilMs);
    }
    for (const answer of this.answers.splice(0)) {
      answer((reply) => reply.error("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    this.onCalledOff();
  }
}

/** The words of SHUTDOWN, and of shutdown-on-sigterm. */
export function shutdownOptions(words: readonly string[]): ShutdownOptions {
  return { save: words.includes("save"), nosave: words.includes("nosave"), force: words.includes("force") };
}
