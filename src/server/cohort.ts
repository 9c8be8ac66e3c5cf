/**
 * The clients that the last sync has let go, and how many of them are back.
 *
 * Most clients wait for a reply before they send more. A sync that began as soon as the one before it has ended would find the few that
 * were quickest; the others would wait for it and for their own. So the log is told who can be expected, and its next sync waits for
 * them, not for long (log/sync_schedule.ts).
 *
 * A connection belongs to the cohort when the sync has released the last reply it waited for. Who has more replies waiting has sent more
 * already; who is closing, or only listens, sends nothing. It is back with its next bytes, whatever they are, or with its end.
 */
import type { Transport } from "../platform/transport.ts";
import type { Connection } from "./connection.ts";

/** What is told; log/writer.ts is one. */
interface CohortLog {
  cohort(returned: number, expected: number): void;
  syncDueUs(): number;
}

export class Cohort {
  private readonly transport: Transport;
  /** Names the cohort; connections remember which one they belong to. */
  private generation = 0;
  private expected = 0;
  private returned = 0;
  private timed = false;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** The log has progressed: those who are let go from here on are waited for, and nobody else. */
  begin(): void {
    this.generation++;
    this.expected = 0;
    this.returned = 0;
    this.timed = false;
  }

  /** The last reply that the connection waited for is released. */
  letGo(connection: Connection): void {
    if (connection.closing || connection.subscribed || connection.monitoring) return;
    connection.cohort = this.generation;
    this.expected++;
  }

  /** The connection has sent more, or has ended. */
  back(connection: Connection): void {
    if (connection.cohort !== this.generation) return;
    connection.cohort = 0;
    this.returned++;
  }

  /** Tells the log, once what was sent is committed, and has it told again when it has waited long enough. */
  tell(log: CohortLog | undefined): void {
    if (this.expected === 0 || log === undefined) return;
    log.cohort(this.returned, this.expected);
    if (this.returned === this.expected) {
      this.expected = 0;
      return;
    }
    const dueUs = log.syncDueUs();
    if (dueUs > 0 && this.timed) return;
    this.timed = dueUs > 0;
    if (!this.timed) return;
    this.transport.wakeAfter(Math.ceil(dueUs));
  }
}
