/**
 * DEBUG RELOAD and LOADAOF: the dataset is emptied and made again, from the log where there is one, otherwise from the effects that
 * describe it. It runs inside of a command, so the state of that command's execution is put back.
 */
import { RequestWriter } from "../protocol/request_writer.ts";
import { EntryList } from "../structure/entry_list.ts";
import type { Engine } from "./engine.ts";
import { writeEntry } from "./entry_effects.ts";
import { Replay } from "./replay.ts";

/**
 * Empties the dataset, lets `read` replay into it, and goes on as if nothing had happened. Nothing of this is logged. All effects so far
 * must be committed.
 */
export function reloadDataset(engine: Engine, read: (replay: Replay) => void): void {
  const { call, dataset, journal } = engine;
  const { input, args, first, argc, db, nowMs } = call;
  const { recording, sequence, selected, effects } = journal;
  const { bytes, position } = effects;
  journal.changedDatabase(-1, dataset.keyCount);
  journal.recording = false;
  // The log's buffer is not ours to scribble in.
  effects.use(new Uint8Array(4096), 0);
  dataset.flush(-1, true);
  const replay = new Replay(engine);
  try {
    read(replay);
  } finally {
    replay.resumeTime();
    call.input = input;
    call.args = args;
    call.first = first;
    call.argc = argc;
    call.hashed = false;
    call.db = db;
    call.nowMs = nowMs;
    effects.use(bytes, position);
    journal.selected = selected;
    journal.recording = recording;
    journal.sequence = sequence;
    // DEBUG itself is no effect.
    journal.explicit = 1;
  }
}

/** Reloads without a log: the whole dataset as effects in memory, and back. */
export function reloadFromMemory(engine: Engine): void {
  const { dataset } = engine;
  const copy = new DatasetEffects(engine);
  reloadDataset(engine, (replay) => copy.replayInto(replay, dataset.databaseCount));
}

/** The effects that make each database, one buffer a database. */
class DatasetEffects {
  private readonly buffers: RequestWriter[] = [];

  constructor(engine: Engine) {
    const { dataset } = engine;
    const found = new EntryList(64);
    for (let index = 0; index < dataset.databaseCount; index++) {
      const db = dataset.database(index);
      const writer = new RequestWriter(new Uint8Array(4096));
      const begin = (argc: number): RequestWriter => {
        writer.begin(argc);
        return writer;
      };
      let cursor = 0;
      do {
        found.clear();
        cursor = db.keys.scanInto(cursor, found);
        for (let i = 0; i < found.count; i++) writeEntry(dataset, found.items[i]!, begin);
      } while (cursor !== 0);
      this.buffers.push(writer);
    }
  }

  replayInto(replay: Replay, databases: number): void {
    for (let index = 0; index < databases; index++) {
      const { bytes, position, requests } = this.buffers[index]!;
      if (requests > 0) replay.unit(bytes, 0, position, requests, index, 1);
    }
  }
}
