/** Mutants of backups: what counts as shipped, in which order things are stored, who may write, what the log is kept for. */
import { type Mutant, mutant } from "./mutant.ts";

export const BACKUP_MUTANTS: readonly Mutant[] = [
  mutant(
    "D17",
    "a part counts as shipped before it is in the store",
    "backup/ship.ts",
    "    const size = await this.store(path, offset, until, (sum) =>\n      segmentObjectName({",
    "    this.position = lastSequence;\n    const size = await this.store(path, offset, until, (sum) =>\n      segmentObjectName({",
  ),
  mutant(
    "D17",
    "a part that may not be in the store is not sent again",
    "backup/ship.ts",
    "      await this.shipSpan(segment, tail, pending.span);\n      this.pending = undefined;\n",
    "      this.pending = undefined;\n      await this.shipSpan(segment, tail, pending.span);\n",
  ),
  mutant(
    "D17",
    "what is not on stable storage is shipped",
    "backup/shipping.ts",
    `await this.thread.call("ship", { manifest, durableSequence, images, keys })`,
    `await this.thread.call("ship", { manifest, durableSequence: Math.max(durableSequence, source.sequence), images, keys })`,
  ),
  mutant(
    "D17",
    "the log goes before it is shipped",
    "engine/compaction.ts",
    "if (sealed === null || sealed.lastSequence > floor || !isFree(segment))",
    "if (sealed === null || sealed.lastSequence > floor || isFree === undefined)",
  ),
  mutant(
    "D17",
    "after a start the log counts as shipped up to its newest segment",
    "backup/ship.ts",
    "{ claim: newest.claim, sequence };",
    "{ claim: newest.claim, sequence: Math.max(sequence, manifest.segments.at(-1)!.firstSequence - 1) };",
  ),
  mutant(
    "D3",
    "an image that did not get into the store is named all the same",
    "backup/ship.ts",
    "      return object;\n    });\n    const stored = {",
    "      return object;\n    }).catch(() => image.lengthBytes);\n    const stored = {",
  ),
  {
    rule: "D3",
    name: "the object that names images is stored before they are",
    edits: [
      {
        file: "src/backup/ship.ts",
        find: "    for (const image of chain) images.push(",
        replace: `    const held: [string, Parameters<typeof store.create>[1]][] = [];
    const later = { ...this.options, store: { ...store, create: async (...put: typeof held[0]) => { held.push(put); return "created"; } } };
    const ship = this.shipImage.bind(Object.assign(Object.create(this), { options: later }));
    for (const image of chain) images.push(`,
      },
      {
        file: "src/backup/ship.ts",
        find: "    await store.create(generationName(object), bytes);\n",
        replace:
          "    await store.create(generationName(object), bytes);\n    for (const put of held) await store.create(...put);\n",
      },
      {
        file: "src/backup/ship.ts",
        find: "await this.shipImage(image)",
        replace: "await ship(image)",
      },
    ],
  },
  mutant(
    "D17",
    "a server that was taken over ships on",
    "backup/ship.ts",
    "    if (newest === claim) return;\n",
    "    if (newest >= claim) return;\n",
  ),
  mutant(
    "D17",
    "what an older claim has brought beyond the point that the newer one goes on from counts",
    "backup/history.ts",
    "object.lastSequence > (untils.get(object.claim) ?? -1)",
    "untils.get(object.claim) === undefined",
  ),
  mutant(
    "D9",
    "what is kept of a log for the backup goes before the log is replaced",
    "backup/replaced_logs.ts",
    ".filter(({ manifest }) => hex(manifest.epoch) !== own)",
    '.filter(() => own !== "")',
    651361124,
  ),
  mutant(
    "D17",
    "pruning takes what the window needs",
    "backup/prune.ts",
    "Math.min(older?.object.sequence ?? 0, insurance?.object.sequence ?? 0)",
    "Math.max(older?.object.sequence ?? 0, insurance?.object.sequence ?? 0)",
  ),
  mutant(
    "D3",
    "pruning takes the beginning of a segment whose end is needed",
    "backup/prune.ts",
    "for (const { name } of pieces) this.neededSegments.add(name);",
    "for (const { name } of pieces.slice(-1)) this.neededSegments.add(name);",
  ),
  mutant(
    "D3",
    "pruning takes an image on which one that is kept stands",
    "backup/prune.ts",
    "if (object === undefined || needed.has(name)) return false;",
    "if (object === undefined) return false;",
  ),
  mutant(
    "D3",
    "pruning takes images before the objects that name them",
    "backup/prune.ts",
    "  for (const name of await removal.remove(oldGenerations)) doomed.delete(name);\n",
    "  await removal.remove(judge.images(doomed));\n  for (const name of await removal.remove(oldGenerations)) doomed.delete(name);\n",
  ),
  mutant(
    "D17",
    "a server that was taken over prunes on",
    "backup/prune.ts",
    "  if (newest === claim) return;\n",
    "  if (newest >= claim) return;\n",
  ),
  mutant(
    "D17",
    "pruning leaves no word of it for those who look for claims",
    "backup/prune.ts",
    "  if (oldGenerations.length + oldSegments.length > 0) await removal.begin(kept.windowFirst);\n",
    "",
  ),
];
