/**
 * The head of a file in the age v1 format (https://age-encryption.org/v1): who can open it, and the key of what follows. It is
 * written and opened by the package `age-encryption`, so that every kind of recipient it knows works here; the payload, which is
 * the mass, is `age_payload.ts`'s.
 *
 * A head is text: a line of version, a stanza a recipient, and `--- ` with a MAC, then a line's end. The key of a file is random and used for it alone.
 */
import type { Decrypter, Encrypter, Recipient } from "age-encryption";
import { EmberlogError } from "../base/errors.ts";

/** A head is looked for in so many first bytes: some hundred recipients, or a few of the post-quantum ones. */
export const HEADER_BYTES_MAX = 64 * 1024;

const VERSION_LINE = "age-encryption.org/v1\n";

type Age = typeof import("age-encryption");

async function loadAge(): Promise<Age> {
  try {
    return await import("age-encryption");
  } catch (thrown) {
    throw new EmberlogError(
      "BACKUP_UNREADABLE",
      "encrypted backups need the package age-encryption: npm install age-encryption",
      { cause: thrown },
    );
  }
}

export interface SealedHeader {
  readonly bytes: Uint8Array;
  /** Secret: the key of this file. */
  readonly fileKey: Uint8Array;
}

/** Those who can open a backup: `age1…` words, checked once. */
export class Recipients {
  readonly words: readonly string[];
  private readonly age: Age;

  private constructor(age: Age, words: readonly string[]) {
    this.age = age;
    this.words = words;
  }

  /** Throws CONFIG_INVALID for a word that is no recipient; an identity given by mistake is not repeated in the message. */
  static async parse(words: readonly string[]): Promise<Recipients> {
    const age = await loadAge();
    if (words.length === 0) throw new EmberlogError("CONFIG_INVALID", "no recipient was given");
    for (const word of words) {
      if (/^AGE-/i.test(word)) {
        throw new EmberlogError(
          "CONFIG_INVALID",
          "a recipient begins with age1; this is an identity, which is secret and stays where backups are read",
        );
      }
      try {
        new age.Encrypter().addRecipient(word);
      } catch (thrown) {
        throw new EmberlogError("CONFIG_INVALID", `not a recipient of age: ${JSON.stringify(word)}`, { cause: thrown });
      }
    }
    return new Recipients(age, words);
  }

  /** A new file's head and key. */
  async seal(): Promise<SealedHeader> {
    const encrypter: Encrypter = new this.age.Encrypter();
    for (const word of this.words) encrypter.addRecipient(word);
    // The package draws the key and tells it to each recipient; this one keeps it and adds no stanza.
    let fileKey: Uint8Array | undefined;
    const listener: Recipient = {
      wrapFileKey(key) {
        fileKey = Uint8Array.from(key);
        return [];
      },
    };
    encrypter.addRecipient(listener);
    const file = await encrypter.encrypt(new Uint8Array(0));
    const end = headerEnd(file);
    if (fileKey === undefined || end === undefined) throw new Error("age-encryption gave no head or no key");
    return { bytes: file.slice(0, end), fileKey };
  }
}

/** What opens backups: the secret keys of an identity file. */
export class Identities {
  private readonly age: Age;
  private readonly words: readonly string[];

  private constructor(age: Age, words: readonly string[]) {
    this.age = age;
    this.words = words;
  }

  /** Reads an identity file as age-keygen writes it: an identity a line, `#` for comments. Throws CONFIG_INVALID, without its secrets. */
  static async parse(text: string, file: string): Promise<Identities> {
    const age = await loadAge();
    const words = text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"));
    if (words.length === 0) throw new EmberlogError("CONFIG_INVALID", `${file} has no identity of age in it`, { file });
    for (const [i, word] of words.entries()) {
      try {
        new age.Decrypter().addIdentity(word);
      } catch {
        throw new EmberlogError("CONFIG_INVALID", `identity ${i + 1} of ${file} is none of age (AGE-SECRET-KEY-1…)`, {
          file,
        });
      }
    }
    return new Identities(age, words);
  }

  /** A new identity, which is secret, and the recipient that seals for it. */
  static async generate(): Promise<{ readonly identity: string; readonly recipient: string }> {
    const age = await loadAge();
    const identity = await age.generateIdentity();
    return { identity, recipient: await age.identityToRecipient(identity) };
  }

  /** The recipients that these identities open for. */
  async recipients(): Promise<string[]> {
    return Promise.all(this.words.map((word) => this.age.identityToRecipient(word)));
  }

  /** The key of a file by its head. Throws BACKUP_UNREADABLE where no identity fits or the head is damaged. */
  async open(header: Uint8Array, name: string): Promise<Uint8Array> {
    const decrypter: Decrypter = new this.age.Decrypter();
    for (const word of this.words) decrypter.addIdentity(word);
    try {
      return await decrypter.decryptHeader(header);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new EmberlogError("BACKUP_UNREADABLE", `${name} can't be opened: ${why}`, {
        file: name,
        offset: 0,
        cause: thrown,
      });
    }
  }
}

/** Where the head of a file ends, or undefined where there is none in these bytes. */
export function headerEnd(bytes: Uint8Array): number | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEADER_BYTES_MAX)).toString("latin1");
  if (!text.startsWith(VERSION_LINE)) return undefined;
  const mac = text.indexOf("\n--- ");
  const end = mac < 0 ? -1 : text.indexOf("\n", mac + 1);
  return end < 0 ? undefined : end + 1;
}
