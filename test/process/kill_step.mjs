/**
 * Preloaded into a tool (node --import): kills it with SIGKILL at the n-th call of node:fs that changes anything, counted over all of them; even steps after the
 * call, odd ones before it. EMBERLOG_KILL_STEP is n. Nothing of this is in the product.
 */
import fs from "node:fs";

const step = Number(process.env.EMBERLOG_KILL_STEP);
let calls = 0;

function watch(owner, name) {
  const original = owner[name];
  owner[name] = function (...args) {
    const hit = ++calls === step;
    if (hit && step % 2 === 1) process.kill(process.pid, "SIGKILL");
    const result = original.apply(this, args);
    if (hit) {
      if (typeof result?.then !== "function") process.kill(process.pid, "SIGKILL");
      else return result.then(() => process.kill(process.pid, "SIGKILL"));
    }
    return result;
  };
}

for (const name of [
  "renameSync",
  "fsyncSync",
  "fdatasyncSync",
  "writeSync",
  "unlinkSync",
  "ftruncateSync",
  "mkdirSync",
]) {
  watch(fs, name);
}
for (const name of ["mkdir", "link", "unlink", "rm", "open"]) watch(fs.promises, name);
