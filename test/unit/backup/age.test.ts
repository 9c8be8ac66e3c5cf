/** Files of age: what Emberlog writes others open, what others write Emberlog opens, and no damage passes. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Decrypter, Encrypter, generateHybridIdentity, generateIdentity, identityToRecipient } from "age-encryption";
import { beforeAll, describe, expect, test } from "vitest";
import { ageDecrypt, ageEncrypt, drawSealing } from "../../../src/backup/age.ts";
import { headerEnd, Identities, Recipients } from "../../../src/backup/age_header.ts";
import { wholeBody } from "../../../src/backup/object_store.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const random = seededRandom(11);
const directory = temporaryDirectory("age");
const SIZES = [0, 1, 65_535, 65_536, 65_537, 131_072, 1_048_576, 1_048_577, 1_200_000];

let identity = "";
let other = "";
let recipients: Recipients;
let identities: Identities;

beforeAll(async () => {
  identity = await generateIdentity();
  other = await generateIdentity();
  recipients = await Recipients.parse([await identityToRecipient(other), await identityToRecipient(identity)]);
  identities = await Identities.parse(`# created today\n${identity}\n`, "key.txt");
});

const seal = async (content: Uint8Array, by = recipients): Promise<Uint8Array> =>
  wholeBody(ageEncrypt(content, await drawSealing(by, random)));

const opened = (bytes: Uint8Array, by = identities): Promise<Uint8Array> => wholeBody(ageDecrypt(bytes, by, "object"));

test("what is sealed is opened, at every length around a chunk's", async () => {
  for (const size of SIZES) {
    const content = random.bytes(size);
    expect(Buffer.compare(await opened(await seal(content)), content), String(size)).toBe(0);
  }
});

test("the package age-encryption opens what is sealed here, and seals what is opened here", async () => {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(identity));
  for (const size of SIZES) {
    const content = random.bytes(size);
    expect(Buffer.compare(await decrypter.decrypt(await seal(content)), content), String(size)).toBe(0);
    expect(Buffer.compare(await opened(await encrypter.encrypt(content)), content), String(size)).toBe(0);
  }
});

test("a recipient of the post-quantum kind", async () => {
  const hybrid = await generateHybridIdentity();
  const sealed = await seal(Buffer.from("hello"), await Recipients.parse([await identityToRecipient(hybrid)]));
  expect(Buffer.from(await opened(sealed, await Identities.parse(hybrid, "k"))).toString()).toBe("hello");
});

const ageTool = spawnSync("age", ["--version"]).status === 0;
if (!ageTool) console.log("SKIPPED: the age tool is missing (apt-get install age)");
describe.skipIf(!ageTool)("Debian's age", () => {
  test("opens what is sealed here, and seals what is opened here", async () => {
    const key = join(directory, "key.txt");
    writeFileSync(key, `${identity}\n`);
    for (const size of SIZES) {
      const content = random.bytes(size);
      const sealed = join(directory, "sealed.age");
      writeFileSync(sealed, await seal(content));
      expect(Buffer.compare(execFileSync("age", ["-d", "-i", key, sealed], { maxBuffer: 1e9 }), content)).toBe(0);
      writeFileSync(join(directory, "plain"), content);
      execFileSync("age", ["-r", await identityToRecipient(identity), "-o", sealed, join(directory, "plain")]);
      expect(Buffer.compare(await opened(readFileSync(sealed)), content), String(size)).toBe(0);
    }
  });
});

test("every flipped bit of the head, and of bytes everywhere else, is noticed", async () => {
  const content = random.bytes(140_000);
  const sealed = await seal(content);
  const end = headerEnd(sealed)!;
  const places = [...Array.from({ length: end + 16 }, (_, i) => i), end + 16, end + 70_000, sealed.length - 1];
  for (const at of places) {
    const damaged = Uint8Array.from(sealed);
    damaged[at]! ^= 1 << (at % 8);
    await expect(opened(damaged), `byte ${at}`).rejects.toMatchObject({ code: "BACKUP_UNREADABLE" });
  }
});

test("a file that is cut, at a chunk's end too, or has its chunks exchanged is noticed", async () => {
  const content = random.bytes(200_000);
  const sealed = await seal(content);
  const start = headerEnd(sealed)! + 16;
  const chunk = 65_552;
  for (const length of [0, 10, start - 1, start, start + 15, start + chunk, start + 2 * chunk, sealed.length - 1]) {
    await expect(opened(sealed.slice(0, length)), String(length)).rejects.toMatchObject({ code: "BACKUP_UNREADABLE" });
  }
  const exchanged = Uint8Array.from(sealed);
  exchanged.copyWithin(start, start + chunk, start + 2 * chunk);
  await expect(opened(exchanged)).rejects.toMatchObject({ code: "BACKUP_UNREADABLE" });
});

test("a wrong identity opens nothing, and says so without a secret", async () => {
  const stranger = await generateIdentity();
  const error: unknown = await opened(await seal(random.bytes(10)), await Identities.parse(stranger, "k")).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: "BACKUP_UNREADABLE" });
  expect(String(error)).not.toContain(stranger);
});

test("words that are no recipients, or identities in their place", async () => {
  await expect(Recipients.parse([])).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(Recipients.parse(["age1nonsense"])).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  const error: unknown = await Recipients.parse([identity]).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "CONFIG_INVALID" });
  expect(String(error)).not.toContain(identity);
  const unknown: unknown = await Identities.parse(`${identity.slice(0, -3)}`, "k").catch((thrown: unknown) => thrown);
  expect(unknown).toMatchObject({ code: "CONFIG_INVALID" });
  expect(String(unknown)).not.toContain(identity.slice(0, -3));
  await expect(Identities.parse("# nothing\n", "k")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  expect(await identities.recipients()).toEqual([await identityToRecipient(identity)]);
});
