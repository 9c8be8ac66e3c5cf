/**
 * The server's keys: read when it starts, and again when an operator says that they have changed.
 *
 * Rotation is this: the operator puts a new key in front of the others where they are kept, and says ENCRYPTION ROTATE. The log goes on in a new segment
 * under the new key; what was written before stays as it is, so every key that a segment still needs must stay among the keys, and a change that
 * leaves one out is refused.
 */
import type { KeyObject } from "node:crypto";
import { EmberlogError } from "../base/errors.ts";
import { KeyRing, MasterKey } from "../base/key_ring.ts";
import { type KeySource, readKeys, readKeysLater } from "../disk/key_sources.ts";
import type { Config } from "./config/config.ts";
import type { Server } from "./server.ts";

export class Encryption {
  readonly keys = new KeyRing([]);
  private readonly server: Server;
  /** A command for keys is running. */
  private reading = false;
  private handedOver: { readonly ids: string; readonly secrets: readonly KeyObject[] } = { ids: "", secrets: [] };

  constructor(server: Server) {
    this.server = server;
  }

  /** The keys for another thread of this process, the newest first. */
  get secrets(): readonly KeyObject[] {
    const { ids } = this.keys;
    if (ids.join(" ") !== this.handedOver.ids) {
      const secrets = ids.map((id) => MasterKey.secretOf(this.keys.find(id)!));
      this.handedOver = { ids: ids.join(" "), secrets };
    }
    return this.handedOver.secrets;
  }

  /** Reads the keys that the configuration names. Throws CONFIG_INVALID or KEY_INVALID. */
  start(): void {
    const { config, logger } = this.server;
    const source = keySource(config);
    if (source === undefined) return;
    if (source.kind === "file" && source.path.startsWith(`${config.text("dir")}/`)) {
      logger.warning(
        `The key file ${source.path} lies in the data directory: whoever gets one gets both, and encryption protects nothing`,
      );
    }
    this.keys.replace(readKeys(source));
  }

  /**
   * ENCRYPTION ROTATE: reads the keys again and begins a new segment. "done"; "begun": the command that prints keys is running, and what comes of
   * it is logged; else the error as a client sees it.
   */
  rotate(): "done" | "begun" | { readonly error: string } {
    const source = keySource(this.server.config);
    if (source === undefined) {
      return {
        error: "ERR encryption at rest is off: it is turned on by starting with encryption-key-file, -env or -command",
      };
    }
    if (this.reading) return { error: "ERR the command that prints the keys is still running" };
    if (source.kind === "command") {
      this.reading = true;
      readKeysLater(source, (outcome) => {
        this.reading = false;
        if (this.server.isStopping()) return;
        const problem = outcome instanceof Error ? outcome.message : this.use(outcome);
        if (problem !== undefined) this.server.logger.warning(`The keys stay as they were: ${problem}`);
      });
      return "begun";
    }
    // A variable was removed as soon as it was read, and nobody can change it from outside: the keys are the same.
    if (source.kind === "variable") {
      this.server.storage?.beginSegment();
      return "done";
    }
    try {
      const problem = this.use(readKeys(source));
      return problem === undefined ? "done" : { error: `ERR the keys stay as they were: ${problem}` };
    } catch (thrown) {
      if (!(thrown instanceof EmberlogError)) throw thrown;
      return { error: `ERR the keys stay as they were: ${thrown.message}` };
    }
  }

  /** A text says why these keys won't do. */
  private use(keys: readonly MasterKey[]): string | undefined {
    const { storage, logger } = this.server;
    const missing = storage?.encryption.inUse.filter((id) => !keys.some((key) => key.id === id)) ?? [];
    if (missing.length > 0) {
      const verb = missing.length === 1 ? "is" : "are";
      return `${missing.join(", ")} ${verb} not among them, and segments of the log are encrypted with ${missing.length === 1 ? "it" : "them"}`;
    }
    this.keys.replace(keys);
    storage?.beginSegment();
    logger.notice(`The log goes on in a new segment, encrypted with key ${this.keys.newest?.id}`);
    return undefined;
  }
}

/** Where the configuration says that the keys are; undefined: nowhere. */
function keySource(config: Config): KeySource | undefined {
  const path = config.path("encryption-key-file");
  const name = config.text("encryption-key-env");
  const command = config.text("encryption-key-command");
  const given = [path ?? "", name, command].filter((value) => value !== "");
  if (given.length > 1) {
    throw new EmberlogError(
      "CONFIG_INVALID",
      "encryption-key-file, encryption-key-env and encryption-key-command exclude each other: all keys come from one place, the newest first",
    );
  }
  if (path !== undefined)
    return { kind: "file", path, anyPermissions: config.text("encryption-key-permissions") === "any" };
  if (name !== "") return { kind: "variable", name };
  return command === "" ? undefined : { kind: "command", command };
}
