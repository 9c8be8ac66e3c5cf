/**
 * Keys of encryption at rest: master keys, what they are called, and the keys of files derived from them.
 *
 * A master key is 32 bytes that the operator gives; it never encrypts anything itself. Each file draws a random salt and has a key of its
 * own, HKDF-SHA256(master key, salt, label), so that a counter can be the nonce of its frames (frame_cipher.ts), and a label a kind of file, so
 * that no two kinds ever share a key.
 *
 * Several keys may be there at once: the newest stands first and is the one that new files are encrypted with; the others open what was
 * encrypted before.
 *
 * A key's id is 8 bytes that HKDF derives from it with a label of its own. It stands in file headers, INFO and messages, and tells nothing about the
 * key. Nothing else of a key may ever be shown: secrets lie in KeyObjects and private fields, which neither inspection nor JSON shows, and
 * messages about a key that can't be used never quote it.
 */
import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { check } from "./check.ts";
import { EmberlogError } from "./errors.ts";
import { ENCRYPTION_KEYS_MAX } from "./limits.ts";

export const KEY_BYTES = 32;
/** Bytes of an id; twice as many hex digits. */
export const KEY_ID_LENGTH = 8;

/** Stored meanings: do not change. A new kind of file takes a new label. */
const ID_LABEL = "emberlog key id v1";

export class MasterKey {
  /** 16 hex digits. */
  readonly id: string;
  readonly #secret: KeyObject;

  /** Bytes are copied: wipe them. A KeyObject comes from `secretOf` in another thread. */
  constructor(key: Uint8Array | KeyObject) {
    this.#secret = key instanceof Uint8Array ? createSecretKey(key) : key;
    check(this.#secret.symmetricKeySize === KEY_BYTES, "a master key has 32 bytes");
    this.id = Buffer.from(hkdfSync("sha256", this.#secret, "", ID_LABEL, KEY_ID_LENGTH)).toString("hex");
  }

  /** For a thread of this process, which gets only what can be copied. */
  static secretOf(key: MasterKey): KeyObject {
    return key.#secret;
  }

  /** The key of one file: `label` names the kind of file and its version, `salt` are random bytes that stand in the file. */
  fileKey(label: string, salt: Uint8Array): KeyObject {
    check(salt.length >= 16, "a salt that no other file has");
    const derived = new Uint8Array(hkdfSync("sha256", this.#secret, salt, label, KEY_BYTES));
    const key = createSecretKey(derived);
    derived.fill(0);
    return key;
  }
}

/** The keys as who writes and reads files sees them: they may be others at any time, so they are asked for when a file begins. */
export interface Keys {
  /** What new files are encrypted with; undefined: they are not. */
  readonly newest: MasterKey | undefined;
  /** The newest first. */
  readonly ids: readonly string[];
  find(id: string): MasterKey | undefined;
}

export class KeyRing implements Keys {
  private keys: readonly MasterKey[] = [];

  constructor(keys: readonly MasterKey[]) {
    this.replace(keys);
  }

  /** From here on these are the keys, the newest first. A key that is given twice counts once. */
  replace(keys: readonly MasterKey[]): void {
    this.keys = keys.filter(({ id }, i) => keys.findIndex((other) => other.id === id) === i);
  }

  get newest(): MasterKey | undefined {
    return this.keys[0];
  }

  find(id: string): MasterKey | undefined {
    return this.keys.find((key) => key.id === id);
  }

  get ids(): readonly string[] {
    return this.keys.map(({ id }) => id);
  }
}

export const NO_KEYS: Keys = new KeyRing([]);

const FORMS =
  "a key is 32 bytes as they are, or 64 hex digits, or 44 characters of base64; of several the newest stands first";

/**
 * The keys that a source holds, `source` being its name in messages: exactly 32 bytes are one key as it is; anything else is text with
 * keys on lines of their own, or between blanks or commas, and lines that begin with # skipped. Throws KEY_INVALID, and wipes what it has decoded on the way.
 */
export function parseKeys(bytes: Uint8Array, source: string): MasterKey[] {
  // Not slice(): of a Buffer it is no copy, and the caller's key would be wiped.
  const raw = bytes.length === KEY_BYTES ? [Uint8Array.from(bytes)] : decodeLines(bytes, source);
  try {
    if (raw.length === 0) throw keyInvalid(source, `it holds no key: ${FORMS}`);
    if (raw.length > ENCRYPTION_KEYS_MAX) throw keyInvalid(source, `it holds more than ${ENCRYPTION_KEYS_MAX} keys`);
    return raw.map((key) => {
      if (key.every((byte) => byte === key[0])) throw keyInvalid(source, "a key of 32 equal bytes protects nothing");
      return new MasterKey(key);
    });
  } finally {
    for (const key of raw) key.fill(0);
  }
}

export function keyInvalid(source: string, reason: string): EmberlogError {
  return new EmberlogError("KEY_INVALID", `${source}: ${reason}`);
}

function decodeLines(bytes: Uint8Array, source: string): Uint8Array[] {
  const keys: Uint8Array[] = [];
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1").split("\n");
  for (const [i, line] of lines.entries()) {
    if (line.trimStart().startsWith("#")) continue;
    for (const word of line.split(/[\s,]+/)) {
      if (word === "") continue;
      const key = decodeKey(word);
      if (key === undefined) throw keyInvalid(source, `what line ${i + 1} holds is no key: ${FORMS}`);
      keys.push(key);
    }
  }
  return keys;
}

function decodeKey(text: string): Uint8Array | undefined {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Uint8Array.from(Buffer.from(text, "hex"));
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
  const key = Uint8Array.from(Buffer.from(text, "base64"));
  return key.length === KEY_BYTES ? key : undefined;
}
