/**
 * One random run of all write commands on an engine that records their effects, which are replayed into a second, empty one every now and
 * then: both must hold the same. What a command forgets to log, logs by chance or logs relative to the time shows as a difference.
 *
 * The run goes through phases: all is well; memory is limited, by a policy that evicts or by one that refuses; there is no address space
 * left. Thresholds of encodings are low in half of the phases, so that small collections are big ones, too.
 */
import { expect } from "vitest";
import { latin1Bytes } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { WRITE } from "../../src/command/table.ts";
import { stateDigest } from "../../src/dataset/digest.ts";
import { EVICTION_POLICIES } from "../../src/dataset/eviction.ts";
import { BarrierCheck } from "../../src/memory/barrier_check.ts";
import { NIL, SEGMENT_BYTES } from "../../src/memory/layout.ts";
import type { RandomCommand } from "../conformance/random_commands.ts";
import { EngineClient } from "../support/engine_client.ts";
import { decodeReply, plain } from "../support/reply_value.ts";
import type { Argument } from "../support/resp_client.ts";
import { verifyDataset } from "../support/verify_dataset.ts";
import { EffectsSource } from "./effects_source.ts";

/** Commands between two replays; 1 shows which command it was. */
const REPLAY_EVERY = Number(process.env["EMBERLOG_REPLAY_EVERY"] ?? 100);
/** Commands in a phase. */
const PHASE_COMMANDS = 500;
/** Commands that a failure shows. */
const SHOWN = 15;
/** Sizes of the blocks that take the address space away. */
const HELD_BYTES = [1 << 20, 1 << 16, 1 << 14, 4096, 1024, 256, 64];

export interface RunOptions {
  readonly seed: number;
  readonly commands: number;
  readonly firstSegment: number;
}

export interface RunReport {
  /** Commands that changed something at least once, outside of MULTI. */
  readonly changed: ReadonlySet<string>;
  readonly evicted: number;
  readonly refused: number;
}

export class EffectsRun {
  private readonly options: RunOptions;
  private readonly random: () => number;
  private readonly source: EffectsSource;
  private readonly client: EngineClient;
  private readonly copy: EngineClient;
  private readonly recent: string[] = [];
  private readonly changed = new Set<string>();
  private readonly held: [block: number, bytes: number][] = [];
  private refused = 0;
  private barrier: BarrierCheck | undefined;

  constructor(options: RunOptions) {
    const { seed, firstSegment } = options;
    this.options = options;
    const random = seededRandom(seed);
    this.random = () => random.int32() >>> 0;
    this.client = new EngineClient({
      seed,
      databases: 3,
      recording: true,
      firstSegment,
      bytesMax: 2 * SEGMENT_BYTES,
    });
    this.copy = new EngineClient({ seed: seed + 1, databases: 3, firstSegment, bytesMax: 8 * SEGMENT_BYTES });
    this.source = new EffectsSource(random, (...args: Argument[]) => {
      this.client.session("asking").database = this.client.session().database;
      return this.client.commandAs("asking", ...args);
    });
  }

  run(): RunReport {
    const { client } = this;
    for (let i = 0; i < this.options.commands; i++) {
      if (i % PHASE_COMMANDS === 0) this.beginPhase();
      this.execute(this.source.next());
      this.letTimePass();
      if ((i + 1) % REPLAY_EVERY === 0) this.compare();
    }
    this.endPhase();
    client.command("DISCARD");
    this.compare();
    this.expectNothingLeaked();
    return { changed: this.changed, evicted: client.engine.eviction.evictedKeys, refused: this.refused };
  }

  /** Write commands of the table that the run never saw change anything. */
  neverChanged(): string[] {
    const { table } = this.client.engine;
    return table.fullNames.filter((name, id) => (table.bits[id]! & WRITE) !== 0 && !this.changed.has(name)).sort();
  }

  private below(bound: number): number {
    return this.random() % bound;
  }

  private execute(command: RandomCommand): void {
    const { client } = this;
    const { journal, dataset, table } = client.engine;
    const { dirty, sequence } = journal;
    const { expiredKeys, expiredFields } = dataset;
    const evicted = client.engine.eviction.evictedKeys;
    this.recent.push(`${client.clock.ms} ${shown(command)}`);
    if (this.recent.length > SHOWN) this.recent.shift();
    const reply = this.reply(command);
    // Keys and fields whose time had come, or keys that made room, have gone by themselves.
    const aside =
      dataset.expiredKeys !== expiredKeys ||
      dataset.expiredFields !== expiredFields ||
      client.engine.eviction.evictedKeys !== evicted;
    if (reply.startsWith("-OOM")) this.refused++;
    if (aside || client.session().inMulti) return;
    const changes = journal.dirty !== dirty;
    if (changes !== (journal.sequence !== sequence))
      throw new Error(this.told(changes ? "a change without an effect" : "an effect without a change"));
    if (!changes) return;
    if (reply.startsWith("-")) throw new Error(this.told(`a change by a command that failed: ${reply.slice(0, 100)}`));
    const name = String(command[0]).toUpperCase();
    const id = table.fullNames.findIndex((each) => each.toUpperCase() === name);
    if (id !== -1) this.changed.add(table.fullNames[id]!);
  }

  private reply(command: RandomCommand): string {
    try {
      return this.client.command(...command);
    } catch (error) {
      throw new Error(this.told(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    }
  }

  private letTimePass(): void {
    const { client } = this;
    const { dataset } = client.engine;
    // Times of access pass the barrier by: while it is watched, all of them are the present second.
    const still = this.barrier !== undefined;
    switch (this.below(24)) {
      case 0:
        if (!still) client.clock.advance(this.below(400));
        break;
      case 1:
        client.engine.beginTurn();
        dataset.expireStep(() => this.below(20) > 0);
        break;
      case 2:
        dataset.releaseStep();
        break;
      case 3:
        if (!still && this.below(10) === 0) client.clock.advance(5000);
        break;
      default:
    }
  }

  private beginPhase(): void {
    this.endPhase();
    const { engine } = this.client;
    const low = this.below(2) === 0;
    // Each engine has thresholds of its own: what is stored does not depend on them, only how.
    Object.assign(engine.dataset.limits, low ? LOW_LIMITS : HIGH_LIMITS);
    Object.assign(this.copy.engine.dataset.limits, this.below(2) === 0 ? LOW_LIMITS : HIGH_LIMITS);
    const used = engine.dataset.memory.usedBytes;
    switch (this.below(5)) {
      case 0:
        engine.limitMemory({ limitBytes: used + this.below(10_000), policy: this.pick(EVICTION_POLICIES) });
        break;
      case 1:
        engine.limitMemory({ limitBytes: used + this.below(20_000), policy: "noeviction" });
        break;
      case 2:
        this.takeAddressSpace();
        break;
      case 3:
        this.touchAll();
        this.barrier = new BarrierCheck(engine.arena);
        break;
      default:
    }
  }

  private endPhase(): void {
    const { engine } = this.client;
    engine.limitMemory({ limitBytes: 0, policy: "noeviction" });
    for (const [block, bytes] of this.held.splice(0)) engine.dataset.allocator.free(block, bytes);
    if (this.barrier === undefined) return;
    const unmarked = this.barrier.violations(3);
    this.barrier = undefined;
    check(unmarked.length === 0, () => this.told(`written past the barrier: ${JSON.stringify(unmarked)}`));
  }

  private touchAll(): void {
    for (let database = 0; database < this.client.engine.dataset.databaseCount; database++) {
      this.client.commandAs("touching", "SELECT", String(database));
      const keys = plain(decodeReply(latin1Bytes(this.client.commandAs("touching", "KEYS", "*"))));
      for (const key of keys as string[]) this.client.commandAs("touching", "TOUCH", latin1Bytes(key));
    }
  }

  /** All but a few small blocks, so that some allocations succeed and some fail. */
  private takeAddressSpace(): void {
    const { allocator } = this.client.engine.dataset;
    for (const bytes of HELD_BYTES) {
      for (let block = allocator.allocate(bytes); block !== NIL; block = allocator.allocate(bytes))
        this.held.push([block, bytes]);
    }
    for (let i = this.below(60); i > 0 && this.held.length > 0; i--) {
      const [block, bytes] = this.held.splice(Math.max(0, this.held.length - 1 - this.below(200)), 1)[0]!;
      allocator.free(block, bytes);
    }
  }

  private compare(): void {
    const { client, copy } = this;
    // The copy's clock stands elsewhere: a replay must not look at it.
    copy.clock.advance(37 * REPLAY_EVERY);
    const effects = client.takeEffects();
    try {
      copy.replay(effects);
    } catch (error) {
      throw new Error(this.told(`${error}, of the effects\n${Buffer.from(effects).toString("latin1").slice(-3000)}`));
    }
    const told = (what: string) => () => this.told(what);
    check(stateDigest(copy.engine.dataset) === stateDigest(client.engine.dataset), () =>
      this.told(`the replay differs: ${this.differingKeys()}`),
    );
    const problems = [...verifyDataset(client.engine.dataset), ...verifyDataset(copy.engine.dataset)];
    check(problems.length === 0, told(problems.join("\n")));
  }

  /** The keys whose values or times are not the same in both. */
  private differingKeys(): string {
    const found: string[] = [];
    for (let database = 0; database < 3; database++) {
      const seen = [this.client, this.copy].map((client) => {
        client.engine.dataset.clockHeld = true;
        client.commandAs("looking", "SELECT", String(database));
        const keys = plain(decodeReply(latin1Bytes(client.commandAs("looking", "KEYS", "*")))) as string[];
        const values = new Map(keys.map((key) => [key, lookAt(client, latin1Bytes(key))]));
        client.engine.dataset.clockHeld = false;
        return values;
      });
      for (const key of new Set([...seen[0]!.keys(), ...seen[1]!.keys()])) {
        const [mine, other] = seen.map((values) => values.get(key) ?? "absent");
        if (mine !== other)
          found.push(`database ${database}, ${JSON.stringify(key)}:\n  ${mine}\n  ${other} (replayed)`);
      }
    }
    return found.join("\n");
  }

  private expectNothingLeaked(): void {
    for (const { engine } of [this.client, this.copy]) {
      const { dataset } = engine;
      const client = engine === this.client.engine ? this.client : this.copy;
      client.command("FLUSHALL", "SYNC");
      for (let step = 0; step < 1_000_000 && dataset.releaseStep(); step++);
      expect(dataset.releasingCount).toBe(0);
      expect(dataset.allocator.allocatedBytes).toBe(dataset.memory.startBytes);
    }
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  private told(what: string): string {
    return `${what}, after\n${this.recent.map((each) => `  ${each}`).join("\n")}`;
  }
}

const HIGH_LIMITS = {
  hashListpackEntries: 512,
  hashListpackValueBytes: 64,
  zsetListpackEntries: 128,
  zsetListpackValueBytes: 64,
  setIntsetEntries: 512,
  setListpackEntries: 128,
  setListpackValueBytes: 64,
  listListpackSize: -2,
  listCompressDepth: 0,
};

const LOW_LIMITS = {
  hashListpackEntries: 4,
  hashListpackValueBytes: 8,
  zsetListpackEntries: 4,
  zsetListpackValueBytes: 8,
  setIntsetEntries: 4,
  setListpackEntries: 4,
  setListpackValueBytes: 8,
  listListpackSize: 4,
  listCompressDepth: 1,
};

/** A key's type, time and value, as far as commands tell. */
function lookAt(client: EngineClient, key: Uint8Array): string {
  const ask = (...args: Argument[]): string => JSON.stringify(client.commandAs("looking", ...args)).slice(0, 1000);
  const type = client.commandAs("looking", "TYPE", key).slice(1, -2);
  const value: Record<string, () => string> = {
    string: () => ask("GET", key),
    hash: () => ask("HGETALL", key),
    list: () => ask("LRANGE", key, "0", "-1"),
    set: () => ask("SORT", key, "ALPHA"),
    zset: () => ask("ZRANGE", key, "0", "-1", "WITHSCORES"),
  };
  return `${type}, ${ask("PEXPIRETIME", key)}, ${value[type]?.()}`;
}

function check(holds: boolean, told: () => string): void {
  if (!holds) throw new Error(told());
}

function shown(command: RandomCommand): string {
  const words = command.map((arg) => (arg instanceof Uint8Array ? Buffer.from(arg).toString("latin1") : String(arg)));
  const text = words.map((word) => (/^[\w*.:+-]+$/.test(word) ? word : JSON.stringify(word))).join(" ");
  return text.length > 400 ? `${text.slice(0, 400)}… (${command.length} words)` : text;
}
