/**
 * What the crash harness must notice: each mutant takes away one sync, one rename, one test, one order or one gate. The text to
 * replace stands in its file exactly once; a change of the source that moves it makes `npm run fuzz -- --mutants` say so.
 *
 * Mutants exist in a copy of the sources only (run.ts): no switch of theirs is in the product.
 */
import { BACKUP_MUTANTS } from "./backup_mutants.ts";
import { IMAGE_MUTANTS } from "./image_mutants.ts";
import { type Edit, type Mutant, mutant } from "./mutant.ts";

/** Units of several frames are otherwise larger than 16 MiB: too large for thousands of lives. The harness must stay green with this alone. */
export const SMALL_FRAMES: Edit = {
  file: "src/base/limits.ts",
  find: "LOG_FRAME_PAYLOAD_BYTES_MAX = 16 * 1024 * 1024",
  replace: "LOG_FRAME_PAYLOAD_BYTES_MAX = 700",
};

const SYNC_FIRST_SEGMENT = `    syncFully(disk, segment.fd, joinPath(directory, segment.name));
    disk.syncDirectory(directory);
`;

export const MUTANTS: readonly Mutant[] = [
  ...IMAGE_MUTANTS,
  ...BACKUP_MUTANTS,
  mutant(
    "D8",
    "whatever follows the last frame is unused space",
    "log/unused_space.ts",
    "    for (let i = 0; i < read; i++) if (buffer[i] !== wanted[start + i]) return false;\n",
    "",
  ),
  mutant(
    "D3",
    "an empty segment with space written ahead is listed beside its successor of the same name",
    "engine/recovery.ts",
    "    if (scan.commands === 0 && (unused || scan.fileBytes === scan.endOffset)) continue;\n",
    "    if (scan.commands === 0 && scan.fileBytes === scan.endOffset) continue;\n",
  ),
  // Syncs and renames of files
  mutant(
    "D1",
    "a start does not sync its new segment",
    "engine/open_directory.ts",
    "    syncFully(disk, segment.fd, joinPath(directory, segment.name));\n",
    "",
  ),
  mutant(
    "D1",
    "a start does not sync the name of its new segment",
    "engine/open_directory.ts",
    SYNC_FIRST_SEGMENT,
    SYNC_FIRST_SEGMENT.split("\n")[0]!,
  ),
  mutant(
    "D1",
    "a rotation does not sync the new segment's header",
    "engine/data_directory.ts",
    "    disk.fdatasyncLater(opened.fd, (fileResult) => {",
    "    queueMicrotask(() => { const fileResult = 0;",
  ),
  mutant(
    "D1",
    "a rotation does not sync the new segment's name",
    "engine/data_directory.ts",
    "      disk.syncDirectoryLater(directory, (directoryResult) => {",
    "      queueMicrotask(() => { const directoryResult = 0;",
  ),
  mutant(
    "D2",
    "the manifest is not synced before it is renamed, at a start",
    "disk/replace_file.ts",
    "    syncFully(disk, fd, from);\n",
    "",
  ),
  mutant(
    "D2",
    "the name of the manifest is not synced, at a start",
    "disk/replace_file.ts",
    "  disk.rename(from, joinPath(directory, name));\n  disk.syncDirectory(directory);\n",
    "  disk.rename(from, joinPath(directory, name));\n",
  ),
  mutant(
    "D2",
    "the manifest is not synced before it is renamed, at a rotation",
    "disk/replace_file.ts",
    "    disk.fdatasyncLater(fd, (result) => {",
    "    queueMicrotask(() => { const result = 0;",
  ),
  mutant(
    "D2",
    "the name of the manifest is not synced, at a rotation",
    "disk/replace_file.ts",
    "      disk.syncDirectoryLater(directory, done);",
    "      queueMicrotask(() => done(0));",
  ),
  mutant(
    "D2",
    "the manifest is removed before the new one is renamed",
    "disk/replace_file.ts",
    "  disk.rename(from, joinPath(directory, name));\n  disk.syncDirectory(directory);",
    "  if (disk.status(joinPath(directory, name)) !== undefined) disk.unlink(joinPath(directory, name));\n  disk.rename(from, joinPath(directory, name));\n  disk.syncDirectory(directory);",
  ),
  mutant(
    "D2",
    "an empty segment is replaced by one whose header is not synced",
    "log/segment_file.ts",
    "  if (disk.status(path) !== undefined) syncFully(disk, space.fd, temporary);\n",
    "",
  ),
  mutant(
    "D3",
    "what the new manifest does not list goes before it is written",
    "engine/open_directory.ts",
    "    writeManifest(disk, directory, manifest, crc32c);\n    clearAway(disk, directory, recovered, segment.name);",
    "    clearAway(disk, directory, recovered, segment.name);\n    writeManifest(disk, directory, manifest, crc32c);",
  ),
  mutant(
    "D8",
    "what is cut is not copied aside",
    "engine/recovery.ts",
    `  if (decision === "cut" || decision === "open") copyTails(disk, directory, nowMs, examination, setAside);\n`,
    "",
  ),
  mutant(
    "D8",
    "the copy of what is cut is not synced",
    "engine/recovery.ts",
    "    syncFully(disk, target, path);\n  } finally {\n    disk.close(source);",
    "  } finally {\n    disk.close(source);",
  ),
  mutant(
    "D8",
    "the name of the copy of what is cut is not synced",
    "engine/recovery.ts",
    "  disk.syncDirectory(quarantine);\n",
    "",
  ),
  mutant(
    "D9",
    "a start takes a segment from the page cache as it is",
    "engine/recovery.ts",
    "  copySegment(disk, directory, name, crc32c, scan);\n",
    "",
  ),
  mutant(
    "D9",
    "the copy of a segment is not synced",
    "engine/segment_copy.ts",
    "    syncFully(disk, target, temporary);\n",
    "",
  ),
  mutant(
    "D9",
    "a segment is copied unseen",
    "engine/segment_copy.ts",
    "  if (!same || (again.scan.chain ^ scan.chain) !== 0) throw changedWhileRead(path);\n",
    "",
  ),
  mutant(
    "D14",
    "a relative expiry is logged as it came",
    "command/string/set.ts",
    `  logStored(call, 2, expiry);\n  call.notify(EVENT_STRING, "set", 1);`,
    `  call.notify(EVENT_STRING, "set", 1);`,
  ),
  // The writer
  mutant(
    "D7",
    "a short write counts as a whole one",
    "log/write_batch.ts",
    "    this.length -= written;\n",
    "    this.length = 0;\n",
  ),
  mutant(
    "D7",
    "a segment goes on behind a failed append",
    "log/writer.ts",
    `    this.failed = { kind: "write", errno };\n    this.state = "failed";`,
    '    check(errno < 0, "it has failed");',
  ),
  mutant(
    "D7",
    "what a failed write left out is dropped",
    "log/log_queue.ts",
    "    buffer.taken = buffer.written;\n",
    "    buffer.written = buffer.taken;\n",
  ),
  mutant(
    "D9",
    "a failed sync counts as a sync",
    "log/writer.ts",
    `    if (result < 0 || this.failed?.kind === "sync") {`,
    `    if (this.failed?.kind === "sync") {`,
  ),
  mutant(
    "D9",
    "a failed sync is tried again",
    "log/writer.ts",
    `      if (this.failed?.kind !== "sync") this.failSync(result);`,
    `      if (this.state === "open") return this.startSync();\n      if (this.failed?.kind !== "sync") this.failSync(result);`,
  ),
  mutant(
    "D9",
    "a server goes on after a failed sync",
    "engine/storage.ts",
    `failed.kind !== "sync" || this.writer.policy !== "always"`,
    `failed.kind === "sync"`,
  ),
  mutant(
    "D11",
    "a full segment is not synced before the next one begins",
    "log/writer.ts",
    "        this.syncSealsSegment = true;\n        this.startSync();\n        return;\n",
    "        this.syncSealsSegment = true;\n        this.durableSequence = this.writtenSequence;\n",
  ),
  mutant(
    "D12",
    "a sync covers what was written while it ran",
    "log/writer.ts",
    "    this.durableSequence = sync.sequence;\n    this.syncedPosition = sync.position;",
    "    this.durableSequence = this.writtenSequence;\n    this.syncedPosition = this.segment.goodPosition;",
  ),
  mutant(
    "D12",
    "replies leave when their writes are executed",
    "log/writer.ts",
    `return this.schedule.policy === "always" ? this.durableSequence : this.writtenSequence;`,
    "return this.sequence;",
  ),
  mutant(
    "D12",
    "under always replies leave when their writes are in the file",
    "log/writer.ts",
    `return this.schedule.policy === "always" ? this.durableSequence : this.writtenSequence;`,
    "return this.writtenSequence;",
  ),
  mutant(
    "D13",
    "what no manifest lists counts as durable",
    "log/writer.ts",
    "    if (!this.listed) return false;\n    if (this.syncs.first === undefined) return true;",
    "    if (this.syncs.first === undefined) return true;",
  ),
  mutant(
    "D12",
    "everysec never syncs",
    "log/sync_schedule.ts",
    `if (this.policy === "no") return`,
    `if (this.policy !== "always") return`,
  ),
  mutant(
    "D12",
    "a stop does not sync what it has written last",
    "log/writer.ts",
    "    const result = this.options.disk.fdatasync(this.segment.fd);\n",
    "    const result = 0;\n",
  ),
  // What is read back
  mutant(
    "D6",
    "the checksum of a payload is not tested",
    "log/segment_reader.ts",
    "(this.crc32c(this.buffer, payload, frame.payloadBytes, this.seed) ^ frame.payloadCrc) !== 0",
    "this.seed === -1.5",
  ),
  mutant(
    "D6",
    "the checksum of a frame's header is not tested",
    "log/format.ts",
    "  if ((getU32(bytes, at + FRAME_CRC_AT) ^ crc32c(bytes, at, FRAME_CRC_AT, seed)) !== 0) return false;\n",
    "",
  ),
  mutant(
    "D6",
    "the checksum of a segment's header is not tested",
    "log/format.ts",
    "if ((getU32(bytes, SEGMENT_CRC_AT) ^ crc32c(bytes, 0, SEGMENT_CRC_AT, 0)) !== 0)",
    "if (length < 0)",
  ),
  {
    rule: "D6",
    name: "a payload that the file cuts off is no damage",
    edits: [
      {
        file: "src/log/segment_reader.ts",
        find: `    if (FRAME_HEADER_BYTES + frame.payloadBytes > left) return "the file ends inside a payload";\n`,
        replace: "",
      },
      {
        file: "src/log/segment_reader.ts",
        find: `    if (begin < 0) return "the file ended while it was read";\n`,
        replace: "    if (begin < 0) {\n      this.offset = this.limit;\n      return null;\n    }\n",
      },
    ],
  },
  mutant(
    "D5",
    "checksums are not seeded with the salt",
    "log/format.ts",
    "  return crc32c(salt, 0, SALT_BYTES, 0);",
    "  return crc32c(salt, 0, 0, 0);",
  ),
  mutant(
    "D8",
    "nothing proves rot",
    "log/damage.ts",
    "        if (frame.durableSequence >= damage.sequence) {",
    "        if (frame.durableSequence < 0) {",
  ),
  mutant(
    "D8",
    "every later frame proves rot",
    "log/damage.ts",
    "        if (frame.durableSequence >= damage.sequence) {",
    "        if (base + at > damage.offset) {",
  ),
  mutant(
    "D8",
    "frames do not say what is durable",
    "log/writer.ts",
    "batch.take(buffer, this.segment, this.durableSequence, this.statistics);",
    "batch.take(buffer, this.segment, 0, this.statistics);",
  ),
  mutant(
    "D8",
    "frames say that they are durable themselves",
    "log/writer.ts",
    "batch.take(buffer, this.segment, this.durableSequence, this.statistics);",
    "batch.take(buffer, this.segment, this.sequence, this.statistics);",
  ),
  {
    rule: "D13",
    name: "neither the end nor the chain of a sealed segment is compared with the manifest",
    edits: [
      {
        file: "src/engine/examination.ts",
        find: "    if (scan.endOffset !== sealed.lengthBytes || scan.lastSequence !== sealed.lastSequence) {",
        replace: "    if (scan.endOffset > sealed.lengthBytes) {",
      },
      {
        file: "src/engine/examination.ts",
        find: "    if ((scan.chain ^ sealed.chain) !== 0) {",
        replace: "    if (scan.endOffset > sealed.lengthBytes) {",
      },
    ],
  },
  mutant(
    "D13",
    "a listed segment may be missing",
    "engine/examination.ts",
    `this.find("missing", name, undefined, `,
    `this.find("note", name, undefined, `,
  ),
  mutant(
    "D13",
    "the checksum of the manifest is not tested",
    "manifest/format.ts",
    "if (hex32(crc32c(bytes, 0, bodyBytes, 0)) !== end[1])",
    "if (bodyBytes < 0)",
  ),
  mutant(
    "D15",
    "the directory is not locked",
    "engine/open_directory.ts",
    "  const lock = disk.lock(directory);",
    "  const lock = { release: (): void => {} };",
  ),
  mutant(
    "D17",
    "the epoch stays after a cut",
    "engine/recovery.ts",
    `  const newEpoch = decision !== "open";`,
    `  const newEpoch = decision !== "open" && decision !== "cut";`,
  ),
  {
    rule: "D18",
    name: "each frame of a unit counts by itself",
    edits: [
      SMALL_FRAMES,
      {
        file: "src/log/segment_reader.ts",
        find: '    if (this.damage === null && !this.stopped && this.inUnit) this.damaged("the file ends inside a unit");\n',
        replace:
          "    if (this.inUnit) { this.goodOffset = this.offset; this.goodFrames = this.frames; this.goodChain = this.chain; this.damage = null; }\n",
      },
    ],
  },
  // Gates
  mutant(
    "D12",
    "reads leave at once",
    "command/executor.ts",
    "    if (journal.sequence <= this.released) return 0;\n",
    "    if (!changed || journal.sequence <= this.released) return 0;\n",
  ),
  mutant(
    "D12",
    "the gate of a key is one too early",
    "dataset/journal.ts",
    "this.positions[(hash ^ Math.imul(database, 0x9e3779b1)) & (POSITIONS - 1)] = this.sequence + 1;",
    "this.positions[(hash ^ Math.imul(database, 0x9e3779b1)) & (POSITIONS - 1)] = this.sequence;",
  ),
  mutant(
    "D12",
    "a flushed database shows nothing",
    "dataset/journal.ts",
    "    if (this.recording) this.floor = this.sequence + 1;\n",
    "",
  ),
  mutant(
    "D12",
    "only the first key of a read gates it",
    "command/executor.ts",
    "    for (let i = this.table.firstKey[id]!; i <= last && i < call.argc; i += step) {",
    "    for (let i = this.table.firstKey[id]!; i <= 1 && i < call.argc; i += step) {",
  ),
  mutant(
    "D12",
    "a notification waits for nothing",
    "server/pubsub/notifications.ts",
    "registry.publish(keyevent, 0, keyevent.length, key, offset, length, Number.POSITIVE_INFINITY);",
    "registry.publish(keyevent, 0, keyevent.length, key, offset, length, 0);",
  ),
  mutant(
    "D12",
    "a message waits for nothing that its client has done",
    "server/turn.ts",
    "    return Math.max(this.gate, this.running === undefined ? 0 : this.positionOf(this.running));",
    "    return 0;",
  ),
  mutant(
    "D12",
    "a message leaves before the transaction that it is part of",
    "server/turn.ts",
    "    if (this.call.inTransaction) return Number.POSITIVE_INFINITY;\n",
    "",
  ),
  mutant(
    "D12",
    "who has waited for a key is answered at once",
    "server/turn.ts",
    "    this.endRow(connection, executor.gate);\n",
    "    this.endRow(connection, 0);\n",
  ),
  mutant(
    "D12",
    "an error shows nothing",
    "command/executor.ts",
    "    if (reply.errors !== errors) this.countFailure(call, id);",
    "    if (reply.errors !== errors) {\n      this.countFailure(call, id);\n      this.gate = 0;\n    }",
  ),
  // What the log gets
  mutant(
    "D14",
    "what was drawn by lot is logged as the request",
    "command/set/spop.ts",
    "  if (call.journal.recording) logOne(call, ref);\n",
    "",
  ),
  mutant(
    "D14",
    "what a request takes that has waited is not logged",
    "command/list/blocking.ts",
    `  effect.text(atFront ? "LPOP" : "RPOP");`,
    `  effect.text("LLEN");`,
  ),
  mutant(
    "D14",
    "a field's time is logged as it came",
    "command/hash/effects.ts",
    "  if (time !== -1) effect.integer(time);",
    "  if (time !== -1) effect.integer(time - 1);",
  ),
  // Encryption
  mutant(
    "D6",
    "every frame is encrypted with the same nonce, and none with its own",
    "log/segment_file.ts",
    "const length = sealFrameEncrypted(bytes, at, out, to, this.frames, durableSequence, seed, crc32c, cipher);",
    "const length = sealFrameEncrypted(bytes, at, out, to, 0, durableSequence, seed, crc32c, cipher);",
  ),
  mutant(
    "D12",
    "a reply overtakes those that wait",
    "server/reply_queue.ts",
    "      if (connection.parked === 0 && gate <= released) {",
    "      if (gate <= released) {",
  ),
];
