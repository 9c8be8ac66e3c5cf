/**
 * WATCH: which sessions watch which keys, and what happens when a key changes.
 *
 * The journal calls here for every change, but only while somebody watches something.
 */
import { latin1, latin1Bytes } from "../base/bytes.ts";
import type { ChangeObserver, Journal } from "../dataset/journal.ts";
import type { Session } from "./session.ts";

export class Watchers implements ChangeObserver {
  private readonly sessions = new Map<string, Set<Session>>();
  private readonly journal: Journal;
  private readonly exists: (database: number, key: Uint8Array) => boolean;

  /** `exists` looks a key up without any effect. */
  constructor(journal: Journal, exists: (database: number, key: Uint8Array) => boolean) {
    this.journal = journal;
    this.exists = exists;
  }

  watch(session: Session, database: number, key: Uint8Array): void {
    const name = `${database}:${latin1(key)}`;
    if (session.watched.has(name)) return;
    session.watched.add(name);
    const watching = this.sessions.get(name);
    if (watching === undefined) this.sessions.set(name, new Set([session]));
    else watching.add(session);
    this.journal.addObserver(this);
  }

  /** Forgets all that the session watches: EXEC, DISCARD, UNWATCH, and the end of its connection. */
  unwatch(session: Session): void {
    for (const name of session.watched) {
      const watching = this.sessions.get(name);
      watching?.delete(session);
      if (watching?.size === 0) this.sessions.delete(name);
    }
    session.watched.clear();
    session.watchBroken = false;
    if (this.sessions.size === 0) this.journal.removeObserver(this);
  }

  keyChanged(database: number, bytes: Uint8Array, offset: number, length: number): void {
    const watching = this.sessions.get(`${database}:${latin1(bytes, offset, offset + length)}`);
    if (watching !== undefined) for (const session of watching) session.watchBroken = true;
  }

  /** Called before a database is emptied or swapped: only keys that exist on either side change. */
  databaseChanged(database: number, swappedWith: number): void {
    for (const [name, watching] of this.sessions) {
      const colon = name.indexOf(":");
      const own = Number(name.slice(0, colon));
      if (database !== -1 && own !== database && own !== swappedWith) continue;
      const key = latin1Bytes(name.slice(colon + 1));
      const other = own === database ? swappedWith : database;
      if (this.exists(own, key) || (swappedWith !== -1 && this.exists(other, key))) {
        for (const session of watching) session.watchBroken = true;
      }
    }
  }

  /** Keys that somebody watches, for INFO. */
  get watchedKeys(): number {
    return this.sessions.size;
  }
}
