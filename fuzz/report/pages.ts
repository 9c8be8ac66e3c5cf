/**
 * docs/durability-report.md and .html, written from docs/durability-report.json: tables as text, and the same with bars.
 *
 * Nothing is rounded up here and nothing is left out: a mutant that was not noticed stands in its row.
 */
import { writeFileSync } from "node:fs";
import { type Circumstances, type RealPart, type Results, readResults } from "./results.ts";

interface Section {
  readonly title: string;
  readonly text: readonly string[];
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Column whose numbers the page shows as bars. */
  readonly bars?: number;
}

const GROUPS = ["crashes", "power cuts", "sectors", "names", "faults", "rot", "decisions"] as const;

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function circumstancesOf({ date, machine, node, commit, seconds }: Circumstances): string {
  return `${date}, commit ${commit}, ${machine}, Node.js ${node}, ${number(seconds)} s.`;
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
  const hours = parts.reduce((total, { seconds }) => total + seconds, 0) / 3600;
  const failures = parts.reduce((total, part) => total + part.failures, 0);
  const grouped = (name: string): boolean => GROUPS.some((group) => name.startsWith(`${group}: `));
  const sections: Section[] = [
    {
      title: "Simulated crashes",
      text: [
        `${number(sum.get("seeds") ?? 0)} seeds, ${number(sum.get("recoveries") ?? 0)} recoveries, ${hours.toFixed(1)} hours, **${failures} failures**. ` +
          "Each seed is a life of a server on the simulated disk; what each told its clients is held against what the next start gives back.",
        ...parts.map((part) => `From seed ${part.firstSeed}: ${circumstancesOf(part)}`),
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
  const rows = new Map<string, { rounds: number; acknowledged: number; lost: number; failures: number }>();
  for (const { what, policy, rounds, acknowledged, lost, failures } of parts) {
    const name = `${what} | ${policy}`;
    const row = rows.get(name) ?? { rounds: 0, acknowledged: 0, lost: 0, failures: 0 };
    row.rounds += rounds;
    row.acknowledged += acknowledged;
    row.lost += lost;
    row.failures += failures;
    rows.set(name, row);
  }
  const sum = (field: "rounds" | "failures" | "seconds"): number =>
    parts.reduce((total, part) => total + part[field], 0);
  return [
    {
      title,
      text: [
        `**${number(sum("rounds"))} rounds, ${number(sum("failures"))} failures**, ${hours(sum("seconds"))}. ${text}`,
        ranOn(parts),
      ],
      head: ["where", "appendfsync", "rounds", "acknowledged", "acknowledged and gone", "failures"],
      rows: [...rows].map(([name, { rounds, acknowledged, lost, failures }]) => [
        ...name.split(" | "),
        number(rounds),
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
        `**${red} of ${part.results.length}** mutants are noticed: each takes away one sync, rename, test, order or gate (fuzz/mutation/mutants.ts).`,
        `Recorded mutant by mutant, the last at commit ${part.commit}, ${part.date}, ${part.machine}. Seed 0: by bits flipped here and there.`,
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
          "and marks without commands, are cut, copied aside and said.",
        circumstancesOf(part),
        ...(redis === null ? [] : [`redis-server serves what nobody wrote, and says nothing: ${redis.example}`]),
      ],
      head: ["whose file", "flips", "refused", "reported (last group + marks)", "served as it was", "served wrong"],
      rows,
    },
  ];
}

function sectionsOf(results: Results): Section[] {
  return [
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

/** A row as a bar: the name, the bar, the number. */
function barChart(rows: Section["rows"], column: number): string {
  const values = rows.map((row) => Number(row[column]!.replace(/,/g, "")));
  const most = Math.max(1, ...values);
  let bars = "";
  rows.forEach((row, i) => {
    const y = i * 22;
    const width = Math.round((values[i]! / most) * 380);
    bars += `<text x="290" y="${y + 15}" text-anchor="end">${escaped(row[0]!)}</text><rect x="300" y="${y + 3}" width="${Math.max(1, width)}" height="15"/>`;
    bars += `<text x="${308 + width}" y="${y + 15}">${row[column]}</text>`;
  });
  return `<svg viewBox="0 0 780 ${rows.length * 22}" role="img">${bars}</svg>\n`;
}

function html(sections: readonly Section[]): string {
  let body = "";
  for (const { title, text, head, rows, bars } of sections) {
    body += `<h2>${escaped(title)}</h2>\n${text.map((line) => `<p>${escaped(line)}</p>\n`).join("")}`;
    if (bars !== undefined) {
      body += barChart(rows, bars);
      continue;
    }
    const cells = (row: readonly string[], tag: string): string =>
      `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>\n`;
    body += `<table>\n${cells(head, "th")}${rows.map((row) => cells(row, "td")).join("")}</table>\n`;
  }
  const style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}" +
    "td,th{border-bottom:1px solid #ccc;padding:.2rem .7rem;text-align:left}svg{width:100%;font-size:13px}rect{fill:#c2501e}";
  return `<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Emberlog: durability report</title><style>${style}</style>\n<h1>Durability report</h1>\n${body}</html>\n`;
}

export function writePages(): void {
  const sections = sectionsOf(readResults());
  writeFileSync("docs/durability-report.md", markdown(sections));
  writeFileSync("docs/durability-report.html", html(sections));
}
