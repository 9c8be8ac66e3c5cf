/** A log with nothing under way does not keep the process alive; one with work does, until it is done. */
import fs from "node:fs";
import { NativeLogIo } from "../../../src/platform/log_io.ts";
import { nativeAddon } from "../../../src/platform/native.ts";

const logIo = new NativeLogIo(nativeAddon()!);
const fd = fs.openSync("/dev/null", "w");
logIo.onWritten = (result) => console.log(`written ${result}`);
logIo.write(fd, new Uint8Array(1000), 0, 1000, 0);
