/** Keys of encryption at rest in a simulated life: two of them, of which each start finds another one to be the newest, or neither. */
import type { KeyObject } from "node:crypto";
import { KEY_BYTES, KeyRing, type Keys, MasterKey } from "../../src/base/key_ring.ts";
import { type Random, uniform } from "../../src/base/random.ts";

const MASTER_KEYS = [1, 2].map((byte) => new MasterKey(new Uint8Array(KEY_BYTES).fill(byte)));

/** All of them open what was encrypted before; new segments are encrypted with one, or not at all. */
export function drawKeys(random: Random): Keys {
  const dice = uniform(random, 5);
  const ring = new KeyRing(dice < 2 ? MASTER_KEYS : [...MASTER_KEYS].reverse());
  return { newest: dice === 4 ? undefined : ring.newest, ids: ring.ids, find: (id) => ring.find(id) };
}

/** Both of them, as a thread of the process gets them. */
export function keySecrets(): KeyObject[] {
  return MASTER_KEYS.map(MasterKey.secretOf);
}

/** Opens whatever a life has encrypted. */
export const ALL_SIM_KEYS: Keys = new KeyRing(MASTER_KEYS);
