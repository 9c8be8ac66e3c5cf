/**
 * Preloaded into a server (node --import): kills it with SIGKILL before or after the n-th call of one function of node:fs.
 * EMBERLOG_KILL_POINT is "renameSync:before:2". Nothing of this is in the product; the server does not know that it will die.
 */
import fs from "node:fs";

const [name, when, nth] = (process.env.EMBERLOG_KILL_POINT ?? "").split(":");
let calls = 0;
const original = fs[name];
if (typeof original === "function") {
  fs[name] = (...args) => {
    const hit = ++calls === Number(nth);
    if (hit && when === "before") process.kill(process.pid, "SIGKILL");
    const result = original(...args);
    if (hit && when === "after") process.kill(process.pid, "SIGKILL");
    return result;
  };
}
