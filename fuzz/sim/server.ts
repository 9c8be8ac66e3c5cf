/**
 * A server without sockets, threads and files of its own: the real engine, storage, turns, waiting requests and channels over a transport that
 * hands the bytes to simulated clients, in one thread and one call stack, so that a seed decides everything.
 *
 * What the real server does around these (server.ts) is repeated here in its shortest form: the log's progress releases
 * replies, and a failed sync under `always` ends everything (D9).
 *
 * It tells of each request as it is executed, in that order, with what is answered, long before the answer may leave.
 */
import { latin1 } from "../../src/base/bytes.ts";
import type { Keys } from "../../src/base/key_ring.ts";
import { PARKED_BYTES, TURN_MESSAGE_BYTES } from "../../src/base/limits.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { datasetCommands } from "../../src/command/commands.ts";
import { CommandTable } from "../../src/command/table.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { Engine } from "../../src/engine/engine.ts";
import { type FsyncPolicy, openStorage, type Storage } from "../../src/engine/storage.ts";
import { crc32c } from "../../src/platform/checksum.ts";
import { lz4Compress } from "../../src/platform/lz4.ts";
import { DATA, INPUT_ROW_WORDS, makeRegions, OUTPUT_ROW_WORDS, type Transport } from "../../src/platform/transport.ts";
import { ReplyReader } from "../../src/protocol/reply_reader.ts";
import { BlockedClients } from "../../src/server/blocking/blocked_clients.ts";
import { publish } from "../../src/server/commands/pubsub/publish.ts";
import { subscriptionCommands } from "../../src/server/commands/pubsub/subscribe.ts";
import { Connection } from "../../src/server/connection.ts";
import { Notifications } from "../../src/server/pubsub/notifications.ts";
import { type PubsubHost, Registry } from "../../src/server/pubsub/registry.ts";
import type { Saving } from "../../src/server/saving.ts";
import { TurnRunner } from "../../src/server/turn.ts";
import type { TurnHost } from "../../src/server/turn_host.ts";
import { InlineImageThread } from "../../src/snapshot/image_thread.ts";
import { ReplyFrame } from "../../test/support/reply_frame.ts";
import { SIM_DIRECTORY } from "./directory.ts";
import { type ImagingListener, type ImagingPlan, simSaving } from "./imaging.ts";
import { interleave } from "./interleaving.ts";
import { LentMemory } from "./memory.ts";
import { type Schedule, type SimClock, SimLogIo } from "./world.ts";

export const SIM_DATABASES = 2;
const SLOTS = 8;
/** Draws where two threads meet apart from what the server draws. */
const INTERLEAVING = 0x5bd1e995;
/** The harness's own connection, which the listener is told nothing of. */
export const CONTROL_SLOT = 7;

/** The server whose turn runs: the commands about channels are made once, for all. */
let current: PubsubHost;
const host: PubsubHost = {
  get pubsub() {
    return current.pubsub;
  },
  get turns() {
    return current.turns;
  },
};
const table = new CommandTable([...datasetCommands, ...subscriptionCommands(host), publish(host)]);
/** One at a time is in use. */
const regions = makeRegions({
  onTurn: () => 0,
  slotsMax: SLOTS,
  inputBytes: 256 * 1024,
  outputBytes: TURN_MESSAGE_BYTES + PARKED_BYTES + 1024 * 1024,
  inputRowsMax: 64,
  outputRowsMax: 256,
});

/** A request that has been executed. */
export interface Executed {
  readonly slot: number;
  readonly args: readonly string[];
  /** What is answered; "": nothing, it waits for a key. Undefined where that could not be seen. */
  readonly answer: string | undefined;
  /** The key that had it go on, where it had waited. */
  readonly resumedFor: string | undefined;
  /** The error that writes get at this moment. */
  readonly refusal: string | undefined;
}

/** Who hears what becomes of the clients. */
export interface Listener {
  /** Gets every byte that a client would get. */
  received(slot: number, bytes: Uint8Array): void;
  executed(event: Executed): void;
  /** A message goes to a channel: from the request that is being executed, or from the timer. */
  published(channel: string, message: string): void;
}

export interface SimServerOptions {
  readonly disk: Disk;
  readonly clock: SimClock;
  readonly schedule: Schedule;
  readonly seed: number;
  readonly policy: FsyncPolicy;
  readonly segmentBytesMax: number;
  /** Key ring of encryption at rest. */
  readonly keys: Keys | undefined;
  /** notify-keyspace-events */
  readonly notify: string;
  readonly listener: Listener;
  /** Undefined: it takes no images, but starts with those that are there. */
  readonly images: { readonly plan: ImagingPlan; readonly listener: ImagingListener } | undefined;
}

export class SimServer {
  readonly engine: Engine;
  readonly storage: Storage;
  readonly turns: TurnRunner;
  readonly pubsub: Registry;
  readonly saving: Saving | undefined;
  /** It has ended by itself, as a failed sync makes it. */
  ended = false;
  private readonly connections: Connection[];
  private readonly listener: Listener;
  private disposed = false;
  private readonly memory = new LentMemory();

  /** Recovers what is on the disk; throws what a start throws. */
  constructor(options: SimServerOptions) {
    const { disk, clock, schedule, policy, segmentBytesMax, listener, keys, images } = options;
    const random: Random = seededRandom(options.seed);
    this.listener = listener;
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
    const transport = this.transport();
    const blocked: BlockedClients = new BlockedClients({
      clock,
      engine: this.engine,
      isStopping: () => this.ended,
      // Not made yet.
      turns: {
        measure: (work) => this.turns.measure(work),
        positionOf: (connection) => this.turns.positionOf(connection),
        push: (connection, bytes) => this.turns.push(connection, bytes),
        release: () => this.turns.release(),
        resume: (connection) => this.turns.resume(connection),
      },
      transport,
      storage: undefined,
    });
    this.turns = new TurnRunner(this.engine, transport, this.turnHost(), blocked);
    // The time on the processor is the one thing here that no seed decides.
    Reflect.set(this.turns.times, "cpuUs", () => 0);
    this.engine.call.waitHost = blocked;
    this.engine.setReplySink(this.turns);
    this.pubsub = new Registry(this.turns.delivery, random);
    new Notifications(this.pubsub, this.engine.call).configure(options.notify);
    const imageThread = new InlineImageThread(disk, crc32c, lz4Compress, (task) =>
      schedule.later(() => this.disposed || task()),
    );
    if (images !== undefined)
      interleave(this.engine.arena, imageThread, seededRandom(options.seed ^ INTERLEAVING), images.listener);
    try {
      this.storage = openStorage(this.engine, {
        directory: SIM_DIRECTORY,
        policy,
        segmentBytesMax,
        clock,
        random,
        ...(keys === undefined ? {} : { keys }),
        ...(images === undefined ? {} : { images: images.plan.settings }),
        backing: {
          disk,
          logIo: new SimLogIo(disk, schedule, 1 + ((options.seed >>> 0) % 8)),
          crc32c,
          buffers: this.memory,
          imageThread,
        },
      });
    } catch (thrown) {
      this.memory.giveBackAll(this.engine.arena);
      throw thrown;
    }
    // A life is too short for it to be found out by the times that syncs take.
    const { overlap } = Reflect.get(this.storage.writer, "schedule");
    overlap.active = (options.seed & 1) === 0;
    this.storage.onProgress = () => this.progressed();
    this.saving =
      images === undefined
        ? undefined
        : simSaving(this.engine, this.storage, clock, images.plan, () => this.ended, {
            imageBegun: () => this.disposed || images.listener.imageBegun(),
            imageEnded: (error, result) => this.disposed || images.listener.imageEnded(error, result),
          });
    this.listen();
  }

  /** The process is no more: its memory is somebody else's from here on. */
  dispose(): void {
    this.disposed = true;
    this.memory.giveBack(this.engine.arena);
  }

  /** One turn: what each of these clients has sent. */
  run(inputs: readonly { readonly slot: number; readonly bytes: Uint8Array }[]): void {
    current = this;
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
    current = this;
    this.storage.tick();
    this.saving?.tick();
    engine.beginTurn();
    let buckets = 0;
    engine.dataset.expireStep(() => ++buckets < 4);
    while (buckets++ < 8 && engine.dataset.releaseStep());
    this.turns.finish();
  }

  private turnHost(): TurnHost {
    return {
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
  }

  /** Has the listener told of each request and message, in their order. */
  private listen(): void {
    const { listener, pubsub } = this;
    const { executor, call } = this.engine;
    const { execute, resume } = executor;
    const watch = (run: () => void, resumed: boolean): void => {
      const { reply } = call;
      const { queue } = this.turns;
      const { position } = reply;
      const { emptied } = queue;
      const { slot } = call.session as Connection;
      if (slot === CONTROL_SLOT) return run();
      const args = Array.from({ length: call.argc }, (_, i) => latin1(call.copyOf(i)));
      const resumedFor = resumed ? args[call.resumedAt] : undefined;
      const refused: unknown = Reflect.get(executor, "writesRefused");
      run();
      listener.executed({
        slot,
        args,
        answer: queue.emptied === emptied ? latin1(reply.bytes, position, reply.position) : undefined,
        resumedFor,
        refusal: typeof refused === "string" ? refused : undefined,
      });
    };
    const { executeAlike } = executor;
    executor.executeAlike = (of, id, starts, ends, first, count) => {
      const { reply } = call;
      const { queue } = this.turns;
      const { position } = reply;
      const { emptied } = queue;
      const { slot } = call.session as Connection;
      const done = executeAlike.call(executor, of, id, starts, ends, first, count);
      let at = position;
      for (let i = first; i < first + done; i++) {
        const request = new ReplyReader(of.input.subarray(starts[i]!, ends[i]!)).read() as Buffer[];
        const end = at + new ReplyFrame().length(reply.bytes, at, reply.position);
        listener.executed({
          slot,
          args: request.map((arg) => arg.toString("latin1")),
          answer: queue.emptied === emptied ? latin1(reply.bytes, at, end) : undefined,
          resumedFor: undefined,
          refusal: undefined,
        });
        at = end;
      }
      return done;
    };
    executor.execute = (...args) => watch(() => execute.apply(executor, args), false);
    executor.resume = (...args) => watch(() => resume.apply(executor, args), true);
    const send = pubsub.publish;
    pubsub.publish = (channel, start, length, payload, at, count, gate) => {
      listener.published(latin1(channel, start, start + length), latin1(payload, at, at + count));
      return send.call(pubsub, channel, start, length, payload, at, count, gate);
    };
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
    if (!this.ended) this.listener.received(slot, bytes);
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
