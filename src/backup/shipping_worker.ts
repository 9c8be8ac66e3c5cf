/**
 * The worker thread that ships. It has a little less of the processor than the thread that serves, and waits for nobody: a pass that can't keep up shows
 * in INFO backup as lag.
 */
import { parentPort } from "node:worker_threads";
import { check } from "../base/check.ts";
import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { NodeDisk } from "../disk/node_disk.ts";
import { crc32c } from "../platform/checksum.ts";
import { setThreadNice } from "../platform/thread_calls.ts";
import { CatalogueKeeper } from "./catalogue_keeper.ts";
import { openStore } from "./open_store.ts";
import { ShippingDesk } from "./shipping_desk.ts";
import { type Asked, failureOf, type Told } from "./shipping_thread.ts";

const NICE = 10;

const port = parentPort;
check(port !== null, "this file is a worker");
setThreadNice(NICE);

const random = systemRandom();
const tell = (told: Told): void => port.postMessage(told);
const desk = new ShippingDesk({
  disk: new NodeDisk(),
  crc32c,
  random,
  clock: systemClock,
  openStore: (url) => openStore(url, random, systemClock),
  catalogueIn: (directory) => new CatalogueKeeper(new NodeDisk(), systemClock, directory),
  stored: (progress) => tell({ kind: "stored", progress }),
});

port.on("message", ({ id, name, ask }: Asked) => {
  // The types of both sides are one table; what comes through a port has lost its own.
  desk.call(name, ask as never).then(
    (answer) => tell({ kind: "answer", id, answer }),
    (thrown: unknown) => tell({ kind: "failure", id, failure: failureOf(thrown) }),
  );
});
