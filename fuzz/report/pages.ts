/**
 * docs/durability-report.md and .html, written from docs/durability-report.json: tables as text, and the same with bars.
 *
 * Nothing is rounded up here and nothing is left out: a mutant that was not noticed stands in its row.
 */
import { writeFileSync } from "node:fs";
import { MUTANTS } from "../mutation/mutants.ts";
import type { MutantResult } from "../mutation/run.ts";
import {
  type Circumstances,
  type ImageFlips,
  type RealPart,
  type Results,
  readResults,
  type SimulatedPart,
} from "./results.ts";

interface Section {
  readonly title: string;
  readonly text: readonly string[];
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Column whose numbers the page shows as bars. */
  readonly bars?: number;
}

const GROUPS = [
  "crashes",
  "power cuts",
  "sectors",
  "names",
  "faults",
  "images",
  "backup",
  "store",
  "rot",
  "decisions",
] as const;

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function circumstancesOf({ date, machine, node, commit, seconds }: Circumstances): string {
  return `${date}, commit ${commit}, ${machine}, Node.js ${node}, ${number(seconds)} s.`;
}

function total<Field extends string>(parts: readonly { readonly [F in Field]: number }[], field: Field): number {
  return parts.reduce((sum, part) => sum + part[field], 0);
}

/** Seeds by the commit that they were run at. */
function byCommit(parts: readonly SimulatedPart[]): string[] {
  const commits = [...new Set(parts.map(({ commit }) => commit))];
  return commits.map((commit) => {
    const own = parts.filter((part) => part.commit === commit);
    const seeds = own.reduce((sum, { numbers }) => sum + (numbers["seeds"] ?? 0), 0);
    return `${number(seeds)} seeds at ${ranOn(own)}`;
  });
}

/** The figures that count, on top. */
function summary(results: Results): Section[] {
  const simulatedParts = results.simulated ?? [];
  const count = (wanted: (name: string) => boolean): number =>
    simulatedParts.reduce(
      (sum, { numbers }) =>
        sum + Object.entries(numbers).reduce((own, [name, value]) => (wanted(name) ? own + value : own), 0),
      0,
    );
  const kills = results.kills ?? [];
  const cuts = results.powerCuts ?? [];
  const flipped = [...(results.flips?.results ?? []), ...(results.flips?.images ?? [])];
  const mutated = results.mutants?.results ?? [];
  const red = mutated.filter((each) => each.red).length;
  const seconds = [...simulatedParts, ...kills, ...cuts];
  const rows: [string, string, string][] = [
    [
      "simulated lives (seeds)",
      number(count((name) => name === "seeds")),
      `${number(total(simulatedParts, "failures"))} failed`,
    ],
    ["recoveries in them", number(count((name) => name === "recoveries")), ""],
    ["crashes in them", number(count((name) => name.startsWith("crashes"))), ""],
    ["images taken in them", number(count((name) => name === "images: full" || name === "images: deltas")), ""],
    ["starts from images in them", number(count((name) => name.startsWith("images: starts "))), ""],
    ["faults of the disk in them", number(count((name) => name.startsWith("faults: "))), ""],
    ["states restored from a store and compared", number(count((name) => name.startsWith("backup: states "))), ""],
    ["real processes killed", number(total(kills, "rounds")), lostOf(kills)],
    ["real power cuts", number(total(cuts, "rounds")), lostOf(cuts)],
    [
      "bits flipped",
      number(total(flipped, "flips")),
      `${number(flipped.reduce((sum, { wrong }) => sum + wrong.length, 0))} served wrong`,
    ],
    [
      "mutants recorded",
      `${number(mutated.length)} of the ${number(MUTANTS.length)} that exist`,
      mutated.length === 0 ? "" : `${number(red)} noticed: ${share(red, mutated)}`,
    ],
    ["hours of lives, kills and cuts", (total(seconds, "seconds") / 3600).toFixed(1), ""],
  ];
  return [{ title: "In short", text: [], head: ["what", "number", "result"], rows }];
}

/** Under `everysec` and `no` a power cut may take the last moments: what is in bounds is no failure. */
function lostOf(parts: readonly RealPart[]): string {
  const strict = parts.filter(({ policy, what }) => policy === "always" || what.startsWith("at "));
  return `${number(total(strict, "lost"))} acknowledged writes lost that the policy keeps, ${number(total(parts, "failures"))} rounds failed`;
}

function share(red: number, all: readonly unknown[]): string {
  return `${((100 * red) / all.length).toFixed(red === all.length ? 0 : 1)} %`;
}

function simulated(results: Results): Section[] {
  const parts = results.simulated ?? [];
  if (parts.length === 0) return [];
  const sum = new Map<string, number>();
  for (const { numbers } of parts) {
    for (const [name, value] of Object.entries(numbers)) {
      sum.set(name, name.startsWith("longest") ? Math.max(sum.get(name) ?? 0, value) : (sum.get(name) ?? 0) + value);
    }
  }
  const failures = total(parts, "failures");
  const grouped = (name: string): boolean => GROUPS.some((group) => name.startsWith(`${group}: `));
  const sections: Section[] = [
    {
      title: "Simulated crashes",
      text: [
        `**${number(sum.get("seeds") ?? 0)} seeds, ${number(failures)} failures**; ${number(sum.get("recoveries") ?? 0)} recoveries, ${hours(total(parts, "seconds"))} in ${number(parts.length)} runs. ` +
          "Each seed is a life of a server on the simulated disk; what each told its clients is held against what the next start gives back.",
        ...byCommit(parts),
      ],
      head: ["what", "times"],
      rows: [...sum].filter(([name]) => !grouped(name)).map(([name, value]) => [name, number(Math.round(value))]),
    },
  ];
  for (const group of GROUPS) {
    const rows = [...sum].filter(([name]) => name.startsWith(`${group}: `));
    if (rows.length === 0) continue;
    sections.push({
      title: `Simulated: ${group}`,
      text: [],
      head: [group, "times"],
      rows: rows.map(([name, value]) => [name.slice(group.length + 2), number(value)]),
      bars: 1,
    });
  }
  return sections;
}

/** Targets that count what they tried: a row each, over all their runs. */
function counted(results: Results): Section[] {
  const parts = results.counted ?? [];
  if (parts.length === 0) return [];
  const rows = [...new Set(parts.map(({ target }) => target))].map((target) => {
    const own = parts.filter((part) => part.target === target);
    const names = [...new Set(own.flatMap(({ numbers }) => Object.keys(numbers)))];
    const sum = (name: string): number => own.reduce((total, { numbers }) => total + (numbers[name] ?? 0), 0);
    const failures = own.reduce((total, part) => total + part.failures, 0);
    return [target, names.map((name) => `${number(sum(name))} ${name}`).join(", "), number(failures)];
  });
  return [
    {
      title: "Bytes from outside",
      text: [
        "Files and payloads in Redis's format, changed at random: each becomes a sound value or an error.",
        ...parts.map((part) => `${part.target}, from seed ${part.firstSeed}: ${circumstancesOf(part)}`),
      ],
      head: ["target", "tried", "failures"],
      rows,
    },
  ];
}

/** Rows of the same kind are one row, whenever they were run. */
function real(title: string, text: string, parts: readonly RealPart[] = []): Section[] {
  if (parts.length === 0) return [];
  interface Row {
    rounds: number;
    imageStarts: number;
    acknowledged: number;
    lost: number;
    failures: number;
  }
  const rows = new Map<string, Row>();
  for (const { what, policy, rounds, imageStarts = 0, acknowledged, lost, failures } of parts) {
    const name = `${what} | ${policy}`;
    const row = rows.get(name) ?? { rounds: 0, imageStarts: 0, acknowledged: 0, lost: 0, failures: 0 };
    row.rounds += rounds;
    row.imageStarts += imageStarts;
    row.acknowledged += acknowledged;
    row.lost += lost;
    row.failures += failures;
    rows.set(name, row);
  }
  return [
    {
      title,
      text: [
        `**${number(total(parts, "rounds"))} rounds, ${number(total(parts, "failures"))} failures**, ${hours(total(parts, "seconds"))}. ${text}`,
        ranOn(parts),
        ...(parts.some(({ imageStarts }) => imageStarts === undefined)
          ? ["Rounds that were recorded before there were images have taken none."]
          : []),
      ],
      head: [
        "where",
        "appendfsync",
        "rounds",
        "starts from images",
        "acknowledged",
        "acknowledged and gone",
        "failures",
      ],
      rows: [...rows].map(([name, { rounds, imageStarts, acknowledged, lost, failures }]) => [
        ...name.split(" | "),
        number(rounds),
        number(imageStarts),
        number(acknowledged),
        number(lost),
        number(failures),
      ]),
      bars: 2,
    },
  ];
}

function hours(seconds: number): string {
  return `${(seconds / 3600).toFixed(1)} hours`;
}

/** When, where and at which commits the parts were run. */
function ranOn(parts: readonly Circumstances[]): string {
  const all = (field: "date" | "commit" | "machine" | "node"): string =>
    [...new Set(parts.map((part) => part[field]))].join(", ");
  return `${all("date")}; commit ${all("commit")}; ${all("machine")}; Node.js ${all("node")}.`;
}

function mutants(results: Results): Section[] {
  const part = results.mutants;
  if (part === undefined) return [];
  const red = part.results.filter((each) => each.red).length;
  return [
    {
      title: "Mutation score",
      text: [
        `**${red} of ${part.results.length}** recorded mutants are noticed (${share(red, part.results)}; ${MUTANTS.length} exist): each takes away one sync, rename, test, order or gate (fuzz/mutation/mutants.ts).`,
        `Recorded last: ${circumstancesOf(part)} The sources that they were applied to: ${mutatedCommits(part.results)}. Seed 0: by bits flipped here and there.`,
      ],
      head: ["rule", "mutant", "noticed at seed"],
      rows: part.results.map(({ rule, name, red: noticed, seeds }) => [
        rule,
        name,
        noticed ? String(seeds) : `**not noticed in ${seeds} seeds**`,
      ]),
    },
  ];
}

/** How many mutants at which commit. */
function mutatedCommits(mutated: readonly MutantResult[]): string {
  const counts = new Map<string, number>();
  for (const { commit = "older commits" } of mutated) counts.set(commit, (counts.get(commit) ?? 0) + 1);
  return [...counts].map(([commit, count]) => `${number(count)} at ${commit}`).join(", ");
}

function flips(results: Results): Section[] {
  const part = results.flips;
  if (part === undefined) return [];
  const rows = part.results.map((each) => [
    `Emberlog, process ${each.ending}`,
    number(each.flips),
    number(each.refused),
    `${number(each.reportedLast)} + ${number(each.reportedMark)}`,
    number(each.harmless),
    number(each.wrong.length),
  ]);
  const { redis } = part;
  if (redis !== null) {
    rows.push([
      `redis-server ${redis.version}`,
      number(redis.flips),
      number(redis.refused),
      "0",
      number(redis.harmless),
      number(redis.wrong),
    ]);
  }
  return [
    {
      title: "Flipped bits",
      text: [
        "One bit of log, headers or manifest is flipped, then a start. Reported: the last group of a killed process (which no later frame vouches for), " +
          "marks without commands, and space that was only written ahead, are cut, copied aside and said.",
        circumstancesOf(part),
        ...(redis === null ? [] : [`redis-server serves what nobody wrote, and says nothing: ${redis.example}`]),
      ],
      head: ["whose file", "flips", "refused", "reported (last group + marks)", "served as it was", "served wrong"],
      rows,
      bars: 5,
    },
    ...imageFlips(part.images ?? []),
  ];
}

function imageFlips(images: readonly ImageFlips[]): Section[] {
  if (images.length === 0) return [];
  return [
    {
      title: "Flipped bits of images",
      text: [
        "One bit of a full image, of the full one before it, of two deltas or of the manifest that lists them is flipped, then a start. Passed over: it " +
          "begins with older images and more of the log, serves everything, and says which image is damaged. The full image before the newest is " +
          "not read by a start that can do without it: there `emberlog check` finds the flip.",
      ],
      head: [
        "whose files",
        "flips",
        "refused",
        "passed over and reported",
        "found by check",
        "not noticed or served wrong",
      ],
      rows: images.map(({ kind, flips, refused, passedOver, foundByCheck, wrong }) => [
        `Emberlog's images, ${kind}`,
        ...[flips, refused, passedOver, foundByCheck, wrong.length].map(number),
      ]),
    },
  ];
}

function sectionsOf(results: Results): Section[] {
  return [
    ...summary(results),
    ...simulated(results),
    ...counted(results),
    ...mutants(results),
    ...flips(results),
    ...real(
      "Killed processes",
      "The built server under load, killed with SIGKILL; nothing acknowledged may be gone.",
      results.kills,
    ),
    ...real(
      "Real power cuts",
      "ext4 and XFS in a loop-mounted image, stopped by FS_IOC_SHUTDOWN without writing anything more. Under `everysec` the last moments may be gone.",
      results.powerCuts,
    ),
  ];
}

function markdown(sections: readonly Section[]): string {
  let text =
    "# Durability report\n\nWritten by `npm run fuzz -- --report` from what was recorded; [durability.md](durability.md) says what it means.\n";
  for (const { title, text: words, head, rows } of sections) {
    text += `\n## ${title}\n${words.map((line) => `${line}\n`).join("\n")}\n`;
    text += `| ${head.join(" | ")} |\n|${head.map(() => "---").join("|")}|\n`;
    for (const row of rows) text += `| ${row.join(" | ")} |\n`;
  }
  return text;
}

function escaped(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/\*\*(.*?)\*\*/g, "<b>$1</b>")
    .replace(/`(.*?)`/g, "<code>$1</code>");
}

/** Each row as a bar: its name, the bar, the number. `named`: how many columns make the name. */
function barChart(title: string, rows: Section["rows"], column: number, named: number): string {
  const values = rows.map((row) => Number(row[column]!.replace(/,/g, "")));
  const most = Math.max(1, ...values);
  let bars = "";
  rows.forEach((row, i) => {
    const y = i * 22;
    const width = Math.round((values[i]! / most) * 380);
    bars += `<text x="290" y="${y + 15}" text-anchor="end">${escaped(row.slice(0, named).join(", "))}</text><rect x="300" y="${y + 3}" width="${Math.max(1, width)}" height="15"/>`;
    bars += `<text x="${308 + width}" y="${y + 15}">${row[column]}</text>`;
  });
  return `<svg viewBox="0 0 780 ${rows.length * 22}" role="img" aria-label="${escaped(title)}">${bars}</svg>\n`;
}

function html(sections: readonly Section[]): string {
  let body = "";
  for (const { title, text, head, rows, bars } of sections) {
    body += `<h2>${escaped(title)}</h2>\n${text.map((line) => `<p>${escaped(line)}</p>\n`).join("")}`;
    if (bars !== undefined) {
      body += `<figure>${barChart(`${title}: ${head[bars]}`, rows, bars, bars === 2 ? 2 : 1)}<figcaption>${escaped(head[bars]!)}</figcaption></figure>\n`;
      // A chart that shows all there is needs no table.
      if (head.length === 2) continue;
    }
    const cells = (row: readonly string[], tag: string): string =>
      `<tr>${row.map((cell) => `<${tag}${isNumber(cell) ? ' class="n"' : ""}>${escaped(cell)}</${tag}>`).join("")}</tr>\n`;
    body += `<table>\n${cells(head, "th")}${rows.map((row) => cells(row, "td")).join("")}</table>\n`;
  }
  const style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}" +
    "td,th{border-bottom:1px solid #8884;padding:.2rem .7rem;text-align:left}.n{text-align:right;font-variant-numeric:tabular-nums}" +
    "figure{margin:1rem 0}figcaption{font-size:13px;text-align:center;opacity:.7}svg{width:100%;font-size:13px}rect{fill:#c2501e}text{fill:currentColor}" +
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}}";
  const viewport = '<meta name="viewport" content="width=device-width">';
  return `<!doctype html>\n<html lang="en"><meta charset="utf-8">${viewport}<title>Emberlog: durability report</title><style>${style}</style>\n<h1>Durability report</h1>\n${body}</html>\n`;
}

function isNumber(cell: string): boolean {
  return /^[\d,.]+$/.test(cell);
}

export function writePages(): void {
  const sections = sectionsOf(readResults());
  writeFileSync("docs/durability-report.md", markdown(sections));
  writeFileSync("docs/durability-report.html", html(sections));
}
