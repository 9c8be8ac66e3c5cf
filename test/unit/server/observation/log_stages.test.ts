/** The stages of a commit under Redis's names, as the log's writer reports them; latency-monitor-threshold decides what is remembered. */
import { expect, it } from "vitest";
import { resetSyncStatistics } from "../../../../src/log/statistics.ts";
import { everysecBoundMs } from "../../../../src/log/sync_schedule.ts";
import { LatencyEvents } from "../../../../src/server/observation/latency_events.ts";
import { LogStages } from "../../../../src/server/observation/log_stages.ts";
import { commitBytes, openTestLog } from "../../log/support.ts";

function observed(policy: "always" | "everysec", thresholdMs: number) {
  // Too small for space to be written ahead, which the write thread would do first.
  const log = openTestLog({ policy, segmentBytesMax: 8000 });
  const latency = new LatencyEvents(() => log.clock.wallMs());
  latency.thresholdMs = thresholdMs;
  log.writer.observer = new LogStages(latency, log.writer);
  return { log, latency, worst: () => [...latency.series].map(([event, { max }]) => `${event} ${max}`) };
}

it("always: the write alone, the one behind a sync, and the sync", () => {
  const { log, worst } = observed("always", 5);
  commitBytes(log.writer, 10, 0);
  log.clock.advance(20);
  log.steps.all();
  commitBytes(log.writer, 10, 1);
  log.clock.advance(7);
  // Goes to the write thread, because the last sync was long, and is done before this one.
  commitBytes(log.writer, 10, 2);
  log.clock.advance(13);
  log.steps.all();
  expect(worst()).toEqual(["aof-fsync-always 20", "aof-write 13", "aof-write-pending-fsync 13"]);
});

it("everysec: nobody waits for a sync, so it is no event; below the threshold nothing is one", () => {
  const { log, worst } = observed("everysec", 100);
  commitBytes(log.writer, 10, 0);
  log.clock.advance(1000);
  log.writer.tick();
  commitBytes(log.writer, 10, 1);
  log.clock.advance(99);
  log.steps.all();
  expect(worst()).toEqual([]);
});

it("the statistics of syncs: percentiles, groups, and what CONFIG RESETSTAT forgets", () => {
  const { log } = observed("always", 0);
  const { statistics } = log.writer;
  commitBytes(log.writer, 10, 0, 3);
  expect(log.writer.syncing).toBe(true);
  log.clock.advance(4);
  log.steps.all();
  commitBytes(log.writer, 10, 0, 7);
  log.clock.advance(40);
  log.steps.all();
  expect(log.writer.syncing).toBe(false);
  expect([statistics.syncs, statistics.groupCommands.percentile(50), statistics.groupCommands.percentile(100)]).toEqual(
    [2, 3, 7],
  );
  expect(Math.round(statistics.syncNs.percentile(99) / 1e6)).toBe(40);
  const { bytes, frames } = statistics;
  resetSyncStatistics(statistics);
  expect([statistics.syncs, statistics.syncUsMax, statistics.syncNs.total, statistics.exposureMsMax]).toEqual([
    0, 0, 0, 0,
  ]);
  expect([statistics.bytes, statistics.frames]).toEqual([bytes, frames]);
});

it.each([5, 300, 450, 700, 2000])(
  "everysec: under load no write is older than the bound when it becomes durable, with syncs of %i ms",
  (syncMs) => {
    const { log } = observed("everysec", 0);
    let worstMs = 0;
    // 20 seconds: a write every 5 ms, a tick every 100 ms, and whatever sync is under way ends after syncMs.
    let endsAt = Number.POSITIVE_INFINITY;
    for (let ms = 0; ms < 20_000; ms += 5) {
      log.clock.advance(5);
      commitBytes(log.writer, 10, 0);
      if (ms % 100 === 0) log.writer.tick();
      if (log.writer.syncing && endsAt === Number.POSITIVE_INFINITY) endsAt = ms + syncMs;
      if (ms >= endsAt) {
        endsAt = Number.POSITIVE_INFINITY;
        log.steps.all();
      }
      const oldestMs = log.writer.oldestUnsyncedMs;
      if (oldestMs >= 0) worstMs = Math.max(worstMs, log.clock.monotonicUs() / 1000 - oldestMs);
    }
    expect(log.writer.statistics.syncs).toBeGreaterThan(4);
    // Measured to the step of this test.
    expect(worstMs).toBeLessThanOrEqual(everysecBoundMs(syncMs) + 10);
    expect(log.writer.statistics.exposureMsMax).toBeLessThanOrEqual(everysecBoundMs(syncMs) + 10);
    // Once it is known how long syncs take.
    if (syncMs <= 400) expect(log.writer.statistics.exposureMsLast).toBeLessThanOrEqual(1010);
  },
);
