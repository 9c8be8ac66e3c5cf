import { randomBytes } from "node:crypto";

/** Randomness comes in as a parameter everywhere else, so that a seed replays a run exactly. */
export interface Random {
  /** A signed 32-bit integer, all bits random. */
  int32(): number;
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
}

/** Unpredictable bytes from the system for salts, ids and hash seeds; int32() is drawn from a pool of them. */
export function systemRandom(): Random {
  const pool = new Int32Array(256);
  let next = pool.length;
  return {
    int32() {
      if (next === pool.length) {
        pool.set(new Int32Array(Uint8Array.from(randomBytes(pool.byteLength)).buffer));
        next = 0;
      }
      return pool[next++]!;
    },
    bytes: (length) => Uint8Array.from(randomBytes(length)),
  };
}

/** A small deterministic generator (xorshift128) for tests and simulations: the same seed gives the same sequence. */
export function seededRandom(seed: number): Random {
  let x = seed | 0 || 0x9e3779b9 | 0;
  let y = 0x6c078965;
  let z = 0x5bd1e995;
  let w = 0x1b873593;
  const int32 = (): number => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return w | 0;
  };
  for (let warm = 0; warm < 16; warm++) int32();
  return {
    int32,
    bytes(length) {
      const out = new Uint8Array(length);
      for (let i = 0; i < length; i++) out[i] = int32();
      return out;
    },
  };
}

/** A uniform integer in [0, bound), for bound up to 2^31. */
export function uniform(random: Random, bound: number): number {
  return Math.floor(((random.int32() >>> 0) / 4294967296) * bound);
}
