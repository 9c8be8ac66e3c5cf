/** MEMORY DOCTOR: what is unusual about the memory in use, in sentences, and what can be done about it. */
import type { Dataset } from "../../dataset/dataset.ts";

/** Below this nothing that could be said would matter, bytes. */
const LITTLE_BYTES = 5 * 1024 * 1024;
/** Beyond these ratios something is worth a word. */
const PEAK_RATIO = 1.5;
const FRAGMENTATION_RATIO = 1.4;
const CLIENTS_SHARE = 0.25;

export function diagnoseMemory(dataset: Dataset): string {
  const { allocator, memory } = dataset;
  const { allocatedBytes, chunkBytesInUse } = allocator.statistics();
  if (allocatedBytes < LITTLE_BYTES) {
    return "There is so little in memory that nothing can be wrong with it. Ask again when there is data.\n";
  }
  const found: string[] = [];
  const used = memory.usedBytes;
  if (memory.peakBytes / used > PEAK_RATIO) {
    found.push(
      `Peak memory: at some time ${ratio(memory.peakBytes, used)} times as much was in use as now. The arena gives free chunks ` +
        "back to the system by and by; MEMORY PURGE does so at once.",
    );
  }
  if (chunkBytesInUse / allocatedBytes > FRAGMENTATION_RATIO) {
    found.push(
      `Fragmentation: the chunks in use take ${ratio(chunkBytesInUse, allocatedBytes)} times what the blocks in them do. Chunks are ` +
        "returned when they are empty; new data fills the gaps first.",
    );
  }
  if (memory.clientBytes / used > CLIENTS_SHARE) {
    found.push(
      "Client buffers: connections take a quarter of the memory or more. CLIENT LIST shows in omem, qbuf and multi-mem whose they are; " +
        "client-output-buffer-limit bounds them.",
    );
  }
  if (dataset.releasingCount > 0) {
    found.push(
      `Freeing: ${dataset.releasingCount} keys and values that were removed are still being freed in steps; what they take is counted until then.`,
    );
  }
  if (found.length === 0) return "Nothing is unusual about the memory in use.\n";
  return `What is unusual about the memory in use:\n\n${found.map((each) => `* ${each}\n`).join("\n")}`;
}

function ratio(part: number, whole: number): string {
  return (part / whole).toFixed(1);
}
