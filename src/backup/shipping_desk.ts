/**
 * The side of shipping that talks to the store: proves it, claims it, makes passes, lists and verifies. It runs in a worker thread
 * (shipping_worker.ts), so that sums, encryption and requests cost the serving thread nothing; in tests it runs on the thread that calls.
 *
 * A claim is taken with the first pass of an epoch of the data: where the log has begun anew (D17), the backup does, from what both share.
 */
import type { KeyObject } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { EmberlogError } from "../base/errors.ts";
import { KeyRing, MasterKey } from "../base/key_ring.ts";
import type { Random } from "../base/random.ts";
import type { Disk } from "../disk/disk.ts";
import { hex } from "../disk/file_names.ts";
import type { Crc32c } from "../log/format.ts";
import type { Manifest } from "../manifest/format.ts";
import { removeUnshipped, type UnshippedLog } from "../manifest/unshipped.ts";
import { ageDecrypt, ageEncrypt, drawSealing } from "./age.ts";
import { type Identities, Recipients } from "./age_header.ts";
import type { CatalogueEvent, CatalogueKeeper, CatalogueState } from "./catalogue_keeper.ts";
import { lastChecks, recordCheck } from "./checks.ts";
import { type Claim, readClaims } from "./claims.ts";
import { type History, historyOf, type Reach, reaches } from "./history.ts";
import { readIdentities } from "./identity_file.ts";
import { CHECKS, probeName } from "./layout.ts";
import { NotedStore } from "./noted_store.ts";
import { type ObjectStore, removeUnlessLocked, wholeBody } from "./object_store.ts";
import { isRemote, proveStore } from "./open_store.ts";
import { type PruneReport, prune } from "./prune.ts";
import { replacedLogs, unclaimedLogs } from "./replaced_logs.ts";
import { parseRetention } from "./retention.ts";
import { Shipper, type ShipReport, type ShipWish } from "./ship.ts";
import { type VerifyReport, verifyBackup } from "./verify.ts";

const PROBE_BYTES = 48;
const WRITER_BYTES = 16;

/** Where to and for whom; plain data, for another thread. */
export interface ShippingTarget {
  readonly url: string;
  readonly recipients: readonly string[];
  readonly identityFile: string | null;
  /** Readable objects may leave the machine. */
  readonly unencrypted: boolean;
  readonly singleWriter: boolean;
  readonly directory: string;
}

export interface ShipRequest extends ShipWish {
  readonly manifest: Manifest;
  /** Of encryption at rest, the newest first: what is counted lies in the log. */
  readonly keys: readonly KeyObject[];
}

export interface ShipAnswer extends ShipReport {
  readonly claim: number;
  /** Holes that the log had when it was shipped, since the claim was taken. */
  readonly holes: number;
  /** The store held other data when it was claimed. */
  readonly replaces: boolean;
  /** null: none is kept. */
  readonly catalogue: CatalogueState | null;
}

export interface StoredBackup {
  readonly claims: readonly Claim[];
  readonly segments: History["segments"];
  readonly generations: History["generations"];
  readonly ranges: readonly Pick<Reach, "first" | "last">[];
}

export type LastChecks = Awaited<ReturnType<typeof lastChecks>>;

/** What can be asked, by its name. */
export interface DeskCalls {
  open: { readonly ask: ShippingTarget; readonly answer: { readonly place: string } };
  /** Claims the store for the data, and ships nothing yet. */
  claim: { readonly ask: ShipRequest; readonly answer: ShipAnswer };
  ship: { readonly ask: ShipRequest; readonly answer: ShipAnswer };
  list: { readonly ask: undefined; readonly answer: StoredBackup };
  /** The result is written down in the store. */
  verify: { readonly ask: undefined; readonly answer: VerifyReport };
  /** What verifications and drills have found last, whoever made them. */
  checks: { readonly ask: undefined; readonly answer: LastChecks };
  /** Asks for what is kept, in the words of retention.ts. */
  prune: { readonly ask: string; readonly answer: PruneReport };
  /** What the catalogue tells of errors, verifications and drills, the newest first. */
  recent: { readonly ask: undefined; readonly answer: readonly CatalogueEvent[] };
  /** Something was tried elsewhere and came to nothing. */
  noteFailure: { readonly ask: { readonly doing: string; readonly message: string }; readonly answer: undefined };
  /** Somebody else has written down what a verification or a drill has found. */
  learnChecks: { readonly ask: undefined; readonly answer: undefined };
}

export interface DeskTools {
  readonly disk: Disk;
  readonly crc32c: Crc32c;
  readonly random: Random;
  readonly clock: Clock;
  readonly openStore: (url: string) => Promise<ObjectStore>;
  readonly stored: (progress: ShipReport) => void;
  /** Who keeps the catalogue in a data directory; absent: none is kept. */
  readonly catalogueIn?: (directory: string) => CatalogueKeeper;
}

export class ShippingDesk {
  private readonly tools: DeskTools;
  private target: ShippingTarget | undefined;
  private store: ObjectStore | undefined;
  private recipients: Recipients | null = null;
  private identities: Identities | null = null;
  private shipper: Shipper | undefined;
  private catalogue: CatalogueKeeper | undefined;
  private readonly keys = new KeyRing([]);

  private readonly writer: string;

  constructor(tools: DeskTools) {
    this.tools = tools;
    this.writer = hex(tools.random.bytes(WRITER_BYTES));
  }

  call<Name extends keyof DeskCalls>(name: Name, ask: DeskCalls[Name]["ask"]): Promise<DeskCalls[Name]["answer"]> {
    const calls: { [Each in keyof DeskCalls]: (ask: DeskCalls[Each]["ask"]) => Promise<DeskCalls[Each]["answer"]> } = {
      open: (target) => this.open(target),
      claim: async (request) => this.answerOf(await this.claimed(request)),
      ship: (request) => this.ship(request),
      list: () => this.list(),
      verify: () => this.verify(),
      checks: () => lastChecks(this.opened().store),
      prune: (words) => this.prune(words),
      recent: async () => this.catalogue?.recent() ?? [],
      noteFailure: async ({ doing, message }) => {
        this.catalogue?.failed(doing, message);
        return undefined;
      },
      learnChecks: async () => {
        await this.catalogue?.learnBelow(this.opened().store, CHECKS);
        return undefined;
      },
    };
    return this.noted(name, () => calls[name](ask));
  }

  /** What it came to goes into the catalogue. */
  private async noted<T>(name: keyof DeskCalls, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      this.catalogue?.failed(name, thrown);
      throw thrown;
    } finally {
      this.catalogue?.flush(this.store);
    }
  }

  /** Opens the store and proves that it does what a backup rests on. Throws what stands in the way. */
  private async open(target: ShippingTarget): Promise<{ place: string }> {
    const { tools } = this;
    this.store?.close();
    this.store = undefined;
    this.target = target;
    this.catalogue ??= tools.catalogueIn?.(target.directory);
    this.recipients = target.recipients.length === 0 ? null : await Recipients.parse(target.recipients);
    this.identities = await readIdentities(tools.disk, target.identityFile);
    if (this.recipients === null && isRemote(target.url) && !target.unencrypted) {
      throw new EmberlogError(
        "CONFIG_INVALID",
        "a backup that leaves this machine is encrypted: backup-recipient age1… says for whom (emberlog backup identity makes one); backup-unencrypted yes does without",
      );
    }
    const store = await tools.openStore(target.url);
    try {
      const proof = await proveStore(store, tools.random, tools.clock.wallMs());
      if (!proof.exclusiveCreate && !target.singleWriter) {
        throw new EmberlogError(
          "STORE_REFUSED",
          `${store.place} lets one writer replace another's objects. If nothing else writes there: backup-single-writer yes`,
        );
      }
      await this.proveIdentity(store);
    } catch (thrown) {
      store.close();
      throw thrown;
    }
    this.store = this.catalogue === undefined ? store : new NotedStore(store, this.catalogue);
    return { place: store.place };
  }

  /** What is sealed for the recipients comes back from the store and opens with the identity. */
  private async proveIdentity(store: ObjectStore): Promise<void> {
    const { recipients, identities, tools } = this;
    if (recipients === null || identities === null) return;
    const content = tools.random.bytes(PROBE_BYTES);
    const name = `${probeName(tools.clock.wallMs(), hex(tools.random.bytes(12)))}.age`;
    await store.create(name, await wholeBody(ageEncrypt(content, await drawSealing(recipients, tools.random))));
    try {
      const opened = await wholeBody(ageDecrypt(await store.read(name), identities, name));
      if (Buffer.compare(opened, content) !== 0) throw new EmberlogError("BACKUP_UNREADABLE", `${name} has changed`);
    } catch (thrown) {
      if (!(thrown instanceof EmberlogError) || thrown.code !== "BACKUP_UNREADABLE") throw thrown;
      throw new EmberlogError(
        "CONFIG_INVALID",
        `backup-identity does not open what is sealed for backup-recipient: ${thrown.message}`,
        { cause: thrown },
      );
    } finally {
      await removeUnlessLocked(store, name);
    }
  }

  private opened(): { readonly store: ObjectStore; readonly target: ShippingTarget } {
    const { store, target } = this;
    if (store === undefined || target === undefined) throw new EmberlogError("CLOSED", "the store is not open");
    return { store, target };
  }

  /** Claims the store for the oldest log of which something is still to be shipped: as a rule the one that is written. */
  private async claimed({ manifest, keys }: ShipRequest): Promise<Shipper> {
    this.keys.replace(keys.map((key) => new MasterKey(key)));
    if (this.shipper?.claim.epoch === hex(manifest.epoch)) return this.shipper;
    const [replaced] = await this.replacedLogs(manifest);
    return this.claimFor(replaced?.manifest ?? manifest);
  }

  /**
   * Logs that an image has taken the place of and that are not in the store yet, the oldest first. One whose successor has claimed the store was shipped
   * before that, and what has died since has left its files: they go.
   */
  private async replacedLogs(manifest: Manifest): Promise<readonly UnshippedLog[]> {
    const { store, target } = this.opened();
    const { disk, crc32c } = this.tools;
    const { directory } = target;
    const logs = replacedLogs(disk, directory, crc32c, manifest);
    const rest = await unclaimedLogs(store, logs, manifest);
    for (const log of logs) if (!rest.includes(log)) removeUnshipped(disk, directory, log);
    return rest;
  }

  private async claimFor(manifest: Manifest): Promise<Shipper> {
    if (this.shipper?.claim.epoch === hex(manifest.epoch)) return this.shipper;
    const { store, target } = this.opened();
    const { disk, crc32c, random, clock, stored } = this.tools;
    const { directory } = target;
    const { keys, recipients, writer } = this;
    const options = { disk, directory, crc32c, keys, store, recipients, random, writer, stored };
    this.shipper = await Shipper.begin(options, manifest, clock.wallMs(), this.shipper);
    this.catalogue?.begin(store.place);
    return this.shipper;
  }

  /** Logs that an image has taken the place of come first, each under a claim of its own; when the next one has its claim they may go. */
  private async shipReplaced({ manifest }: ShipRequest): Promise<void> {
    const { directory } = this.opened().target;
    const replaced = await this.replacedLogs(manifest);
    for (const [i, log] of replaced.entries()) {
      const shipper = await this.claimFor(log.manifest);
      await shipper.shipRest(log.manifest);
      await this.claimFor(replaced[i + 1]?.manifest ?? manifest);
      removeUnshipped(this.tools.disk, directory, log);
    }
  }

  private async ship(request: ShipRequest): Promise<ShipAnswer> {
    let shipper = await this.claimed(request);
    if (shipper.claim.epoch !== hex(request.manifest.epoch)) {
      await this.shipReplaced(request);
      shipper = await this.claimFor(request.manifest);
    }
    await shipper.ship(request.manifest, request);
    return this.answerOf(shipper);
  }

  private async list(): Promise<StoredBackup> {
    const { store } = this.opened();
    const claims = await readClaims(store);
    const history = await historyOf(store, claims);
    const { segments, generations } = history;
    return { claims, segments, generations, ranges: reaches(history).map(({ first, last }) => ({ first, last })) };
  }

  private async verify(): Promise<VerifyReport> {
    const { store } = this.opened();
    const { clock, crc32c, random } = this.tools;
    const beganUs = clock.monotonicUs();
    const report = await verifyBackup({ store, identities: this.identities }, crc32c);
    const wrong = [
      ...report.wrong,
      ...report.gaps.map(({ after, before }) => `no commands between ${after} and ${before}`),
    ];
    await recordCheck(store, random, {
      kind: "verify",
      ok: wrong.length === 0,
      ms: clock.wallMs(),
      tookMs: Math.round((clock.monotonicUs() - beganUs) / 1000),
      first: report.firstSequence,
      sequence: report.lastSequence,
      text: wrong.length === 0 ? `${report.objects} objects` : wrong.join("; "),
      digests: [],
    });
    return report;
  }

  private async prune(words: string): Promise<PruneReport> {
    const { store } = this.opened();
    const { crc32c, clock } = this.tools;
    const claim = this.shipper?.claim.claim;
    if (claim === undefined) throw new EmberlogError("CLOSED", "the store is not claimed yet");
    const retention = parseRetention(words);
    return prune({ store, crc32c, retention, claim, nowMs: clock.wallMs(), dryRun: false, strangers: false });
  }

  private answerOf({ claim, holes, replaces, report }: Shipper): ShipAnswer {
    return { ...report, claim: claim.claim, holes, replaces, catalogue: this.catalogue?.state ?? null };
  }

  close(): void {
    this.catalogue?.close();
    this.store?.close();
    this.store = undefined;
  }
}
