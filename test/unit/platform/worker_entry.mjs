/** Runs a test's source text in a worker thread; `load` imports a file of src/platform, `post` answers. */
import { parentPort, workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
const platform = new URL("../../../src/platform/", import.meta.url).href;
const AsyncFunction = (async () => {}).constructor;
const load = (name) => import(name.startsWith("node:") ? name : platform + name);
await new AsyncFunction("load", "post", workerData)(load, (value) => parentPort.postMessage(value));
