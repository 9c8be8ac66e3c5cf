/**
 * Compares what Emberlog and redis-server have answered to the same bytes, reply by reply.
 *
 * One thing is left aside, and nothing else: a command that redis-server has and Emberlog has not yet. Where Emberlog says `unknown
 * command 'NAME'` and NAME is such a command, those two replies are not compared. If redis-server refused it as well, it has changed nothing and
 * all the rest is compared; if it executed or queued it, what follows may rightly differ, and the comparison ends there.
 */
import { ReplyFrame } from "../test/support/reply_frame.ts";

export interface Answer {
  /** Everything received, latin1. */
  readonly text: string;
  readonly closed: boolean;
}

export interface Compared {
  readonly mine: Answer;
  readonly other: Answer;
}

const UNKNOWN_COMMAND = /^-ERR unknown command '([^']*)'/;
const SIGN_ERROR = "-";

/** The parts of both answers that must be equal; `lacking` holds, in lower case, the commands that Emberlog does not have yet. */
export function comparable(mine: Answer, other: Answer, lacking: ReadonlySet<string>): Compared {
  const [ours, theirs] = [new Replies(mine.text), new Replies(other.text)];
  let [kept, keptOther] = ["", ""];
  while (ours.next() && theirs.next()) {
    const name = UNKNOWN_COMMAND.exec(ours.reply)?.[1]?.toLowerCase();
    if (name === undefined || !lacking.has(name)) {
      kept += ours.reply;
      keptOther += theirs.reply;
    } else if (!theirs.reply.startsWith(SIGN_ERROR)) {
      return { mine: { text: kept, closed: false }, other: { text: keptOther, closed: false } };
    }
    ours.take();
    theirs.take();
  }
  return {
    mine: { text: kept + ours.rest, closed: mine.closed },
    other: { text: keptOther + theirs.rest, closed: other.closed },
  };
}

/** Takes an answer apart, as far as its replies are whole. */
class Replies {
  reply = "";
  private readonly bytes: Buffer;
  private at = 0;

  constructor(text: string) {
    this.bytes = Buffer.from(text, "latin1");
  }

  /** What has not been taken. */
  get rest(): string {
    return this.bytes.toString("latin1", this.at);
  }

  /** Reads the next reply; false when there is no whole one. */
  next(): boolean {
    const { bytes, at } = this;
    const length = at === bytes.length ? -1 : new ReplyFrame().length(bytes, at, bytes.length);
    this.reply = length < 0 ? "" : bytes.toString("latin1", at, at + length);
    return length >= 0;
  }

  take(): void {
    this.at += this.reply.length;
  }
}
