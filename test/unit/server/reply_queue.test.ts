/**
 * Replies that wait for the log, against what must come of them: each connection is sent its own replies, whole and in order, none before
 * its gate, whether they found a place among the parked ones or not.
 *
 * `EMBERLOG_SEED=7 npx vitest run test/unit/server/reply_queue.test.ts` replays a run.
 */
import { expect, it } from "vitest";
import { latin1 } from "../../../src/base/bytes.ts";
import { type Random, seededRandom, uniform } from "../../../src/base/random.ts";
import { OUTPUT_ROW_WORDS, type Transport } from "../../../src/platform/transport.ts";
import { Cohort } from "../../../src/server/cohort.ts";
import { Connection } from "../../../src/server/connection.ts";
import { ParkedSpace } from "../../../src/server/parked_space.ts";
import { ReplyQueue } from "../../../src/server/reply_queue.ts";

const SEED = Number(process.env["EMBERLOG_SEED"] ?? Date.now() % 1_000_000);
const CONNECTIONS = 5;
const REPLY_BYTES = 1024;
const PARKED_BYTES = 300;
const ROWS = 12;

/** Remembers what each connection was sent, and how often it was asked to. */
class Sent {
  readonly output = new Uint8Array(REPLY_BYTES + PARKED_BYTES);
  readonly outputTable = new Int32Array(ROWS * OUTPUT_ROW_WORDS);
  readonly queuedBytes = new Float64Array(CONNECTIONS);
  readonly texts = Array.from({ length: CONNECTIONS }, () => "");
  flushes = 0;
  sends = 0;
  readonly closed: number[] = [];

  send(slot: number, bytes: Uint8Array, offset: number, length: number): void {
    this.sends++;
    this.texts[slot] += latin1(bytes, offset, offset + length);
  }

  flush(rows: number): void {
    this.flushes++;
    expect(rows).toBeLessThanOrEqual(ROWS);
    for (let row = 0; row < rows; row++) {
      const [slot, offset, length] = this.outputTable.subarray(row * OUTPUT_ROW_WORDS);
      this.texts[slot!] += latin1(this.output, offset!, offset! + length!);
    }
  }

  close(slot: number): void {
    this.closed.push(slot);
  }
  pauseReading(): void {}
  resumeReading(): void {}
}

class Subject {
  readonly sent = new Sent();
  readonly log = { released: 0 };
  sequence = 0;
  readonly connections: Connection[];
  readonly queue: ReplyQueue;
  /** What was answered so far, each with the position that it waits for. */
  readonly answers: { text: string; gate: number }[][] = Array.from({ length: CONNECTIONS }, () => []);
  private position = 0;
  private count = 0;

  constructor() {
    const peer = { peerAddress: "", localAddress: "", descriptor: -1, local: true };
    this.connections = Array.from({ length: CONNECTIONS }, (_, slot) => new Connection(slot, slot, peer, 0));
    const transport = this.sent as unknown as Transport;
    const host = {
      connection: (slot: number) => this.connections[slot],
      closed: () => {},
      outputExceeded: () => {},
    };
    const space = new ParkedSpace(REPLY_BYTES, PARKED_BYTES);
    this.queue = new ReplyQueue(transport, host, this.log, new Cohort(transport), space);
  }

  /** A reply of some length; `gate` Infinity: it waits for what this turn logs. */
  answer(slot: number, length: number, gate: number, own: boolean): void {
    const text = `<${slot}:${this.count++}>`.padEnd(length, ".");
    this.answers[slot]!.push({ text, gate });
    const connection = this.connections[slot]!;
    const bytes = Buffer.from(text, "latin1");
    if (own) return this.queue.append(connection, bytes, gate);
    if (this.position + text.length > REPLY_BYTES) {
      this.queue.moveOut();
      this.position = 0;
    }
    this.sent.output.set(bytes, this.position);
    this.queue.addRow(connection, this.position, text.length, gate);
    this.position += text.length;
  }

  /** What has been executed so far is committed. */
  commit(): void {
    this.sequence++;
    for (const each of this.answers)
      for (const answer of each) if (answer.gate === Number.POSITIVE_INFINITY) answer.gate = this.sequence;
    this.queue.settle(this.log.released, this.sequence);
  }

  endTurn(): void {
    this.commit();
    const rows = this.queue.takeRows();
    this.sent.flush(rows);
    // The transport has taken them: the next turn's replies may lie there.
    this.sent.output.fill(0x21, 0, REPLY_BYTES);
    this.position = 0;
  }

  /** The log has got as far as `position`. */
  progress(position: number): void {
    this.log.released = position;
    this.queue.release(position);
  }

  check(): void {
    this.answers.forEach((each, slot) => {
      const text = this.sent.texts[slot]!;
      let expected = "";
      let gate = 0;
      for (const answer of each) {
        if (expected.length === text.length) break;
        expected += answer.text;
        gate = Math.max(gate, answer.gate);
      }
      if (text !== expected) expect(text, `EMBERLOG_SEED=${SEED}`).toBe(expected);
      expect(gate, `EMBERLOG_SEED=${SEED}`).toBeLessThanOrEqual(this.log.released);
    });
  }
}

function someTurn(subject: Subject, random: Random, lengthMax: number): void {
  for (let left = uniform(random, 2 * ROWS); left > 0; left--) {
    const kind = uniform(random, 8);
    const gate = kind < 5 ? Number.POSITIVE_INFINITY : uniform(random, subject.sequence + 1);
    subject.answer(uniform(random, CONNECTIONS), 8 + uniform(random, lengthMax), gate, kind === 7);
  }
}

function someProgress(subject: Subject, random: Random): void {
  if (uniform(random, 2) === 0) return;
  const { released } = subject.log;
  subject.progress(released + uniform(random, subject.sequence - released + 1));
}

it("sends each connection its replies in order, none before its gate", () => {
  const random = seededRandom(SEED);
  for (let run = 0; run < 60; run++) {
    const subject = new Subject();
    // Short ones find their place among the parked ones, of long ones few do.
    const lengthMax = [4, 40, 150, 500][run % 4]!;
    for (let turn = 0; turn < 60; turn++) {
      someTurn(subject, random, lengthMax);
      // A turn may commit several times, and the log get on meanwhile.
      for (let commits = uniform(random, 3); commits > 0; commits--) {
        subject.commit();
        someProgress(subject, random);
        someTurn(subject, random, lengthMax);
      }
      subject.endTurn();
      someProgress(subject, random);
      subject.check();
    }
    subject.progress(subject.sequence);
    subject.check();
    for (let slot = 0; slot < CONNECTIONS; slot++) {
      const answered = subject.answers[slot]!.map((answer) => answer.text).join("");
      expect(subject.sent.texts[slot], `EMBERLOG_SEED=${SEED}`).toBe(answered);
      expect(subject.connections[slot]!.parked).toBe(0);
      expect(subject.connections[slot]!.parkedBytes).toBe(0);
    }
    expect(subject.queue.parkedBytes).toBe(0);
  }
});

it("hands all replies that one sync releases to the transport at once", () => {
  const subject = new Subject();
  for (let turn = 0; turn < 40; turn++) {
    for (let slot = 0; slot < CONNECTIONS; slot++) subject.answer(slot, 10, Number.POSITIVE_INFINITY, false);
    subject.endTurn();
    const { flushes } = subject.sent;
    subject.progress(subject.sequence);
    expect(subject.sent.flushes).toBe(flushes + 1);
  }
  expect(subject.sent.sends).toBe(0);
  subject.check();
});

it("closes a connection behind the last reply that it waited for", () => {
  const subject = new Subject();
  subject.answer(1, 20, Number.POSITIVE_INFINITY, false);
  const connection = subject.connections[1]!;
  connection.closing = true;
  subject.queue.closeWhenSent(connection);
  subject.endTurn();
  expect(subject.sent.closed).toEqual([]);
  subject.progress(subject.sequence);
  expect(subject.sent.closed).toEqual([1]);
  subject.check();
  expect(subject.sent.texts[1]).toHaveLength(20);
});
