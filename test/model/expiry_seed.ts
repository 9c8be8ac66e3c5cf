/** The seed of a run of the keyspace model, and how to repeat it. */
export const seed = Number(process.env["EMBERLOG_SEED"] ?? 0) || 20260701;
export const replayHint = `replay with EMBERLOG_SEED=${seed} npx vitest run test/model/expiry.test.ts`;
