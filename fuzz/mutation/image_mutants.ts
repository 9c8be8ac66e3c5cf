/** Mutants of images: their barriers, their checksums, the freeze that they are made from, and what is kept for the day one is damaged. */
import { type Mutant, mutant } from "./mutant.ts";

export const IMAGE_MUTANTS: readonly Mutant[] = [
  // Barriers
  mutant(
    "D3",
    "an image is listed before it is synced",
    "snapshot/image_writing.ts",
    `    if (this.syncedPosition < this.position) {
      this.startSync();
      return true;
    }
`,
    "",
  ),
  mutant(
    "D9",
    "a failed sync of an image counts as a sync",
    "snapshot/image_writing.ts",
    `      if (result < 0) this.failure = new DiskError("sync", this.path, result);
      else this.syncedPosition = covers;`,
    "      this.syncedPosition = Math.max(covers, result);",
  ),
  mutant(
    "D1",
    "the name of an image is not synced before the manifest lists it",
    "engine/data_directory.ts",
    "      disk.syncDirectoryLater(directory, (synced) => {",
    "      queueMicrotask(() => { const synced = 0;",
  ),
  mutant(
    "D3",
    "what an image makes unnecessary goes before the manifest is written",
    "engine/data_directory.ts",
    `        const manifest = { ...change(before), writtenMs: clock.wallMs() };
`,
    `        const manifest = { ...change(before), writtenMs: clock.wallMs() };
        this.manifest = manifest;
        attempt(() => this.unlinkUnlisted(before));
        this.manifest = before;
`,
  ),
  mutant(
    "D3",
    "an image may say more than the log that is durable",
    "engine/images.ts",
    "if (writer.durableSequence < header.sequence) {",
    "if (header.sequence < 0) {",
  ),
  mutant(
    "D3",
    "the file of an image that came to nothing is left",
    "engine/images.ts",
    "    this.directory.dropImage();\n",
    "",
  ),
  mutant(
    "D3",
    "a start leaves images that nothing lists",
    "engine/recovery.ts",
    "if (isImageName(name) && !images.has(name)) {",
    "if (isImageName(name) && images.size < 0) {",
  ),
  mutant(
    "D3",
    "a segment that an image made unnecessary is a stray",
    "engine/examination.ts",
    "whole(read.scan) && read.scan.lastSequence < shortenedTo",
    "whole(read.scan) && read.scan.lastSequence < 0",
  ),
  // The freeze
  mutant(
    "D16",
    "a page is written while it is frozen",
    "memory/freeze.ts",
    "if (Atomics.load(this.states, base + page) === UNTOUCHED) this.copyAside(segment, base + page, page);",
    "if (Atomics.load(this.states, base + page) > 2) this.copyAside(segment, base + page, page);",
  ),
  {
    rule: "D16",
    name: "a page that was copied aside is taken as it is now, too",
    edits: [
      {
        file: "src/memory/frozen_pages.ts",
        find: `      if (state === COPIED) {
        this.copied++;
        continue;
      }
`,
        replace: "      void COPIED;\n",
      },
      {
        file: "src/memory/frozen_pages.ts",
        find: `      if (Atomics.compareExchange(states, page, UNTOUCHED, DONE) !== UNTOUCHED) {
        this.copied++;
        continue;
      }
`,
        replace: "      if (Atomics.compareExchange(states, page, UNTOUCHED, DONE) !== UNTOUCHED) this.copied++;\n",
      },
    ],
  },
  mutant(
    "D16",
    "pages copied aside are forgotten",
    "memory/frozen_pages.ts",
    "return this.next === this.pageCount && this.taken === this.copied;",
    "return this.next === this.pageCount;",
  ),
  mutant(
    "D16",
    "a page that the reader has taken meanwhile is pushed as well",
    "memory/freeze.ts",
    "if (Atomics.compareExchange(this.states, page, UNTOUCHED, COPIED) !== UNTOUCHED) return;",
    "Atomics.compareExchange(this.states, page, UNTOUCHED, COPIED);",
  ),
  mutant(
    "D16",
    "pages copied aside are taken when all others are",
    "snapshot/image_writing.ts",
    `    this.fillAside();
    while (this.rowCount < BLOCK_PAGES_MAX && frozen.takeLive(page, 0)) {
      this.add();
      if (frozen.waiting > 0) this.fillAside();
    }
`,
    `    while (this.rowCount < BLOCK_PAGES_MAX && frozen.takeLive(page, 0)) this.add();
    this.fillAside();
`,
  ),
  mutant(
    "D16",
    "the slot of a page that was copied aside is not given back",
    "memory/frozen_pages.ts",
    "      Atomics.store(queue, QUEUE_RETURNED, (returned + 1) | 0);\n",
    "",
  ),
  mutant(
    "D16",
    "what was dirty before a failed image is in no delta",
    "engine/images.ts",
    "    this.merging = { marks: taking.marks, next: 0 };\n",
    "",
  ),
  mutant(
    "D16",
    "a delta begins with the marks of an image that was never listed",
    "engine/images.ts",
    "        this.marksSince = image.chain;\n",
    "        this.marksSince = this.directory.images[0]?.chain;\n",
  ),
  // What is read back
  mutant(
    "D16",
    "the checksum of a block of an image is not tested",
    "snapshot/image_reading.ts",
    "if ((crc32c(stored, LZ4_PREFIX_BYTES, storedBytes, seed) ^ header.payloadCrc) !== 0) {",
    "if (storedBytes < 0) {",
  ),
  {
    rule: "D16",
    name: "neither the checksum of a block's header nor the chain is tested",
    edits: [
      {
        file: "src/snapshot/format.ts",
        find: "if ((getU32(bytes, at + BLOCK_CRC_AT) ^ crc32c(bytes, at, BLOCK_CRC_AT, seed)) !== 0) {",
        replace: "if (at < 0) {",
      },
      {
        file: "src/snapshot/image_reading.ts",
        find: "    end.chain === (chain | 0);",
        replace: "    chain !== 0.5;",
      },
    ],
  },
  mutant(
    "D16",
    "a delta is loaded without what it stands on",
    "engine/image_chain.ts",
    "    const chain = chainOf(images, image);\n    if (chain.some",
    "    const chain = [image];\n    if (chain.some",
  ),
  mutant(
    "D16",
    "commands that an image contains are executed again",
    "engine/examination.ts",
    "firstSequence <= base() ? undefined",
    "firstSequence <= Math.min(0, base()) ? undefined",
  ),
  mutant(
    "D16",
    "an image that can't be used stays listed",
    "engine/recovery.ts",
    "  const bad = new Set(badImages.map(({ name }) => name));\n",
    "  const bad = new Set(badImages.slice(0, 0).map(({ name }) => name));\n",
  ),
  mutant(
    "D16",
    "an image is encrypted with one nonce for all blocks",
    "snapshot/image_writing.ts",
    "cipher.seal(this.blocks, ",
    "cipher.seal(0, ",
  ),
  // What is kept
  mutant(
    "D16",
    "the full image before the newest goes at once",
    "engine/compaction.ts",
    "    images: [fallback, ...chain],",
    "    images: chain,",
  ),
  mutant(
    "D16",
    "the log goes up to the newest image",
    "engine/compaction.ts",
    "keptSegments(manifest.segments, fallback.sequence, ",
    "keptSegments(manifest.segments, image.sequence, ",
  ),
  mutant(
    "D16",
    "the log goes although there is only one full image",
    "engine/compaction.ts",
    "  if (fallback === undefined) {\n",
    "  if (fallback === undefined) {\n    if (manifest.images.length === 0) return { ...manifest, images: chain, segments: keptSegments(manifest.segments, image.sequence, retention, nowMs, isFree) };\n",
  ),
  mutant(
    "D3",
    "an image takes a name that a manifest may list",
    "engine/data_directory.ts",
    "if (disk.status(path) === undefined) return add();",
    "if (disk.status(path) === undefined || path.length > 0) return add();",
    689896273,
  ),
  mutant(
    "D16",
    "the full images before the newest go when they can't be read",
    "engine/compaction.ts",
    "images: logIsWhole(manifest) ? chain : ",
    "images: logIsWhole(manifest) || listed.length > 0 ? chain : ",
    1048004116,
  ),
  mutant(
    "D16",
    "an image that a start does not need may be gone",
    "engine/image_chain.ts",
    `      if (bytes === undefined) bad.set(name, { name, reason: "the file is gone", missing: true });
      else if`,
    "      if",
  ),
];
