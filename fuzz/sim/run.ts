/**
 * One seed: a server on a simulated disk lives, is hurt, crashes and recovers, again and again, while an oracle holds it to
 * what it told its clients.
 *
 * What must survive is kept as two numbers of writes: `killMin` for the end of the process, `powerMin` for a power cut.
 * - A reply that has arrived raises killMin to the last write that it shows or acknowledges; under `always` powerMin too.
 * - Under `everysec` powerMin follows, EVERYSEC_BOUND_US behind.
 * - Once a sync has failed and the kernel has dropped the pages, even the end of the process costs what was not synced, until the log
 *   has begun anew with an image of all.
 * - What a recovered server shows is on stable storage, so recovery raises both to what it found.
 * After each recovery the state must be that of a prefix of the writes, in the order of execution, at least so long (D8, D12, D18).
 *
 * The same holds whether it came from the log alone or from images and the log behind them. As long as nothing has decayed no start may
 * find an image that is damaged: one is listed only when it is on stable storage (D3).
 */
import { EmberlogError } from "../../src/base/errors.ts";
import { seededRandom, uniform } from "../../src/base/random.ts";
import { MemoryDisk } from "../../src/disk/memory_disk.ts";
import { crc32c } from "../../src/platform/checksum.ts";
import { verifyDataset } from "../../test/support/verify_dataset.ts";
import { SimBackup } from "./backup.ts";
import { Counts } from "./counts.ts";
import { Crowd, Violation } from "./crowd.ts";
import { SIM_DIRECTORY } from "./directory.ts";
import { Faults, ProcessDied } from "./faults.ts";
import { firstDifference } from "./history.ts";
import { ImageWatch } from "./imaging.ts";
import { ALL_SIM_KEYS, drawKeys } from "./keys.ts";
import { Leavings } from "./leavings.ts";
import { Model } from "./model.ts";
import { mix, type Plan, planOf, type Step, stepOf } from "./plan.ts";
import { cutPower } from "./power.ts";
import { repairDisk } from "./repair.ts";
import { chooseSequence, Milestones, noting, restoreTo, storeProblem } from "./restored.ts";
import { decay } from "./rot.ts";
import { SimServer, type SimServerOptions } from "./server.ts";
import { type FoundAt, stateAt } from "./state.ts";
import { closed, lastImage } from "./stopping.ts";
import { LATENCY_US_MAX, Schedule, SimClock } from "./world.ts";

/** Under `everysec` a write is on stable storage after this time: a second, and what slow syncs and a change of segments add. */
export const EVERYSEC_BOUND_US = 1_000_000 + 8 * LATENCY_US_MAX;
const TICK_US = 100_000;
/** Of the last server of a life, while the store fails now and then, and from one image to the next. */
const FLAKY_ROUNDS = 120;
const IMAGE_ROUNDS = 60;

export interface RunResult {
  /** "": nothing. */
  readonly failure: string;
  /** Of everything that happened: equal for equal runs. */
  readonly hash: number;
  readonly counts: Counts;
}

/** Runs a seed; `keep` says which of its steps take place (all, when not given), `say` gets a line for each thing that happens. */
export async function runSeed(
  seed: number,
  keep?: ReadonlySet<number>,
  say?: (line: string) => void,
): Promise<RunResult> {
  const life = new Life(planOf(seed), say);
  let failure = "";
  try {
    await life.run(keep);
  } catch (thrown) {
    failure = thrown instanceof Violation ? thrown.message : String(thrown instanceof Error ? thrown.stack : thrown);
  } finally {
    life.forget();
  }
  return { failure, hash: life.hash ^ life.crowd.hash, counts: life.counts };
}

class Life {
  readonly counts = new Counts();
  hash = 0x811c9dc5;
  private readonly plan: Plan;
  private readonly say: ((line: string) => void) | undefined;
  private readonly clock = new SimClock();
  private random = seededRandom(1);
  private readonly schedule: Schedule;
  private disk: MemoryDisk;
  private faults: Faults;
  private readonly model = new Model();
  readonly crowd: Crowd;
  private readonly leavings = new Leavings();
  private server!: SimServer;
  /** All that have not been given back their memory. */
  private readonly alive: SimServer[] = [];
  private policy: Plan["policy"];
  private policySinceUs = 0;
  private nextTickUs = 0;
  private starts = 0;
  private killMin = 0;
  private powerMin = 0;
  /** When killMin was raised, and to what: what waited for a disk that failed is promised from its acknowledgement on. */
  private acknowledged: { readonly us: number; readonly writes: number }[] = [];
  /** The disk as it was when the process died in the middle of something. */
  private diedWith: MemoryDisk | undefined;
  private readonly images: ImageWatch;
  private backup: SimBackup | undefined;
  private readonly milestones = new Milestones();
  /** The images listed may be fewer than a server leaves: some have decayed, or the log has begun anew. */
  private fallbackLost = false;

  constructor(plan: Plan, say: ((line: string) => void) | undefined) {
    this.plan = plan;
    this.say = say;
    this.policy = plan.policy;
    const { model, clock, counts } = this;
    this.crowd = new Crowd({ model, clock, counts, clients: plan.clients, expiry: plan.expiry, say });
    const draws = { int32: () => this.random.int32(), bytes: (length: number) => this.random.bytes(length) };
    this.schedule = new Schedule(this.clock, draws);
    this.disk = new MemoryDisk(this.schedule.later);
    const note = (text: string): void => this.note(text);
    this.faults = new Faults(this.disk, counts, note);
    const windowFrom = (ms: number): number => this.milestones.lastBefore(ms);
    if (plan.backup) this.backup = new SimBackup(plan, clock, this.schedule, counts, note, windowFrom);
    const disk = (): MemoryDisk => this.disk;
    this.images = new ImageWatch(counts, note, disk, () => this.server);
  }

  async run(keep?: ReadonlySet<number>): Promise<void> {
    const { plan } = this;
    this.say?.(
      `seed ${plan.seed}: ${plan.policy}, segments of ${plan.segmentBytesMax}, sectors of ${plan.sectorBytes}, ${plan.clients} clients${plan.encrypted ? ", encrypted" : ""}${plan.expiry ? ", expiry" : ""}${plan.backup ? ", backup" : ""}${plan.images === undefined ? "" : `, images ${JSON.stringify(plan.images)}`}`,
    );
    this.counts.add("seeds");
    this.start();
    for (let index = 0; index < plan.steps; index++) {
      if (keep !== undefined && !keep.has(index)) continue;
      await this.take(stepOf(plan, index));
    }
    // The last step is always there, whatever was left out.
    this.random = seededRandom(mix(plan.seed, plan.steps));
    if (this.backup !== undefined) await this.proveBackup(this.backup);
    if (plan.rot) await this.rot();
    else {
      this.crash("power");
      this.crash("killed");
    }
  }

  private async take(step: Step): Promise<void> {
    this.random = step.random;
    this.note(`step ${step.index}: ${step.kind}`);
    this.counts.add("steps");
    this.backup?.beginStep(step.index);
    // What it was told since the last step, by a promise.
    this.buryEnded();
    const wrong = this.images.violation || (this.backup?.violation ?? "");
    if (wrong !== "") throw new Violation(wrong);
    switch (step.kind) {
      case "turn":
        this.turn();
        break;
      case "advance":
        await this.advance(
          uniform(this.random, 4) === 0 ? uniform(this.random, 3_000_000) : uniform(this.random, 120_000),
        );
        break;
      case "image":
        this.image();
        break;
      case "fault":
        this.faults.arm(this.random);
        break;
      case "heal":
        this.faults.end();
        break;
      case "policy":
        this.changePolicy();
        break;
      case "clock":
        if (!this.plan.expiry) this.clock.offsetMs += uniform(this.random, 2_000_000) - 1_000_000;
        break;
      case "stop":
        await this.stop();
        break;
      case "die":
        this.faults.dieAt(1 + uniform(this.random, 40), () => this.died());
        break;
      case "crash":
        this.crash(uniform(this.random, 3) === 0 ? "killed" : "power");
    }
    this.buryEnded();
  }

  private buryEnded(): void {
    if (!this.server.ended) return;
    if (this.diedWith !== undefined) {
      this.counts.add("deaths at an operation of the disk");
      this.disk = this.diedWith;
      this.diedWith = undefined;
      const { pagesLost } = this.faults;
      this.faults = new Faults(this.disk, this.counts, (text) => this.note(text));
      this.faults.pagesLost = pagesLost;
      this.crash(uniform(this.random, 2) === 0 ? "killed" : "power");
      return;
    }
    this.counts.add("ended after a failed sync");
    this.crash("killed");
  }

  /** The process is dead, whatever it goes on doing on a disk that nobody will look at. */
  private died(): void {
    this.diedWith = this.disk.clone();
    this.server.ended = true;
    if (this.server.storage.images.busy) this.counts.add("images: the process died meanwhile, at an operation");
  }

  /** Somebody wishes for an image. */
  private image(kind: "rewrite" | "save" = uniform(this.random, 3) === 0 ? "rewrite" : "save"): void {
    const { saving, storage } = this.server;
    if (saving === undefined) return;
    if (storage.images.busy) {
      if (kind === "rewrite") saving.rewriteScheduled = true;
      else saving.saveScheduled = true;
      return;
    }
    if (saving.begin(kind) !== undefined) {
      this.counts.add("images: refused");
      return;
    }
    // Mostly its freeze is over before the next step: here some turns find it.
    if (uniform(this.random, 2) === 0) return;
    const { arena } = this.server.engine;
    for (let i = 0; i < 20 && !arena.freezing && storage.images.busy && !this.server.ended; i++) this.next();
    for (let left = 1 + uniform(this.random, 4); left > 0 && arena.freezing && !this.server.ended; left--) this.turn();
  }

  /** Some clients send some requests; the server takes them in one turn. */
  private turn(): void {
    const { journal } = this.server.engine;
    const before = journal.sequence;
    this.server.run(this.crowd.compose(this.random));
    this.milestones.executed(before, journal.sequence, this.clock.wallMs());
    if (!this.server.engine.congested && !this.server.ended) {
      const wrong = this.crowd.settled();
      if (wrong !== "") throw new Violation(wrong);
    }
    this.clock.nowUs += 20 + uniform(this.random, 200);
    this.takeReplies();
  }

  /** Lets time pass: completions and ticks, each when it is due. */
  private async advance(byUs: number): Promise<void> {
    const untilUs = this.clock.nowUs + byUs;
    while (!this.server.ended && Math.min(this.schedule.dueUs, this.nextTickUs) <= untilUs) {
      if (this.backup === undefined) this.next();
      else await this.nextOf(this.backup);
    }
    this.clock.nowUs = Math.max(this.clock.nowUs, untilUs);
  }

  /** The next thing that is due. */
  private next(): void {
    if (this.schedule.dueUs <= this.nextTickUs) this.schedule.runFirst();
    else {
      this.clock.nowUs = Math.max(this.clock.nowUs, this.nextTickUs);
      this.nextTickUs = this.clock.nowUs + TICK_US;
      this.server.tick();
      this.backup?.tick();
      this.crowd.deliver(undefined, 0);
    }
    this.takeReplies();
    if (this.policy === "always" && this.server.storage.syncFailed && !this.server.ended) {
      throw new Violation("a sync has failed under always, and the server goes on");
    }
  }

  private takeReplies(): void {
    const shown = this.crowd.take();
    if (shown > this.killMin) {
      this.killMin = shown;
      this.acknowledged.push({ us: this.clock.nowUs, writes: shown });
    }
    if (shown > this.powerMin && this.policy === "always") this.powerMin = shown;
    this.noteEverysec();
  }

  private noteEverysec(): void {
    const { nowUs } = this.clock;
    if (this.policy !== "everysec" || this.server.storage.syncFailed) return;
    const sinceUs = nowUs - EVERYSEC_BOUND_US;
    if (sinceUs < this.policySinceUs) return;
    while (this.acknowledged.length > 0 && this.acknowledged[0]!.us <= sinceUs) {
      this.powerMin = Math.max(this.powerMin, this.acknowledged.shift()!.writes);
    }
    this.counts.max("longest exposure under everysec, ms", this.server.storage.writer.statistics.exposureMsMax);
  }

  private changePolicy(): void {
    const policy = (["always", "everysec", "no"] as const)[uniform(this.random, 3)]!;
    // As CONFIG SET: nothing can be made durable any more.
    if (policy === "always" && this.server.storage.syncFailed) return;
    this.policy = policy;
    this.policySinceUs = this.clock.nowUs;
    // What a client was told under another policy it may pass on, and it need not be on stable storage for that.
    if (policy === "always") this.crowd.forgetKnowledge();
    this.server.storage.policy = policy;
    this.note(`policy ${policy}`);
    this.takeReplies();
  }

  /** A clean stop, and a start. */
  private async stop(): Promise<void> {
    const { storage } = this.server;
    if (uniform(this.random, 3) === 0) await lastImage(this.server, () => this.next());
    if (this.server.ended) return;
    const outcome = await closed(storage, this.schedule);
    this.note(`stop ${outcome}`);
    if (this.diedWith !== undefined) return;
    if (outcome.startsWith("threw")) throw new Violation(`a stop ${outcome}`);
    this.counts.add(outcome === "stopped" ? "clean stops" : "failed stops");
    if (outcome === "stopped") {
      this.server.turns.release();
      this.takeReplies();
      this.killMin = this.model.writes;
      this.powerMin = this.model.writes;
    }
    this.crash(uniform(this.random, 2) === 0 ? "killed" : "power");
  }

  /** The process ends as it is, or the power fails; then a start, which may crash as well. */
  private crash(kind: "killed" | "power"): void {
    this.endProcess(kind);
    for (let rounds = uniform(this.random, 4) === 0 ? 1 + uniform(this.random, 3) : 0; rounds > 0; rounds--) {
      this.crashWhileRecovering();
    }
    if (uniform(this.random, 10) === 0) this.recoverTwice();
    this.start();
  }

  /** Whatever ran, runs no more. */
  forget(): void {
    this.schedule.clear();
    for (const server of this.alive.splice(0)) server.dispose();
  }

  /** A promise of the process that ends may still come true: what it does then, it does to a disk that nobody looks at. */
  private leaveDisk(): void {
    const left = this.disk;
    this.disk = left.clone();
    left.onOperation = null;
    Reflect.set(left, "schedule", () => {});
    this.faults = new Faults(this.disk, this.counts, (text) => this.note(text));
  }

  private endProcess(kind: "killed" | "power"): void {
    if (this.alive.at(-1)?.storage.images.busy === true) this.counts.add(`images: ${kind} meanwhile`);
    // Nobody dies twice: some of what was on its way may still happen.
    this.faults.dieAt(0);
    this.backup?.detach();
    if ((this.alive.at(-1)?.storage.resumption.attempts ?? 0) > 0) this.fallbackLost = true;
    this.forget();
    this.faults.end();
    // What the kernel has dropped no process gets back, and only `always` has promised more.
    if (this.faults.pagesLost) this.killMin = this.powerMin;
    this.leaveDisk();
    this.crowd.leave();
    this.note(
      `crash: ${kind}, at least ${kind === "killed" ? this.killMin : this.powerMin} of ${this.model.writes} writes`,
    );
    this.counts.add(`crashes: ${kind}`);
    if (kind === "killed") {
      this.disk.crash("killed");
      return;
    }
    this.killMin = this.powerMin;
    cutPower(this.disk, this.random, this.plan.sectorBytes, this.counts);
  }

  /** A start dies at some operation; then the power may fail. */
  private crashWhileRecovering(): void {
    this.faults.dieAt(1 + uniform(this.random, 45));
    try {
      this.open(this.disk);
      // It was through before its time came: what it has shown nobody has seen.
    } catch (thrown) {
      if (!(thrown instanceof ProcessDied)) throw new Violation(`a start was refused: ${String(thrown)}`);
      this.counts.add("crashes while recovering");
    }
    this.endProcess(uniform(this.random, 2) === 0 ? "killed" : "power");
  }

  /** Recovering a copy twice gives the same state twice. */
  private recoverTwice(): void {
    const copy = this.disk.clone();
    const faults = new Faults(copy, this.counts, () => {});
    const once = this.stateOf(copy).state;
    this.forget();
    faults.end();
    copy.crash(uniform(this.random, 2) === 0 ? "killed" : "power");
    const twice = this.stateOf(copy).state;
    this.forget();
    this.counts.add("recovered twice");
    const wrong = firstDifference(once, twice);
    if (wrong !== "") throw new Violation(`recovering twice gives another state: ${wrong}`);
  }

  private stateOf(disk: MemoryDisk): FoundAt {
    return this.read(this.open(disk));
  }

  private read(server: SimServer): FoundAt {
    const wait = (): void => {
      if (this.schedule.length > 0) this.schedule.runFirst();
      else server.tick();
      server.turns.release();
    };
    return stateAt(server, this.clock, () => this.crowd.takeControl(), wait);
  }

  /** Starts a server and holds what it has recovered against what it promised. */
  private start(): void {
    if (this.disk.status(SIM_DIRECTORY) !== undefined) this.leavings.before(this.disk);
    try {
      this.server = this.open(this.disk);
    } catch (thrown) {
      if (thrown instanceof EmberlogError) throw new Violation(`a start was refused: ${thrown.message}`);
      throw thrown;
    }
    const { sequence } = this.server.storage.writer;
    this.judge(this.killMin);
    this.milestones.recovered(sequence, this.model.writes);
    this.backup?.recovered(sequence);
    this.backup?.attach(this.server, this.disk);
    const { report } = this.server.storage;
    const wrong = this.leavings.check(this.disk, report, !this.fallbackLost);
    if (wrong !== "") throw new Violation(wrong);
    const [bad] = report.badImages;
    if (bad !== undefined) throw new Violation(`nothing has decayed, and ${bad.name} can't be used: ${bad.reason}`);
    if (report.images > 0) this.startedFromImages(report.images);
    if (uniform(this.random, 12) !== 0) return;
    const second = this.leavings.secondServer(() => this.open(this.disk));
    if (second !== "") throw new Violation(second);
    this.counts.add("second servers refused");
  }

  /** What the store holds is what was; then the next server brings the rest, and that is all. */
  private async proveBackup(backup: SimBackup): Promise<void> {
    this.faults.end();
    backup.store.weather = "fair";
    const imaging = backup.dieMidway() * IMAGE_ROUNDS;
    for (let rounds = 0; rounds < imaging + IMAGE_ROUNDS && !this.server.ended; rounds++) {
      if (rounds >= imaging && backup.isMidway()) break;
      if (rounds < imaging && rounds % IMAGE_ROUNDS === 0) this.image("rewrite");
      if (rounds % 8 === 0) this.turn();
      await this.nextOf(backup);
    }
    this.endProcess(uniform(this.random, 2) === 0 ? "killed" : "power");
    await this.judgeStore(backup, uniform(this.random, 3) === 0);
    this.start();
    // Of the passes with an image, too, some come to nothing.
    backup.store.weather = "flaky";
    this.image();
    for (let rounds = 0; rounds < FLAKY_ROUNDS || !backup.complete; rounds++) {
      if (rounds === FLAKY_ROUNDS) backup.store.weather = "fair";
      if (rounds > 5000 || this.server.ended) throw new Violation(`the backup never catches up: ${backup.state}`);
      await this.nextOf(backup);
    }
    this.endProcess("killed");
    backup.store.arrive(true);
    await this.judgeStore(backup, true);
    this.backup = undefined;
    this.start();
  }

  private async nextOf(backup: SimBackup): Promise<void> {
    this.next();
    await backup.settle();
  }

  private async judgeStore(backup: SimBackup, latest: boolean): Promise<void> {
    const { clock, schedule, random, milestones, model } = this;
    const store = backup.store.memory;
    const wrong = backup.violation || (await storeProblem(store, backup.reported, backup.keptFrom, !this.fallbackLost));
    if (wrong !== "") throw new Violation(wrong);
    const world = { store, clock, schedule, random, keys: ALL_SIM_KEYS };
    const sequence = await chooseSequence(world, milestones, latest);
    if (sequence === undefined) return;
    const { state, nowMs } = this.stateOf(await restoreTo(world, sequence));
    this.forget();
    this.note(`restored the state after command ${sequence}`);
    this.counts.add("backup: states restored and compared");
    const different = milestones.difference(model, sequence, state, nowMs);
    if (different !== "") throw new Violation(`restored after command ${sequence}: ${different}`);
  }

  private startedFromImages(images: number): void {
    this.counts.add(images === 1 ? "images: starts from a full one" : "images: starts from a full one and deltas");
    if (uniform(this.random, 8) !== 0) return;
    const [wrong] = verifyDataset(this.server.engine.dataset);
    if (wrong !== undefined) throw new Violation(`what was loaded from images is broken: ${wrong}`);
    this.counts.add("images: structures verified");
  }

  private open(disk: MemoryDisk): SimServer {
    this.starts++;
    const options: SimServerOptions = {
      disk,
      clock: this.clock,
      schedule: this.schedule,
      seed: mix(this.plan.seed, 10_000 + this.starts),
      policy: this.policy,
      segmentBytesMax: this.plan.segmentBytesMax,
      keys: this.plan.encrypted ? drawKeys(this.random) : undefined,
      notify: this.plan.notify ? "EA" : "",
      listener: this.plan.backup
        ? noting(this.crowd, this.milestones, this.model, () => this.server.engine.journal.sequence)
        : this.crowd,
      // A copy that is only looked at takes none.
      images:
        this.plan.images === undefined || disk !== this.disk
          ? undefined
          : { plan: this.plan.images, listener: this.images },
    };
    const server = new SimServer(options);
    this.alive.push(server);
    if (disk === this.disk) this.hearResumption(server);
    this.counts.add("recoveries");
    this.counts.add(`decisions: ${server.storage.report.decision}`);
    return server;
  }

  /** The log has begun anew with an image, behind a failed sync: all that was acknowledged is on stable storage again. // D9 */
  private hearResumption({ storage }: SimServer): void {
    const { resumption } = storage;
    const { onResumed } = resumption;
    resumption.onResumed = () => {
      onResumed();
      this.note("the log has begun anew");
      if (this.server.ended) return;
      this.counts.add("resumed after a failed sync");
      this.faults.pagesLost = false;
      this.fallbackLost = true;
      this.powerMin = this.killMin;
    };
  }

  /** The state must be that of a prefix of at least `least` writes; clients come back then. */
  private judge(least: number): void {
    const { state, nowMs } = this.read(this.server);
    const { writes } = this.model;
    const settled = this.model.settle(state, least, nowMs);
    if (settled === -1) {
      throw new Violation(
        `no prefix of at least ${least} of ${writes} writes fits (${this.server.storage.report.decision}): ` +
          `after ${least}: ${this.model.difference(state, least, nowMs)}; after ${writes}: ${this.model.difference(state, writes, nowMs)}`,
      );
    }
    this.note(`recovered ${settled} of ${writes} writes`);
    this.counts.add("writes not acknowledged and lost", writes - settled);
    this.killMin = settled;
    this.powerMin = settled;
    this.acknowledged = [];
    this.nextTickUs = this.clock.nowUs + TICK_US;
    this.policySinceUs = this.clock.nowUs;
    this.crowd.connect();
  }

  /** What is stored decays; a start must refuse, or report what it cut, or serve all of it. */
  private async rot(): Promise<void> {
    this.endProcess("killed");
    this.fallbackLost = true;
    const outcome = decay(this.disk, this.random, crc32c, () => this.open(this.disk), this.counts);
    this.note(`rot: ${outcome.what}: ${outcome.refused === "" ? "served" : outcome.refused}`);
    if (outcome.wrong !== "") throw new Violation(`${outcome.what}: ${outcome.wrong}`);
    if (outcome.server !== undefined) {
      this.server = outcome.server;
      this.judge(outcome.mayLose ? 0 : this.killMin);
      // What it has served it has stored, too: nothing misread or damaged has found its way there.
      this.crash("power");
      return;
    }
    this.endProcess("killed");
    // What was misread once is read right the next time, and nothing has changed.
    if (outcome.passes) this.start();
    else await this.repair();
  }

  /** What was refused is repaired: then a start serves a prefix. */
  private async repair(): Promise<void> {
    const { disk, clock, schedule } = this;
    await repairDisk(disk, clock, schedule, seededRandom(this.random.int32()));
    this.counts.add("repairs");
    this.endProcess("power");
    this.server = this.open(this.disk);
    if (this.server.storage.report.decision !== "open")
      throw new Violation(`after a repair a start decides to ${this.server.storage.report.decision}`);
    this.judge(0);
  }

  private note(text: string): void {
    for (let i = 0; i < text.length; i++) this.hash = Math.imul(this.hash ^ text.charCodeAt(i), 0x01000193);
    this.hash = Math.imul(this.hash ^ this.clock.nowUs, 0x01000193);
    this.say?.(`${(this.clock.nowUs / 1000).toFixed(1)} ms ${text}`);
  }
}
