/** Rounds that end at a named call of node:fs: each sync, rename, write, truncation and removal that the server makes there. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Random, uniform } from "../../src/base/random.ts";
import { type Ground, killGround } from "./crash_rounds.ts";

const PRELOAD = pathToFileURL(fileURLToPath(new URL("./kill_point.mjs", import.meta.url))).href;

/** Calls, and how often each is made at most before the server dies there. */
const POINTS: readonly (readonly [string, number])[] = [
  ["renameSync", 8],
  ["fsyncSync", 6],
  ["fsync", 4],
  ["fdatasyncSync", 6],
  ["fdatasync", 30],
  ["writeSync", 60],
  ["write", 20],
  ["openSync", 40],
  ["unlinkSync", 4],
  ["ftruncateSync", 3],
];

/** Without the addon all of the log's calls go through node:fs; with it only those that are not the threads'. */
export function killPointGround(native: boolean, points: Map<string, number>): Ground {
  return {
    ...killGround,
    killPoint(random: Random) {
      const [name, callsMax] = POINTS[uniform(random, POINTS.length)]!;
      const when = uniform(random, 2) === 0 ? "before" : "after";
      points.set(`${when} ${name}`, (points.get(`${when} ${name}`) ?? 0) + 1);
      return {
        NODE_OPTIONS: `--import=${PRELOAD}`,
        EMBERLOG_KILL_POINT: `${name}:${when}:${1 + uniform(random, callsMax)}`,
        ...(native ? {} : { EMBERLOG_NATIVE: "0" }),
      };
    },
  };
}
