/** A leaderboard under concurrent games, with node-redis: the server is killed and started again, and the board is the same. */
import { createClient } from "redis";
import { expect, test } from "vitest";
import { startEmberlog } from "../support/emberlog_server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const PLAYERS = 300;
const GAMES = 4000;
const CLIENTS = 8;
const player = (i: number): string => `player:${i % PLAYERS}`;
/** What game i gives its player. */
const points = (i: number): number => ((i * 7919) % 400) / 4;

const dir = temporaryDirectory("leaderboard");

test("concurrent ZINCRBY, ranks and pages, a kill, the same board", async () => {
  const args = ["--appendonly", "yes", "--appendfsync", "everysec"];
  let server = await startEmberlog({ dir, args });
  const connect = async () => {
    const client = createClient({ RESP: 3, socket: { host: "127.0.0.1", port: server.port } });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  const clients = await Promise.all(Array.from({ length: CLIENTS }, connect));
  await Promise.all(
    clients.map(async (client, c) => {
      const games: Promise<unknown>[] = [];
      for (let i = c; i < GAMES; i += CLIENTS) games.push(client.zIncrBy("board", points(i), player(i)));
      await Promise.all(games);
    }),
  );
  const totals = new Map<string, number>();
  for (let i = 0; i < GAMES; i++) totals.set(player(i), (totals.get(player(i)) ?? 0) + points(i));
  const expected = [...totals]
    .map(([value, score]) => ({ value, score }))
    .sort((a, b) => b.score - a.score || (a.value < b.value ? 1 : -1));

  const look = async (client: (typeof clients)[number]) => {
    expect(await client.zRangeWithScores("board", 0, -1, { REV: true })).toEqual(expected);
    expect(await client.zRangeWithScores("board", 100, 109, { REV: true })).toEqual(expected.slice(100, 110));
    for (const i of [0, 17, PLAYERS - 1]) expect(await client.zRevRank("board", expected[i]!.value)).toBe(i);
    expect(await client.sendCommand(["OBJECT", "ENCODING", "board"])).toBe("skiplist");
  };
  await look(clients[0]!);
  for (const client of clients) client.destroy();

  await server.kill9();
  server = await startEmberlog({ dir, args });
  const again = await connect();
  await look(again);
  expect(await again.zIncrBy("board", 100_000, "player:5")).toBeGreaterThan(100_000);
  expect(await again.zRevRank("board", "player:5")).toBe(0);
  again.destroy();
  await server.stop();
});
