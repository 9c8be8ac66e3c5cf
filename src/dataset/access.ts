/**
 * The 24 bits of an entry that say when, or how often, it was read: what OBJECT IDLETIME and OBJECT FREQ show and eviction compares.
 *
 * ```
 * by time (the default)     bits 0–23  seconds since 1970, modulo 2^24
 * by frequency (LFU)        bits 0–7   logarithmic counter, bits 8–23 minutes since 1970, modulo 2^16, of its last decay
 * ```
 * When the policy changes at run time the bits of old entries are read in the other sense until they are next written, as in Redis.
 */
const COUNTER_MAX = 255;
/** A new key begins above zero, so that it isn't evicted at once. */
export const FREQUENCY_INITIAL = 5;
const TIME_MAX = 0xffffff;
const MINUTES_MAX = 0xffff;

/** The bits of an entry read now, by time. */
export function timeBits(nowMs: number): number {
  return Math.floor(nowMs / 1000) & TIME_MAX;
}

/** The bits of an entry created now, by frequency. */
export function frequencyBits(nowMs: number): number {
  return (minutes(nowMs) << 8) | FREQUENCY_INITIAL;
}

/** The bits of an entry that is taken over with what is known of it: read so many seconds ago. */
export function idleBits(seconds: number, nowMs: number): number {
  const clock = timeBits(nowMs);
  return seconds <= clock ? clock - seconds : (clock + TIME_MAX - (seconds % TIME_MAX)) % TIME_MAX;
}

/** The same by frequency: with this counter. */
export function counterBits(counter: number, nowMs: number): number {
  return (minutes(nowMs) << 8) | counter;
}

/** Seconds since an access; over a wrap of the clock one short, as Redis counts. */
export function idleSeconds(access: number, clock: number): number {
  return clock >= access ? clock - access : clock + (TIME_MAX - access);
}

/** The counter as it stands after the decay that is due: one a period without access. */
export function decayedFrequency(access: number, nowMs: number, decayMinutes: number): number {
  const counter = access & COUNTER_MAX;
  if (decayMinutes === 0) return counter;
  const since = access >>> 8;
  const now = minutes(nowMs);
  const elapsed = now >= since ? now - since : MINUTES_MAX - since + now;
  return Math.max(0, counter - Math.floor(elapsed / decayMinutes));
}

/** The bits after one more access; `draw` is uniform in [0, 1). The higher the counter, the less likely it rises. */
export function countedAccess(
  access: number,
  nowMs: number,
  decayMinutes: number,
  logFactor: number,
  draw: number,
): number {
  let counter = decayedFrequency(access, nowMs, decayMinutes);
  const above = Math.max(0, counter - FREQUENCY_INITIAL);
  if (counter < COUNTER_MAX && draw < 1 / (above * logFactor + 1)) counter++;
  return (minutes(nowMs) << 8) | counter;
}

function minutes(nowMs: number): number {
  return Math.floor(nowMs / 60000) & MINUTES_MAX;
}
