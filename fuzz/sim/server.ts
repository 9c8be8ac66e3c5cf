/**
 * A server without sockets, threads and files of its own: the real engine, storage and turns over a transport that hands the
 * bytes to simulated clients, in one thread and one call stack, so that a seed decides everything.
 *
 * What the real server does around these (server.ts) is repeated here in its shortest form: the log's progress releases
 * replies, and a failed sync under `always` ends everything (D9).
 */
import { crc32cReference } from "../../src/base/crc32c.ts";
import { TURN_MESSAGE_BYTES } from "../../src/base/limits.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { datasetCommands } from "../../src/command/commands.ts";
import { CommandTable } from "../../src/command/table.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { Engine } from "../../src/engine/engine.ts";
import { type FsyncPolicy, openStorage, type Storage } from "../../src/engine/storage.ts";
import { DATA, INPUT_ROW_WORDS, makeRegions, OUTPUT_ROW_WORDS, type Transport } from "../../src/platform/transport.ts";
import { Connection } from "../../src/server/connection.ts";
import { TurnRunner } from "../../src/server/turn.ts";
import type { TurnHost } from "../../src/server/turn_host.ts";
import { LentMemory } from "./memory.ts";
import { type Schedule, type SimClock, SimLogIo } from "./world.ts";

export const SIM_DIRECTORY = "/data";
export const SIM_DATABASES = 2;
const SLOTS = 8;

const table = new CommandTable(datasetCommands);
/** One at a time is in use. */
const regions = makeRegions({
  onTurn: () => 0,
  slotsMax: SLOTS,
  inputBytes: 256 * 1024,
  outputBytes: TURN_MESSAGE_BYTES + 256 * 1024,
  inputRowsMax: 64,
  outputRowsMax: 256,
});

export interface SimServerOptions {
  readonly disk: Disk;
  readonly clock: SimClock;
  readonly schedule: Schedule;
  readonly seed: number;
  readonly policy: FsyncPolicy;
  readonly segmentBytesMax: number;
  /** Gets every byte that a client would get. */
  readonly received: (slot: number, bytes: Uint8Array) => void;
}

export class SimServer {
  readonly engine: Engine;
  readonly storage: Storage;
  readonly turns: TurnRunner;
  /** It has ended by itself, as a failed sync makes it. */
  ended = false;
  private readonly connections: Connection[];
  private readonly received: (slot: number, bytes: Uint8Array) => void;
  private readonly memory = new LentMemory();

  /** Recovers what is on the disk; throws what a start throws. */
  constructor(options: SimServerOptions) {
    const { disk, clock, schedule, policy, segmentBytesMax } = options;
    const random: Random = seededRandom(options.seed);
    this.received = options.received;
    this.engine = new Engine({
      clock,
      random,
      table,
      databases: SIM_DATABASES,
      bytesMax: 64 * 1024 * 1024,
      memoryCalls: this.memory.calls,
      positions: this.memory.positions,
    });
    const peer = { peerAddress: "", localAddress: "", descriptor: -1, local: true };
    this.connections = Array.from({ length: SLOTS }, (_, slot) => new Connection(slot + 1, slot, peer, 0));
    const host: TurnHost = {
      opened: () => undefined,
      connection: (slot) => this.connections[slot],
      closed: () => {},
      protocolError: (_, message) => {
        throw new Error(`a protocol error: ${message}`);
      },
      outputGrew: () => {},
      outputExceeded: () => {},
      queryBytesMax: Number.POSITIVE_INFINITY,
      paused: "no",
    };
    this.turns = new TurnRunner(this.engine, this.transport(), host, { serve: () => {}, forget: () => {} });
    // The time on the processor is the one thing here that no seed decides.
    Reflect.set(this.turns.times, "cpuUs", () => 0);
    this.engine.setReplySink(this.turns);
    try {
      this.storage = openStorage(this.engine, {
        directory: SIM_DIRECTORY,
        policy,
        segmentBytesMax,
        clock,
        random,
        backing: { disk, logIo: new SimLogIo(disk, schedule), crc32c: crc32cReference, buffers: this.memory },
      });
    } catch (thrown) {
      this.dispose();
      throw thrown;
    }
    this.storage.onProgress = () => this.progressed();
  }

  /** The process is no more: its memory is somebody else's from here on. */
  dispose(): void {
    this.memory.giveBack(this.engine.arena);
  }

  /** One turn: what each of these clients has sent. */
  run(inputs: readonly { readonly slot: number; readonly bytes: Uint8Array }[]): void {
    let at = 0;
    inputs.forEach(({ slot, bytes }, row) => {
      regions.input.set(bytes, at);
      regions.inputTable.set([slot, at, bytes.length, DATA], row * INPUT_ROW_WORDS);
      at += bytes.length;
    });
    this.hand(this.turns.run(inputs.length));
  }

  /** The timer: what is due, and some expiry. */
  tick(): void {
    const { engine } = this;
    this.storage.tick();
    engine.beginTurn();
    let buckets = 0;
    engine.dataset.expireStep(() => ++buckets < 4);
    while (buckets++ < 8 && engine.dataset.releaseStep());
    engine.commit();
  }

  /** Why writes are refused in the turn that has just run, as clients see it. */
  get refusal(): string | undefined {
    const refusal: unknown = Reflect.get(this.engine.executor, "writesRefused");
    return typeof refusal === "string" ? refusal : undefined;
  }

  private progressed(): void {
    if (this.storage.fatalFailure === undefined) {
      this.turns.release();
      return;
    }
    this.ended = true;
    this.turns.stop();
  }

  /** The first `rows` rows of the output table go to their clients. */
  private hand(rows: number): void {
    const { output, outputTable } = regions;
    for (let row = 0; row < rows; row++) {
      const at = row * OUTPUT_ROW_WORDS;
      const start = outputTable[at + 1]!;
      this.deliver(outputTable[at]!, output.subarray(start, start + outputTable[at + 2]!));
    }
  }

  private deliver(slot: number, bytes: Uint8Array): void {
    if (!this.ended) this.received(slot, bytes);
  }

  private transport(): Transport {
    const refuse = (): never => {
      throw new Error("a simulated transport has no sockets");
    };
    const ignore = (): void => {};
    return {
      kind: "net",
      ...regions,
      listenTcp: refuse,
      listenUnix: refuse,
      closeListener: ignore,
      setKeepAlive: ignore,
      send: (slot, bytes, offset, length) => this.deliver(slot, bytes.subarray(offset, offset + length)),
      flush: (rows) => this.hand(rows),
      close: ignore,
      release: ignore,
      pauseReading: ignore,
      resumeReading: ignore,
      peerAddress: () => "",
      localAddress: () => "",
      descriptor: () => -1,
      listenerOf: () => -1,
      attachLog: ignore,
      wake: ignore,
      wakeAfter: ignore,
      acceptError: () => 0,
      stop: ignore,
    };
  }
}
